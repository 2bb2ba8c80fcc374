//! One try of one task instance.

use super::{SourceKind, Text, Timestamp};

/// One try of one task instance, as one source reports it or as several sources together do.
///
/// `logical_date` is missing on purpose: it belongs to the run and is joined when the lake is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// DAG.
    pub dag_id: Text,
    /// Run of the DAG.
    pub run_id: Text,
    /// Task of the DAG; dots separate task groups.
    pub task_id: Text,
    /// Index of a mapped task's instance; -1 where the task is not mapped, or not expanded yet.
    pub map_index: i32,
    /// 1 for the first try, 0 for a task instance that was never scheduled, `None` where the source does not say.
    pub try_number: Option<i32>,
    /// State; `None` is Airflow's "no status".
    pub state: Option<TaskState>,
    /// Operator class name.
    pub operator: Option<Text>,
    /// Pool.
    pub pool: Option<Text>,
    /// Slots taken in the pool.
    pub pool_slots: Option<i32>,
    /// Executor queue.
    pub queue: Option<Text>,
    /// Effective priority weight.
    pub priority_weight: Option<i32>,
    /// Host that ran it.
    pub hostname: Option<Text>,
    /// Executor (2.10 and later).
    pub executor: Option<Text>,
    /// Retries allowed, as of the last clear.
    pub max_tries: Option<i32>,
    /// When its dependencies were met (3.x).
    pub scheduled_at: Option<Timestamp>,
    /// When it was handed to the executor; for a deferred attempt, the last resume.
    pub queued_at: Option<Timestamp>,
    /// When its process started; for a rescheduled sensor, the last poke.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Seconds that Airflow recorded as its duration.
    pub duration_s: Option<f64>,
    /// Last write to the row.
    pub updated_at: Option<Timestamp>,
    /// Airflow 3's id of this try, by which `task_reschedule` refers to it.
    pub ti_id: Option<Text>,
    /// Kind of source that gave the row.
    pub source: SourceKind,
    /// Provenance of fields that another source filled; empty for nearly every row.
    pub fills: Option<Text>,
}

/// The same, as it stands in an export that is being read: nothing is copied until it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of Attempt")]
pub struct AttemptRef<'a> {
    pub dag_id: &'a str,
    pub run_id: &'a str,
    pub task_id: &'a str,
    pub map_index: i32,
    pub try_number: Option<i32>,
    pub state: Option<&'a str>,
    pub operator: Option<&'a str>,
    pub pool: Option<&'a str>,
    pub pool_slots: Option<i32>,
    pub queue: Option<&'a str>,
    pub priority_weight: Option<i32>,
    pub hostname: Option<&'a str>,
    pub executor: Option<&'a str>,
    pub max_tries: Option<i32>,
    pub scheduled_at: Option<Timestamp>,
    pub queued_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub duration_s: Option<f64>,
    pub updated_at: Option<Timestamp>,
    pub ti_id: Option<&'a str>,
    pub source: SourceKind,
}

impl AttemptRef<'_> {
    /// The same, with texts of its own.
    pub fn to_owned(&self) -> Attempt {
        let text = |text: Option<&str>| text.map(Text::from);
        Attempt {
            dag_id: self.dag_id.into(),
            run_id: self.run_id.into(),
            task_id: self.task_id.into(),
            map_index: self.map_index,
            try_number: self.try_number,
            state: self.state.map(TaskState::parse),
            operator: text(self.operator),
            pool: text(self.pool),
            pool_slots: self.pool_slots,
            queue: text(self.queue),
            priority_weight: self.priority_weight,
            hostname: text(self.hostname),
            executor: text(self.executor),
            max_tries: self.max_tries,
            scheduled_at: self.scheduled_at,
            queued_at: self.queued_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
            duration_s: self.duration_s,
            updated_at: self.updated_at,
            ti_id: text(self.ti_id),
            source: self.source,
            fills: None,
        }
    }
}

impl Attempt {
    /// An attempt of which nothing but its identity is known.
    pub fn known_by(dag_id: Text, run_id: Text, task_id: Text, source: SourceKind) -> Self {
        Self {
            dag_id,
            run_id,
            task_id,
            map_index: -1,
            try_number: None,
            state: None,
            operator: None,
            pool: None,
            pool_slots: None,
            queue: None,
            priority_weight: None,
            hostname: None,
            executor: None,
            max_tries: None,
            scheduled_at: None,
            queued_at: None,
            started_at: None,
            ended_at: None,
            duration_s: None,
            updated_at: None,
            ti_id: None,
            source,
            fills: None,
        }
    }

