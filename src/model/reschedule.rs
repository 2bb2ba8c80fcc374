//! One poke of a sensor that gave its slot back.

use super::{Text, Timestamp};

/// One poke of a rescheduled sensor, other than its last.
#[derive(Clone, Debug, PartialEq)]
pub struct Reschedule {
    /// DAG.
    pub dag_id: Text,
    /// Run of the DAG.
    pub run_id: Text,
    /// Task.
    pub task_id: Text,
    /// Index of the mapped instance, or -1.
    pub map_index: i32,
    /// Attempt.
    pub try_number: Option<i32>,
    /// Place among the pokes of the attempt: Airflow's own row id, which grows with time.
    pub number: i64,
    /// Start of the poke.
    pub started_at: Option<Timestamp>,
    /// End of the poke.
    pub ended_at: Option<Timestamp>,
    /// When the next poke was due.
    pub reschedule_at: Option<Timestamp>,
}
