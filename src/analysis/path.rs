//! The path of a run that decided its length: from the last end back to the start, each second told what it was.

use super::{
    result::PartKind,
    structure::{Structure, ended_well},
};
use crate::model::{Attempt, DagRun, RunState, Text, Timestamp};
use std::collections::BTreeSet;

/// A stretch of a run's time; stretches of a run follow each other without gap or overlap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) kind: PartKind,
    /// Task it belongs to; `None` after the last one.
    pub(super) task_id: Option<Text>,
    /// Attempt it belongs to, as a place among the attempts given.
    pub(super) attempt: Option<usize>,
    pub(super) from: Timestamp,
    pub(super) seconds: f64,
}

/// What a run's time was spent on, first to last. The seconds sum to the run's duration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunPath {
    pub(super) stretches: Vec<Stretch>,
    /// Attempts on the path, first to last, as places among the attempts given.
    pub(super) attempts: Vec<usize>,
}

/// Walks back from the run's end; of a failed run, from the last attempt that ended at all. Before an attempt stands the last end among the tasks it waits for; where the structure
/// does not tell (or those did not run), the last end before it was queued.
pub(super) fn critical_path(run: &DagRun, attempts: &[&Attempt], structure: &Structure) -> Option<RunPath> {
    let (start, end) = (run.started_at?, run.ended_at?);
    run.duration_s()?;
    let mut path = RunPath { stretches: Vec::new(), attempts: Vec::new() };
    let mut cursor = end;
    let mut current = match run.state {
        Some(RunState::Failed) => {
            last(attempts, end, |attempt| attempt.ran() && attempt.ended_at >= attempt.started_at)
        }
        _ => last_to_end(attempts, |_| true, end),
    };
    let mut seen = BTreeSet::new();
    if let Some(last) = current {
        path.take((PartKind::Gap, None), &mut cursor, attempts[last].ended_at?, (start, attempts));
    }
    while let Some(place) = current.filter(|place| seen.insert(*place)) {
        let attempt = attempts[place];
        let began = attempt.started_at?;
        let queued = attempt.queued_at.filter(|queued| *queued <= began).unwrap_or(began);
        path.attempts.push(place);
        path.take((PartKind::Duration, Some(place)), &mut cursor, began, (start, attempts));
        path.take((PartKind::QueueWait, Some(place)), &mut cursor, queued, (start, attempts));
        current = before(attempts, place, queued, structure);
        let freed = current.and_then(|place| attempts[place].ended_at).unwrap_or(start);
        path.take((PartKind::Gap, Some(place)), &mut cursor, freed, (start, attempts));
    }
    path.take((PartKind::Gap, None), &mut cursor, start, (start, attempts));
    path.stretches.reverse();
    path.attempts.reverse();
    Some(path)
}

impl RunPath {
    /// The time from `back_to` (not before the run's start) to the cursor, which moves there.
    fn take(
        &mut self,
        (kind, attempt): (PartKind, Option<usize>),
        cursor: &mut Timestamp,
        back_to: Timestamp,
        (start, attempts): (Timestamp, &[&Attempt]),
    ) {
        let from = back_to.max(start);
        if from < *cursor {
            let task_id = attempt.map(|place| attempts[place].task_id.clone());
            self.stretches.push(Stretch { kind, task_id, attempt, from, seconds: cursor.seconds_since(from) });
            *cursor = from;
        }
    }
}

/// The last of those that ended well.
fn last_to_end(attempts: &[&Attempt], fits: impl Fn(&Attempt) -> bool, limit: Timestamp) -> Option<usize> {
    last(attempts, limit, |attempt| ended_well(attempt) && fits(attempt))
}

fn last(attempts: &[&Attempt], limit: Timestamp, fits: impl Fn(&Attempt) -> bool) -> Option<usize> {
    (0..attempts.len())
        .filter(|&i| attempts[i].ended_at.is_some_and(|end| end <= limit) && fits(attempts[i]))
        .max_by_key(|&i| (attempts[i].ended_at, &attempts[i].task_id, attempts[i].map_index))
}

/// The attempt whose end let the one at `place` go.
pub(super) fn before(attempts: &[&Attempt], place: usize, queued: Timestamp, structure: &Structure) -> Option<usize> {
    let task = &attempts[place].task_id;
    let waits_for: BTreeSet<&Text> = ancestors(task, structure, attempts);
    let known = last_to_end(attempts, |attempt| waits_for.contains(&attempt.task_id), queued);
    known.or_else(|| {
        let untold =
            structure.upstream(task).next().is_none() && structure.source == crate::model::EdgeSource::Inferred;
        untold.then(|| last_to_end(attempts, |attempt| &attempt.task_id != task, queued)).flatten()
    })
}

/// Tasks it waits for: its upstream tasks, and theirs where one of them did not run (skipped, or an operator without a process).
pub(super) fn ancestors<'a>(task: &'a Text, structure: &'a Structure, attempts: &[&Attempt]) -> BTreeSet<&'a Text> {
    let ran = |task: &Text| attempts.iter().any(|attempt| &attempt.task_id == task && ended_well(attempt));
    let (mut found, mut open) = (BTreeSet::new(), vec![task]);
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        for upstream in structure.upstream(next) {
            if !seen.insert(upstream) {
                continue;
            }
            if ran(upstream) {
                found.insert(upstream);
            } else {
                open.push(upstream);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{at, attempt, history, run};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_second_of_a_run_is_told_once() {
        let mut last = attempt("b", "r", 30.0, 50.0);
        last.queued_at = Some(at(25.0));
        let attempts = [attempt("a", "r", 2.0, 20.0), last, attempt("side", "r", 3.0, 5.0)];
        let attempts: Vec<&Attempt> = attempts.iter().collect();
        let edges = [("a".into(), "b".into())].into_iter().collect();
        let structure = Structure { edges, source: crate::model::EdgeSource::Serialized };
        let path = critical_path(&run("r", 0.0, 52.0), &attempts, &structure).expect("path");
        let told: Vec<String> = path
            .stretches
            .iter()
            .map(|s| format!("{} {} {}", s.kind.as_str(), s.task_id.as_deref().unwrap_or("-"), s.seconds))
            .collect();
        assert_eq!(told, ["gap a 2", "duration a 18", "gap b 5", "queue_wait b 5", "duration b 20", "gap - 2"]);
    }

    proptest! {
        #[test]
        fn the_parts_sum_to_the_run(spans in prop::collection::vec((0.0_f64..100.0, 0.0_f64..50.0), 0..12), end in 0.0_f64..200.0) {
            let attempts: Vec<Attempt> = spans
                .iter()
                .enumerate()
                .map(|(i, (start, length))| attempt(&format!("t{}", i % 5), "r", *start, start + length))
                .collect();
            let history = history(attempts);
            let structure = Structure::of(&history);
            let attempts: Vec<&Attempt> = history.attempts.iter().collect();
            let path = critical_path(&run("r", 0.0, end), &attempts, &structure).expect("path");
            let sum: f64 = path.stretches.iter().map(|s| s.seconds).sum();
            prop_assert!((sum - at(end).seconds_since(at(0.0))).abs() < 1e-6, "{} {}", sum, end);
        }
    }
}
