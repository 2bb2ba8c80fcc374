//! A DAG with the time that each of its tasks took or takes.

use super::{Graph, Text};

/// One task of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkflowTask {
    /// Its name, unlike all others.
    pub task_id: Text,
    /// Microseconds that it runs.
    pub length: u64,
    /// Processor cores that it used.
    pub cores: Option<f64>,
    /// Bytes of memory that it used.
    pub memory_bytes: Option<f64>,
}

/// Tasks and who waits for whom; task `i` is node `i` of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// Name.
    pub name: Text,
    /// Tasks.
    pub tasks: Vec<WorkflowTask>,
    /// Dependencies.
    pub graph: Graph,
    /// Tasks whose length was not told or below zero, and was taken to be 0.
    pub without_length: usize,
}

impl Workflow {
    /// Lengths of all tasks, in microseconds.
    #[must_use]
    pub fn lengths(&self) -> Vec<u64> {
        self.tasks.iter().map(|task| task.length).collect()
    }
}
