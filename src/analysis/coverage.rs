//! What the histories hold, so that a reader knows what a silence means.

use super::{
    axis::{DagAxis, instant},
    overhead::Overhead,
    result::Coverage,
};
use crate::model::{Attempt, DagHistory, RunType, TaskState, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const DAY_MICROS: i64 = 86_400_000_000;

/// Counts what was read and what no statistic uses.
pub(super) fn coverage<'a>(
    histories: &[DagHistory],
    axes: &[DagAxis],
    series: usize,
    overheads: impl Iterator<Item = &'a Overhead>,
) -> Coverage {
    let attempts = || histories.iter().flat_map(|history| &history.attempts);
    let runs = || histories.iter().flat_map(|history| &history.runs);
    let tasks: BTreeSet<_> = attempts().map(|attempt| (&attempt.dag_id, &attempt.task_id)).collect();
    let mut excluded: BTreeMap<&str, u64> = BTreeMap::new();
    for attempt in attempts() {
        if let Some(reason) = why_excluded(attempt) {
            *excluded.entry(reason).or_default() += 1;
        }
    }
    let mut by_type: BTreeMap<RunType, u64> = BTreeMap::new();
    for run in runs() {
        *by_type.entry(run.run_type.clone()).or_default() += 1;
    }
    let mut by_week: BTreeMap<Timestamp, u64> = BTreeMap::new();
    for (history, axis) in histories.iter().zip(axes) {
        for at in history.runs.iter().filter_map(|run| instant(run, axis.choice.axis)) {
            *by_week.entry(monday(at)).or_default() += 1;
        }
    }
    Coverage {
        attempts: attempts().count() as u64,
        runs: runs().count() as u64,
        dags: histories.len() as u64,
        tasks: tasks.len() as u64,
        series: series as u64,
        logical: span(runs().filter_map(|run| run.logical_date)),
        wall: span(attempts().flat_map(|attempt| [attempt.started_at, attempt.ended_at].into_iter().flatten())),
        excluded: excluded.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        runs_by_type: by_type.into_iter().collect(),
        runs_by_week: by_week.into_iter().collect(),
        overhead: overheads.flat_map(|overhead| overhead.curve.iter().copied()).collect(),
    }
}

/// Why no statistic of durations uses an attempt.
fn why_excluded(attempt: &Attempt) -> Option<&'static str> {
    Some(match &attempt.state {
        _ if attempt.ran() => return None,
        Some(TaskState::Skipped) => "skipped",
        Some(TaskState::UpstreamFailed) => "a task before it failed",
        Some(TaskState::Removed) => "left the DAG",
        Some(TaskState::Success | TaskState::Failed) if attempt.started_at.is_none() => {
            "never started: set by hand, or `dags test`"
        }
        Some(TaskState::Success) => "completed by the scheduler without running",
        Some(TaskState::Failed | TaskState::UpForRetry) => "failed without a start and an end",
        _ => "not finished when it was exported",
    })
}

fn span(instants: impl Iterator<Item = Timestamp>) -> Option<(Timestamp, Timestamp)> {
    instants.fold(None, |span, at| match span {
        None => Some((at, at)),
        Some((from, to)) => Some((at.min(from), at.max(to))),
    })
}

/// Midnight of the Monday before. 1970-01-01 was a Thursday.
fn monday(at: Timestamp) -> Timestamp {
    let day = at.day_number();
    Timestamp::from_micros((day - (day + 3).rem_euclid(7)) * DAY_MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday() {
        let tuesday = Timestamp::from_micros(1_795_520_058_335_951);
        assert_eq!(monday(tuesday).to_string(), "2026-11-23T00:00:00Z");
        assert_eq!(monday(monday(tuesday)), monday(tuesday));
    }
}
