//! The limits of an Airflow by name, as a user states them: at the beginning, and what changed when.

use crate::{
    model::{Text, Timestamp},
    replay::airflow::Generation,
};
use std::collections::BTreeMap;

/// Limits of a DAG; what is `None` is as exported, else Airflow's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DagLimits {
    /// `max_active_tasks`
    pub max_active_tasks: Option<u32>,
    /// `max_active_runs`
    pub max_active_runs: Option<u32>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitChange {
    /// `parallelism`
    Parallelism(u32),
    /// `max_tis_per_query`
    MaxTis(u32),
    /// Slots of a pool.
    Pool(Text, u32),
    /// Limits of a DAG.
    Dag(Text, DagLimits),
    /// The scheduler was stopped, and started again so many microseconds later.
    Restart(u64),
}

/// Limits of an Airflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AirflowLimits {
    /// Generation; `None` is as the history looks: Airflow 3 keeps when task instances were scheduled.
    pub generation: Option<Generation>,
    /// `parallelism` at the beginning.
    pub parallelism: Option<u32>,
    /// `max_tis_per_query` at the beginning.
    pub max_tis: Option<u32>,
    /// Slots of pools at the beginning; others are as exported.
    pub pools: BTreeMap<Text, u32>,
    /// Limits of DAGs at the beginning.
    pub dags: BTreeMap<Text, DagLimits>,
    /// Do runs wait for `max_active_runs`? Else they begin when they were recorded to be made.
    pub runs_by_limit: bool,
    /// Changes, in order of time.
    pub changes: Vec<(Timestamp, LimitChange)>,
}
