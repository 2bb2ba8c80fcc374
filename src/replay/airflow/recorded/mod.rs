//! A recorded history as a case: the limits that were in force, the runs as they were made, and what each task instance did.
//!
//! Taken from the record: when runs were made, how long attempts took, how long the executor took to start them, pauses before
//! retries, pokes and deferrals. What comes of the rules: when runs begin, when task instances are scheduled and queued.
//!
//! Limits: `depends_on_past`, trigger rules other than "all done", `max_active_tis_per_dag`, task instances that were cleared and
//! run again (the first history is gone), and pokes whose times were not exported.

mod ahead;
mod build;
mod crowd;
mod dag;
mod error;
#[cfg(test)]
mod fixtures;
mod foretold;
mod future;
mod limits;
mod order;
mod pace;
mod record;
mod room;
mod what_if;

pub use ahead::{Ahead, Done, ahead};
pub use build::recorded;
pub use crowd::{Crowd, Crowded, HOURS, crowded};
pub use dag::{DagReplay, Held, TaskTimes, dag_replay, dag_replay_since};
pub use error::{ModelError, RunError, model_error};
pub use foretold::{Foretold, foretold};
pub use future::Backlog;
pub use limits::{AirflowLimits, DagLimits, LimitChange};
pub use order::{BestOrder, best_order};
pub use record::{InstanceName, LeftOut, Recorded, RecordedRun};
pub use room::{Limit, Room};
pub use what_if::{WeightBy, WhatIf};
