//! When the runs that are not over will be.

use super::estimate::{Estimate, tidy};
use crate::replay::airflow::{Ahead, Done};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Runs of a DAG that are not over by the record, and those added.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Backlog {
    /// The last recorded instant, from which seconds count.
    pub(super) now: String,
    /// Runs that are not over by the record.
    pub(super) under_way: usize,
    /// Task instances that these and those added have yet to run: median.
    pub(super) tasks_to_go: usize,
    /// Seconds to the end of the last of them; `null` where that never comes.
    pub(super) done_s: Option<Estimate>,
    /// Why it never comes: `outpaced` (schedules bring work as fast as it is done) or `no_room` (a task needs more slots than there
    /// are).
    pub(super) never: Option<Cow<'static, str>>,
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
            done_s: match &ahead.done {
                Done::In(estimate) => Some(Estimate::from(estimate)),
                Done::Outpaced(_) | Done::NoRoom => None,
            },
            never: match ahead.done {
                Done::In(_) => None,
                Done::Outpaced(_) => Some("outpaced".into()),
                Done::NoRoom => Some("no_room".into()),
            },
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
