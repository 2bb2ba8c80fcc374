//! What a DAG is, apart from its runs: owner, schedule, edges; and the pools it draws on.

use super::{Text, Timestamp};

/// A DAG as its row in the metadata database describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dag {
    /// DAG.
    pub dag_id: Text,
    /// Owners, comma separated as Airflow keeps them.
    pub owners: Option<Text>,
    /// Schedule as text: a cron string, a preset or a timetable's summary.
    pub schedule: Option<Text>,
    /// Tasks of one run that may run at once.
    pub max_active_tasks: Option<i32>,
    /// Runs that may be active at once.
    pub max_active_runs: Option<i32>,
    /// When the row was written.
    pub updated_at: Option<Timestamp>,
}

/// One tag of a DAG.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DagTag {
    /// DAG.
    pub dag_id: Text,
    /// Tag.
    pub tag: Text,
}

/// One dependency: `downstream` waits for `upstream`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskEdge {
    /// DAG.
    pub dag_id: Text,
    /// Task that runs first.
    pub upstream: Text,
    /// Task that waits.
    pub downstream: Text,
    /// Version of the structure: Airflow's hash of the serialized DAG.
    pub version: Text,
    /// Where it is known from.
    pub source: EdgeSource,
}

/// Where an edge is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeSource {
    /// The serialized DAG.
    Serialized,
    /// The REST API.
    Api,
    /// The order of starts and ends in the history.
    Inferred,
}

impl EdgeSource {
    /// Text as in the lake and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serialized => "serialized",
            Self::Api => "api",
            Self::Inferred => "inferred",
        }
    }

    /// Reads that text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Serialized, Self::Api, Self::Inferred].into_iter().find(|s| s.as_str() == text)
    }
}

/// A pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Name.
    pub pool: Text,
    /// Slots; -1 is Airflow's "no limit".
    pub slots: Option<i32>,
    /// Do deferred tasks hold a slot?
    pub include_deferred: Option<bool>,
    /// What it is for.
    pub description: Option<Text>,
}
