//! When the runs that are not over will be.

use super::estimate::{Estimate, tidy};
use crate::replay::airflow::Ahead;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Runs of a DAG that are not over by the record, and those added.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Backlog {
    /// The last recorded instant, from which seconds count.
    pub(super) now: String,
    /// Runs that are not over by the record.
    pub(super) under_way: usize,
    /// Task instances that these and those added have yet to run: median.
    pub(super) tasks_to_go: usize,
    /// Seconds to the end of the last of them; `null` where schedules bring work as fast as it is done.
    pub(super) done_s: Option<Estimate>,
    /// Median seconds to the end of so many of them.
    progress: Vec<Progress>,
    /// Task instances of all DAGs that schedules bring in an hour.
    tasks_arriving_per_h: f64,
    /// Recorded runs that those to come take after.
    like_runs: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Progress {
    runs: usize,
    seconds: f64,
}

impl From<&Ahead> for Backlog {
    fn from(ahead: &Ahead) -> Self {
        Self {
            now: ahead.now.to_string(),
            under_way: ahead.under_way,
            tasks_to_go: ahead.to_go,
            done_s: ahead.done.as_ref().map(Estimate::from),
            progress: ahead
                .progress
                .iter()
                .map(|(runs, seconds)| Progress { runs: *runs, seconds: tidy(*seconds) })
                .collect(),
            tasks_arriving_per_h: tidy(ahead.arriving_per_h),
            like_runs: ahead.donors,
        }
    }
}
