//! What happened beside the runs: deploys and incidents, actions of people, jobs, missed deadlines.

use super::{Text, Timestamp};

/// Something that may explain a change: a deploy, an incident, an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marker {
    /// When.
    pub time: Timestamp,
    /// `deploy`, `incident`, `upgrade`, or the word that the source uses.
    pub kind: Text,
    /// What, in one line.
    pub text: Text,
    /// DAG it is about; `None` for all.
    pub dag_id: Option<Text>,
    /// Version, commit or ticket.
    pub reference: Option<Text>,
    /// End of an incident.
    pub ended_at: Option<Timestamp>,
}

/// One row of Airflow's audit log: who did what.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    /// Airflow's own row id.
    pub id: i64,
    /// When.
    pub time: Timestamp,
    /// What, such as `clear` or `success`.
    pub event: Text,
    /// DAG.
    pub dag_id: Option<Text>,
    /// Run.
    pub run_id: Option<Text>,
    /// Task.
    pub task_id: Option<Text>,
    /// Index of the mapped instance.
    pub map_index: Option<i32>,
    /// Attempt.
    pub try_number: Option<i32>,
    /// Who.
    pub owner: Option<Text>,
    /// Details, with secrets masked.
    pub extra: Option<Text>,
}

/// One process of Airflow: a scheduler, a triggerer, a task's own job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Airflow's own row id.
    pub id: i64,
    /// Type, such as `SchedulerJob`.
    pub job_type: Option<Text>,
    /// State.
    pub state: Option<Text>,
    /// DAG, of a task's job.
    pub dag_id: Option<Text>,
    /// Host.
    pub hostname: Option<Text>,
    /// Start.
    pub started_at: Option<Timestamp>,
    /// End.
    pub ended_at: Option<Timestamp>,
    /// Last sign of life.
    pub heartbeat_at: Option<Timestamp>,
}

/// One deadline: an SLA that was missed (until 2.x), or a deadline of a run (3.x).
#[derive(Clone, Debug, PartialEq)]
pub struct Deadline {
    /// `sla_miss` or `deadline`.
    pub kind: &'static str,
    /// Airflow's own id; for an SLA its DAG, task and date.
    pub id: Text,
    /// DAG.
    pub dag_id: Option<Text>,
    /// Task.
    pub task_id: Option<Text>,
    /// Run: the id, or 3.x's row number of it.
    pub run_id: Option<Text>,
    /// Date the run is about.
    pub logical_date: Option<Timestamp>,
    /// When it was due (3.x).
    pub due_at: Option<Timestamp>,
    /// When it was found missed.
    pub missed_at: Option<Timestamp>,
    /// Was it missed? `None` where the source does not say.
    pub missed: Option<bool>,
}

/// A task as the serialized DAG describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSpec {
    /// DAG.
    pub dag_id: Text,
    /// Task.
    pub task_id: Text,
    /// Version of the structure: Airflow's hash of the serialized DAG.
    pub version: Text,
    /// Operator class name.
    pub operator: Option<Text>,
    /// Pool.
    pub pool: Option<Text>,
    /// Slots taken in the pool.
    pub pool_slots: Option<i32>,
    /// Executor queue.
    pub queue: Option<Text>,
    /// Own priority weight, before the weight rule.
    pub priority_weight: Option<i32>,
    /// Retries.
    pub retries: Option<i32>,
    /// Trigger rule.
    pub trigger_rule: Option<Text>,
    /// Is it mapped?
    pub mapped: bool,
}
