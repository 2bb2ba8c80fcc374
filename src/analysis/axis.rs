//! The time axis of a DAG. A history that was caught up ran weeks of logical dates within an hour: changes of data and code
//! show against the logical date there, and the wall clock shows the host.

use super::{
    result::{Axis, AxisChoice},
    settings::AxisMode,
};
use crate::{
    model::{Attempt, DagHistory, DagRun, Deployment, RunType, Text, TextMap, Timestamp, date_in_run_id},
    stats::median,
};
use std::collections::BTreeSet;

/// Runs of a DAG lag by more than this many intervals where it was caught up.
const CATCH_UP_INTERVALS: f64 = 2.0;
/// Scheduled runs from which on an interval can be told.
const MIN_RUNS: usize = 3;

impl DagAxis {
    /// Does time on the axis pass as it does in the world, so that runs a week can be told?
    pub(super) fn has_pace(&self) -> bool {
        self.choice.axis == Axis::Logical || !self.caught_up
    }
}

/// A DAG's axis, and whether its history was caught up.
#[derive(Clone, Debug)]
pub(super) struct DagAxis {
    pub(super) choice: AxisChoice,
    pub(super) caught_up: bool,
    has_interval: bool,
}

/// A DAG without an interval of its own (triggered by assets or by hand) was caught up where
/// most DAGs of its Airflow were: its runs then came as fast as theirs.
pub(super) fn agree(axes: &mut [DagAxis]) {
    let deployments: BTreeSet<Deployment> = axes.iter().map(|dag| dag.choice.deployment.clone()).collect();
    for deployment in deployments {
        let places: Vec<usize> = (0..axes.len()).filter(|&i| axes[i].choice.deployment == deployment).collect();
        let told = places.iter().filter(|&&i| axes[i].has_interval).count();
        let caught_up = places.iter().filter(|&&i| axes[i].caught_up).count();
        for &i in places.iter().filter(|_| 2 * caught_up > told) {
            if !axes[i].has_interval {
                axes[i].caught_up = true;
                axes[i]
                    .choice
                    .why
                    .push_str("; most DAGs of this Airflow were caught up, so its waiting and its pace say nothing");
            }
        }
    }
}

/// Was most of this Airflow's history caught up?
pub(super) fn is_catch_up(deployment: &Deployment, axes: &[DagAxis]) -> bool {
    let of: Vec<&DagAxis> = axes.iter().filter(|dag| &dag.choice.deployment == deployment).collect();
    2 * of.iter().filter(|dag| dag.caught_up).count() > of.len()
}

/// Chooses the axis of one DAG.
pub(super) fn choose(history: &DagHistory, mode: AxisMode) -> DagAxis {
    let lag = lag_in_intervals(history);
    let caught_up = lag.is_some_and(|lag| lag > CATCH_UP_INTERVALS);
    let (axis, why) = match (mode, lag) {
        (AxisMode::Logical, _) => (Axis::Logical, "as asked".to_owned()),
        (AxisMode::Wall, _) => (Axis::Wall, "as asked".to_owned()),
        (AxisMode::Auto, Some(lag)) if caught_up => {
            (Axis::Logical, format!("caught up: runs started {lag:.0} intervals after their logical date (median)"))
        }
        (AxisMode::Auto, Some(lag)) => {
            (Axis::Wall, format!("ran on schedule: {lag:.1} intervals after the logical date (median)"))
        }
        (AxisMode::Auto, None) => (
            Axis::Wall,
            format!("fewer than {MIN_RUNS} scheduled runs with a logical date: no interval to compare with"),
        ),
    };
    DagAxis {
        choice: AxisChoice { deployment: history.deployment.clone(), dag_id: history.dag_id.clone(), axis, why },
        caught_up,
        has_interval: lag.is_some(),
    }
}

/// Median of (start - logical date) over the median distance of logical dates, scheduled runs.
fn lag_in_intervals(history: &DagHistory) -> Option<f64> {
    let scheduled =
        history.runs.iter().filter(|run| run.run_type == RunType::Scheduled || run.run_type == RunType::Backfill);
    let mut dates: Vec<Timestamp> = Vec::new();
    let mut lags = Vec::new();
    for run in scheduled {
        if let (Some(date), Some(start)) = (run.logical_date, run.started_at) {
            dates.push(date);
            lags.push(start.seconds_since(date));
        }
    }
    // An export without dag_run: runs state their date in their id.
    let mut stated: TextMap<&Text, Option<Timestamp>> = TextMap::default();
    for attempt in history.attempts.iter().filter(|_| history.runs.is_empty()) {
        let date = stated.entry(&attempt.run_id).or_insert_with_key(|run_id| {
            let is_scheduled = RunType::from_run_id(run_id) == RunType::Scheduled;
            date_in_run_id(run_id).filter(|_| is_scheduled)
        });
        if let (Some(date), Some(start)) = (*date, attempt.started_at) {
            lags.push(start.seconds_since(date));
        }
    }
    dates.extend(stated.into_values().flatten());
    dates.sort();
    dates.dedup();
    if dates.len() < MIN_RUNS {
        return None;
    }
    let gaps: Vec<f64> = dates.windows(2).map(|pair| pair[1].seconds_since(pair[0])).collect();
    Some(median(&lags)? / median(&gaps)?)
}

/// Dates that run ids state, each read once.
#[derive(Default)]
pub(super) struct StatedDates<'a>(TextMap<&'a Text, Option<Timestamp>>);

impl<'a> StatedDates<'a> {
    pub(super) fn of(&mut self, run_id: &'a Text) -> Option<Timestamp> {
        *self.0.entry(run_id).or_insert_with(|| date_in_run_id(run_id))
    }
}

/// The instant of a run on an axis.
pub(super) fn instant(run: &DagRun, axis: Axis) -> Option<Timestamp> {
    match axis {
        Axis::Logical => run.about(),
        Axis::Wall => run.started_at.or(run.queued_at).or(run.run_after).or(run.logical_date),
    }
}

/// The instant of an attempt whose run is not known: the date that the run's id states, else when it started.
pub(super) fn instant_of_attempt(attempt: &Attempt, axis: Axis) -> Option<Timestamp> {
    let stated = if axis == Axis::Logical { date_in_run_id(&attempt.run_id) } else { None };
    stated.or(attempt.started_at)
}
