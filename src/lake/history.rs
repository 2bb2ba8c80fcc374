//! Histories of a deployment, DAG after DAG.

use super::{
    Error, Lake,
    ordered::OrderedRows,
    rows::{Loaded, Row, Stored},
    table::{Column, Table},
};
use crate::model::{Attempt, Dag, DagHistory, DagRun, DagTag, Deployment, Detail, Reschedule, TaskEdge, Text, Volume};

/// Reads what is known of each DAG of a deployment, in the order of their ids. The lake must be held meanwhile
/// ([`Lake::hold`]).
pub struct HistoryReader {
    deployment: Deployment,
    dags: OrderedRows<Dag>,
    tags: OrderedRows<DagTag>,
    edges: OrderedRows<RevisedEdge>,
    runs: OrderedRows<DagRun>,
    attempts: OrderedRows<Attempt>,
    reschedules: OrderedRows<Reschedule>,
    volumes: OrderedRows<Volume>,
}

/// Columns of attempts that [`Detail::Times`] needs.
const TIMES: [&str; 10] = [
    "dag_id",
    "run_id",
    "task_id",
    "map_index",
    "try_number",
    "state",
    "queued_at",
    "started_at",
    "ended_at",
    "source",
];

/// And those that [`Detail::Series`] needs besides.
const SERIES: [&str; 6] = ["operator", "pool", "pool_slots", "hostname", "max_tries", "scheduled_at"];

impl HistoryReader {
    pub(super) fn open(lake: &Lake, deployment: &Deployment, detail: Detail) -> Result<Self, Error> {
        let wanted = |column: &Column| match detail {
            Detail::Times => TIMES.contains(&column.name),
            Detail::Series => TIMES.contains(&column.name) || SERIES.contains(&column.name),
            Detail::All => true,
        };
        Ok(Self {
            deployment: deployment.clone(),
            dags: OrderedRows::open(lake, deployment)?,
            tags: OrderedRows::open(lake, deployment)?,
            edges: OrderedRows::open(lake, deployment)?,
            runs: OrderedRows::open(lake, deployment)?,
            attempts: OrderedRows::open_columns(lake, deployment, wanted)?,
            reschedules: OrderedRows::open(lake, deployment)?,
            volumes: OrderedRows::open(lake, deployment)?,
        })
    }

    /// Everything that is known of a DAG, which must come after all that were asked for before.
    pub fn next(&mut self, dag_id: &Text) -> Result<DagHistory, Error> {
        Ok(DagHistory {
            deployment: self.deployment.clone(),
            dag_id: dag_id.clone(),
            dag: self.dags.of_dag(dag_id)?.into_iter().next(),
            tags: self.tags.of_dag(dag_id)?.into_iter().map(|tag| tag.tag).collect(),
            runs: self.runs.of_dag(dag_id)?,
            attempts: self.attempts.of_dag(dag_id)?,
            reschedules: self.reschedules.of_dag(dag_id)?,
            volumes: self.volumes.of_dag(dag_id)?,
            edges: newest(self.edges.of_dag(dag_id)?),
        })
    }
}

/// An edge with the ingest that brought it.
struct RevisedEdge {
    edge: TaskEdge,
    revision: i64,
}

impl Stored for RevisedEdge {
    const TABLE: &'static Table = TaskEdge::TABLE;

    fn write(&self, row: &mut super::batch::RowWriter<'_>) {
        self.edge.write(row);
    }
}

impl Loaded for RevisedEdge {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        Some(Self { edge: TaskEdge::from_row(row)?, revision: row.int(5).unwrap_or(0) })
    }
}

/// Edges of the newest structure.
fn newest(mut edges: Vec<RevisedEdge>) -> Vec<TaskEdge> {
    let newest = edges.iter().max_by_key(|edge| (edge.revision, edge.edge.version.clone()));
    let newest = newest.map(|edge| edge.edge.version.clone());
    edges.retain(|edge| Some(&edge.edge.version) == newest.as_ref());
    edges.into_iter().map(|edge| edge.edge).collect()
}
