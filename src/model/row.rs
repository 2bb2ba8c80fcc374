//! What an input gives, one row at a time.

use super::{
    Attempt, AuditEvent, BenchRecord, Dag, DagRun, DagTag, Deadline, Job, LogEvent, Marker, MetricSample, Pool,
    Reschedule, TaskEdge, TaskSpec, Text, Timestamp, Volume,
};

/// One row of history, whatever it is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// One try of one task instance.
    Attempt(Attempt),
    /// One run.
    Run(DagRun),
    /// One poke of a sensor.
    Reschedule(Reschedule),
    /// One poke of a sensor that names its attempt by Airflow 3's task instance id only.
    RescheduleById {
        /// The id.
        ti_id: Text,
        /// Everything but the attempt's identity, whose fields are empty.
        poke: Reschedule,
    },
    /// How much one task instance handled.
    Volume(Volume),
    /// One dependency between tasks.
    Edge(TaskEdge),
    /// One pool.
    Pool(Pool),
    /// One DAG.
    Dag(Dag),
    /// One tag of a DAG.
    DagTag(DagTag),
    /// One task of a serialized DAG.
    Task(TaskSpec),
    /// One value of a metric.
    Metric(MetricSample),
    /// One entry of a log.
    Log(LogEvent),
    /// A deploy, an incident.
    Marker(Marker),
    /// Who did what.
    Audit(AuditEvent),
    /// One process of Airflow.
    Job(Job),
    /// One deadline.
    Deadline(Deadline),
    /// One measured run of an engine.
    Bench(BenchRecord),
}

/// Prefix of a stand-in run id, see [`stand_in_run_id`].
const STAND_IN: &str = "execution_date__";

/// Airflow 1.10 to 2.1 name a task instance's run by its date only. Until the run's own row is known, this stands for
/// its id; it can be told from any id of Airflow and holds the date.
pub fn stand_in_run_id(execution_date: Timestamp) -> Text {
    format!("{STAND_IN}{execution_date}").into()
}

/// Is it a stand-in?
pub fn is_stand_in_run_id(run_id: &str) -> bool {
    run_id.starts_with(STAND_IN)
}

/// The date that a run id states: Airflow's own ids of scheduled and backfill runs, and stand-ins.
pub fn date_in_run_id(run_id: &str) -> Option<Timestamp> {
    let prefixes = ["scheduled__", "backfill__", "backfill_", STAND_IN];
    let date = prefixes.iter().find_map(|prefix| run_id.strip_prefix(prefix))?;
    let instant: jiff::Timestamp = date.parse().ok()?;
    Some(Timestamp::from_micros(instant.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_keeps_its_date() {
        let date = Timestamp::from_micros(1_795_520_058_335_951);
        let id = stand_in_run_id(date);
        assert!(is_stand_in_run_id(&id));
        assert_eq!(date_in_run_id(&id), Some(date));
        assert_eq!(super::super::month_in_run_id(&id), Some(date.month()));
        assert_eq!(date_in_run_id("manual__x"), None);
        assert_eq!(
            date_in_run_id("scheduled__2026-08-22T02:00:00+00:00").map(|t| t.to_string()).as_deref(),
            Some("2026-08-22T02:00:00Z")
        );
    }
}
