//! Everything that is known of one DAG.

use super::{Attempt, Dag, DagRun, Deployment, Reschedule, TaskEdge, Text, Volume};

/// How much of a history is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Of attempts, what tells their runs, their states and when they ran; the rest may be missing.
    Times,
    /// What series and their evidence need besides: pools, operators, hosts, slots, tries; the rest may be missing.
    Series,
    /// Everything.
    All,
}

/// Everything that is known of one DAG.
#[derive(Clone, Debug, PartialEq)]
pub struct DagHistory {
    /// Airflow installation.
    pub deployment: Deployment,
    /// DAG.
    pub dag_id: Text,
    /// Its row in the metadata database, where it was exported.
    pub dag: Option<Dag>,
    /// Its tags, in order.
    pub tags: Vec<Text>,
    /// Runs, by logical date.
    pub runs: Vec<DagRun>,
    /// Attempts, by task and start.
    pub attempts: Vec<Attempt>,
    /// Pokes of rescheduled sensors.
    pub reschedules: Vec<Reschedule>,
    /// What its task instances handled, where that is known.
    pub volumes: Vec<Volume>,
    /// Edges of the newest known structure; empty where no structure was exported.
    pub edges: Vec<TaskEdge>,
}
