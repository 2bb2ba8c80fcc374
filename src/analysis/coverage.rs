//! What the histories hold, so that a reader knows what a silence means.

use super::{
    axis::{DagAxis, instant},
    overhead::Overhead,
    result::Coverage,
};
use crate::model::{Attempt, DagHistory, RunType, TaskState, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const DAY_MICROS: i64 = 86_400_000_000;

/// Counts what is read and what no statistic uses, DAG by DAG.
#[derive(Default)]
pub(super) struct Counting {
    so_far: Coverage,
    excluded: BTreeMap<&'static str, u64>,
    by_type: BTreeMap<RunType, u64>,
    by_week: BTreeMap<Timestamp, u64>,
}

impl Counting {
    pub(super) fn add(&mut self, history: &DagHistory, axis: &DagAxis, series: usize) {
        let same_task = history.attempts.chunk_by(|a, b| a.task_id == b.task_id);
        let tasks: BTreeSet<_> = same_task.map(|attempts| &attempts[0].task_id).collect();
        for reason in history.attempts.iter().filter_map(why_excluded) {
            *self.excluded.entry(reason).or_default() += 1;
        }
        for run in &history.runs {
            *self.by_type.entry(run.run_type.clone()).or_default() += 1;
            if let Some(at) = instant(run, axis.choice.axis) {
                *self.by_week.entry(monday(at)).or_default() += 1;
            }
        }
        let logical = history.runs.iter().filter_map(|run| run.logical_date);
        let wall = history.attempts.iter().flat_map(|a| [a.started_at, a.ended_at].into_iter().flatten());
        let so_far = &mut self.so_far;
        so_far.attempts += history.attempts.len() as u64;
        so_far.runs += history.runs.len() as u64;
        so_far.dags += 1;
        so_far.tasks += tasks.len() as u64;
        so_far.series += series as u64;
        so_far.logical = span(so_far.logical, logical);
        so_far.wall = span(so_far.wall, wall);
    }

    /// What was counted, with the overhead of each Airflow.
    pub(super) fn finish<'a>(self, overheads: impl Iterator<Item = &'a Overhead>) -> Coverage {
        Coverage {
            excluded: self.excluded.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
            runs_by_type: self.by_type.into_iter().collect(),
            runs_by_week: self.by_week.into_iter().collect(),
            overhead: overheads.flat_map(|overhead| overhead.curve.iter().copied()).collect(),
            ..self.so_far
        }
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

fn span(
    known: Option<(Timestamp, Timestamp)>,
    instants: impl Iterator<Item = Timestamp>,
) -> Option<(Timestamp, Timestamp)> {
    instants.fold(known, |span, at| match span {
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
