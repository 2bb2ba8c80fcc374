//! Airflow's own scheduler in virtual time: its loop, its critical section, its limits; microseconds, no clock.
//!
//! What a task instance does once it is queued (how long it takes to start, runs, is away) is given; when it is queued is what
//! comes of the rules. Left out: several schedulers, executors with slots of their own, `max_active_tis_per_dag`, DAG parsing, and
//! work that is killed when a scheduler is restarted.

mod case;
mod recorded;
mod section;
mod world;

pub use case::{Away, Case, Change, DagCase, Generation, Instance, PoolCase, Replayed, Rules, RunCase, Step};
pub use recorded::{
    Ahead, AirflowLimits, Backlog, BestOrder, Crowd, Crowded, DagLimits, DagReplay, Done, Foretold, HOURS, Held,
    InstanceName, LeftOut, Limit, LimitChange, ModelError, Recorded, RecordedRun, Room, RunError, TaskTimes, WeightBy,
    WhatIf, ahead, best_order, crowded, dag_replay, dag_replay_since, foretold, model_error, recorded,
};
pub use world::replay;

#[cfg(test)]
mod tests;