    /// The same, borrowed.
    pub fn as_ref(&self) -> AttemptRef<'_> {
        AttemptRef {
            dag_id: &self.dag_id,
            run_id: &self.run_id,
            task_id: &self.task_id,
            map_index: self.map_index,
            try_number: self.try_number,
            state: self.state.as_ref().map(TaskState::as_str),
            operator: self.operator.as_deref(),
            pool: self.pool.as_deref(),
            pool_slots: self.pool_slots,
            queue: self.queue.as_deref(),
            priority_weight: self.priority_weight,
            hostname: self.hostname.as_deref(),
            executor: self.executor.as_deref(),
            max_tries: self.max_tries,
            scheduled_at: self.scheduled_at,
            queued_at: self.queued_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
            duration_s: self.duration_s,
            updated_at: self.updated_at,
            ti_id: self.ti_id.as_deref(),
            source: self.source,
        }
    }
}

impl Attempt {
    /// Did a process of this attempt run to an end of its own, so that its times mean something?
    ///
    /// Excludes skipped, upstream_failed and removed instances, rows that were set by hand, and operators that the
    /// scheduler completes without running them (start equals end, never queued).
    pub fn ran(&self) -> bool {
        let finished = matches!(self.state, Some(TaskState::Success | TaskState::Failed | TaskState::UpForRetry));
        let skipped_itself = self.state == Some(TaskState::Skipped) && self.try_number.unwrap_or(0) > 0;
        match (self.started_at, self.ended_at) {
            (Some(start), Some(end)) if finished || skipped_itself => {
                end >= start && (self.queued_at.is_some() || end > start)
            }
            _ => false,
        }
    }

    /// Seconds from `queued` to `started`. `None` where a column is missing or the attempt was resumed after a deferral
    /// (its `queued_at` is then later than its start and says nothing of the first wait).
    pub fn queue_wait_s(&self) -> Option<f64> {
        let wait = self.started_at?.seconds_since(self.queued_at?);
        (wait >= 0.0).then_some(wait)
    }

    /// Seconds from `scheduled` to `queued` (Airflow 3): the wait for a pool slot or another limit.
    pub fn scheduling_delay_s(&self) -> Option<f64> {
        let wait = self.queued_at?.seconds_since(self.scheduled_at?);
        (wait >= 0.0 && self.queue_wait_s().is_some()).then_some(wait)
    }

    /// Was it resumed after a deferral? Its last queueing is then later than its start.
    pub fn was_deferred(&self) -> bool {
        matches!((self.queued_at, self.started_at), (Some(q), Some(s)) if q > s)
    }
}

/// State of a task instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// Ended well.
    Success,
    /// Ended badly, no retry left.
    Failed,
    /// Ended badly, another try follows.
    UpForRetry,
    /// Did not run, or ended itself as skipped.
    Skipped,
    /// Did not run because a task before it failed.
    UpstreamFailed,
    /// The task left the DAG.
    Removed,
    /// Process runs.
    Running,
    /// Handed to the executor.
    Queued,
    /// Dependencies met.
    Scheduled,
    /// Waits in the triggerer.
    Deferred,
    /// A sensor between two pokes.
    UpForReschedule,
    /// Any other text that Airflow wrote.
    Other(Text),
}

impl TaskState {
    /// Reads Airflow's text.
    pub fn parse(text: &str) -> Self {
        match text {
            "success" => Self::Success,
            "failed" => Self::Failed,
            "up_for_retry" => Self::UpForRetry,
            "skipped" => Self::Skipped,
            "upstream_failed" => Self::UpstreamFailed,
            "removed" => Self::Removed,
            "running" => Self::Running,
            "queued" => Self::Queued,
            "scheduled" => Self::Scheduled,
            "deferred" => Self::Deferred,
            "up_for_reschedule" => Self::UpForReschedule,
            other => Self::Other(other.into()),
        }
    }

    /// Airflow's text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::UpForRetry => "up_for_retry",
            Self::Skipped => "skipped",
            Self::UpstreamFailed => "upstream_failed",
            Self::Removed => "removed",
            Self::Running => "running",
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Deferred => "deferred",
            Self::UpForReschedule => "up_for_reschedule",
            Self::Other(text) => text,
        }
    }
}
