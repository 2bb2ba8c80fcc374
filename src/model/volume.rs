//! How much a task instance handled.

use super::Text;

/// What one task instance read or wrote, as its lineage or its owner tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// DAG.
    pub dag_id: Text,
    /// Run of the DAG.
    pub run_id: Text,
    /// Task.
    pub task_id: Text,
    /// Index of the mapped instance, or -1.
    pub map_index: i32,
    /// Rows.
    pub rows: Option<i64>,
    /// Bytes.
    pub bytes: Option<i64>,
}
