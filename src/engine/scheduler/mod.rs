//! Which of the tasks that are ready comes next: the orders of Airflow and of the literature, and the limits that they share.
//!
//! One code for two clocks: a simulation in virtual time and threads in real time hold the same [`Ready`] tasks.

mod fair;
mod intelligent;
mod needs;
mod predict;
mod rank;
mod ready;
mod threads;

pub use fair::{Contender, fairest};
pub use intelligent::{Job, Rules, Scheduler};
pub use needs::Needs;
pub use predict::{Circumstances, Predictor, TaskKey, Weekday};
pub use rank::{Policy, Ranks, WeightRule, bottom_levels, weights};
pub use ready::{Lane, Limits, Ready, Started};
pub use threads::{Act, Ran, ThreadPlan, run_on_threads};
