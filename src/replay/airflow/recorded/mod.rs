//! A recorded history as a case: the limits that were in force, the runs as they were made, and what each task instance did.
//!
//! Taken from the record: when runs were made, how long attempts took, how long the executor took to start them, pauses before
//! retries, pokes and deferrals. What comes of the rules: when runs begin, when task instances are scheduled and queued.
//!
//! Limits: `depends_on_past`, trigger rules other than "all done", `max_active_tis_per_dag`, task instances that were cleared and
//! run again (the first history is gone), and pokes whose times were not exported.

mod build;
mod crowd;
mod dag;
mod error;
mod foretold;
mod limits;
mod pace;
mod room;
mod what_if;

pub use build::{InstanceName, LeftOut, Recorded, RecordedRun, recorded};
pub use crowd::{Crowd, Crowded, HOURS, crowded};
pub use dag::{DagReplay, TaskTimes, dag_replay};
pub use error::{ModelError, RunError, model_error};
pub use foretold::{Foretold, foretold};
pub use limits::{AirflowLimits, DagLimits, LimitChange};
pub use room::{Limit, Room};
pub use what_if::{WeightBy, WhatIf};
