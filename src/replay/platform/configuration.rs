//! What can be set on a platform without touching what its tasks compute.

use crate::{engine::scheduler::Policy, model::Platform};

/// A configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Tasks that run at once.
    pub parallelism: u32,
    /// Slots of each pool.
    pub pools: Vec<u32>,
    /// `max_active_tasks` of each DAG.
    pub active: Vec<u32>,
    /// Order of ready tasks.
    pub order: Policy,
    /// Does a task of the core DAG go before those of other DAGs?
    pub core_first: bool,
    /// Items that are in memory at once, of each task of each DAG; `None` is all of a part.
    pub batches: Vec<Vec<Option<f64>>>,
    /// Seconds by which runs of each DAG are made later.
    pub shifts: Vec<f64>,
    /// Share of the memory up to which tasks are let in, by what is predicted that they need; `None` lets all in.
    pub admission: Option<f64>,
}

impl Configuration {
    /// As the platform stands.
    #[must_use]
    pub fn of(platform: &Platform) -> Self {
        use crate::engine::scheduler::WeightRule::Downstream;
        Self {
            parallelism: platform.parallelism,
            pools: platform.pools.iter().map(|pool| pool.slots).collect(),
            active: platform.dags.iter().map(|dag| dag.max_active_tasks).collect(),
            order: Policy::Airflow(Downstream),
            core_first: false,
            batches: platform.dags.iter().map(|dag| dag.tasks.iter().map(|task| task.batch).collect()).collect(),
            shifts: vec![0.0; platform.dags.len()],
            admission: None,
        }
    }
}
