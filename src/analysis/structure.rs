//! Dependencies between tasks: as exported, else inferred from the order of ends and starts in the history.

use crate::model::{Attempt, DagHistory, EdgeSource, TaskState, Text, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// Runs in which both tasks must have run.
const MIN_RUNS: usize = 5;
/// Share of those runs in which the order must hold: clocks and clears blur a few.
const MIN_SHARE: f64 = 0.98;
/// Tasks beyond which no order is inferred: the work grows with the cube.
const MAX_TASKS: usize = 300;

/// Which task waits for which.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Structure {
    pub(super) edges: BTreeSet<(Text, Text)>,
    pub(super) source: EdgeSource,
}

/// Which task of a DAG waits for which, (first, then), and where that is known from.
#[must_use]
pub fn dependencies(history: &DagHistory) -> (BTreeSet<(Text, Text)>, EdgeSource) {
    let Structure { edges, source } = Structure::of(history);
    (edges, source)
}

impl Structure {
    /// The newest exported structure, or what the history shows.
    pub(super) fn of(history: &DagHistory) -> Self {
        if let Some(first) = history.edges.first() {
            let edges = history.edges.iter().map(|edge| (edge.upstream.clone(), edge.downstream.clone()));
            return Self { edges: edges.collect(), source: first.source };
        }
        // It is asked for where runs are told apart: without any, it is not worth looking for.
        let edges = if history.runs.is_empty() { BTreeSet::new() } else { infer(history) };
        Self { edges, source: EdgeSource::Inferred }
    }

    /// Tasks that `task` waits for directly.
    pub(super) fn upstream<'a>(&'a self, task: &'a Text) -> impl Iterator<Item = &'a Text> {
        self.edges.iter().filter(move |(_, downstream)| downstream == task).map(|(upstream, _)| upstream)
    }
}

/// When each task was first queued and last ended in one run; by the number of the task.
type Spans = Vec<Option<(Timestamp, Timestamp)>>;

/// `a` before `b` in nearly every run that both have; without what follows from other edges (transitive reduction: Aho,
/// Garey & Ullman, SIAM J. Comput. 1, 1972). It may show an order that only the pools made: it is marked as inferred.
fn infer(history: &DagHistory) -> BTreeSet<(Text, Text)> {
    let well = || history.attempts.iter().filter(|attempt| ended_well(attempt));
    let tasks: BTreeSet<&Text> = well().map(|attempt| &attempt.task_id).collect();
    if tasks.len() > MAX_TASKS {
        return BTreeSet::new();
    }
    let tasks: Vec<&Text> = tasks.into_iter().collect();
    let runs = spans(well(), &tasks);
    let precedes = |a: usize, b: usize| {
        let both = runs.iter().filter_map(|spans| Some((spans[a]?, spans[b]?)));
        let (mut n, mut held) = (0_usize, 0_usize);
        for (first, second) in both {
            n += 1;
            held += usize::from(first.1 <= second.0);
        }
        n >= MIN_RUNS && held as f64 >= MIN_SHARE * n as f64
    };
    let n = tasks.len();
    let before: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| a != b && precedes(a, b)).collect()).collect();
    let mut edges = BTreeSet::new();
    for a in 0..n {
        for b in (0..n).filter(|&b| before[a][b] && !before[b][a]) {
            let implied =
                (0..n).any(|c| c != a && c != b && before[a][c] && before[c][b] && !before[c][a] && !before[b][c]);
            if !implied {
                edges.insert((tasks[a].clone(), tasks[b].clone()));
            }
        }
    }
    edges
}

/// Of each run; `tasks` ascend. Of an instance that was cleared and ran again, the last time counts: what ran before it belongs
/// to another order.
fn spans<'a>(attempts: impl Iterator<Item = &'a Attempt>, tasks: &[&Text]) -> Vec<Spans> {
    let mut last: HashMap<(&Text, &Text, i32), &Attempt> = HashMap::new();
    for attempt in attempts {
        let kept = last.entry((&attempt.run_id, &attempt.task_id, attempt.map_index)).or_insert(attempt);
        if attempt.started_at > kept.started_at {
            *kept = attempt;
        }
    }
    let mut numbers: HashMap<&Text, usize> = HashMap::new();
    let mut runs: Vec<Spans> = Vec::new();
    for attempt in last.into_values() {
        let (Some(start), Some(end)) = (attempt.started_at, attempt.ended_at) else { continue };
        let Ok(task) = tasks.binary_search(&&attempt.task_id) else { continue };
        let begun = attempt.queued_at.map_or(start, |queued| queued.min(start));
        let run = *numbers.entry(&attempt.run_id).or_insert(runs.len());
        if run == runs.len() {
            runs.push(vec![None; tasks.len()]);
        }
        let span = runs[run][task].get_or_insert((begun, end));
        *span = (span.0.min(begun), span.1.max(end));
    }
    runs
}

/// Ended well and took part in the order of the run.
pub(super) fn ended_well(attempt: &Attempt) -> bool {
    attempt.state == Some(TaskState::Success) && attempt.started_at.is_some() && attempt.ended_at >= attempt.started_at
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{attempt, history};
    use super::*;

    #[test]
    fn the_order_of_every_run_becomes_edges_without_short_cuts() {
        let mut attempts = Vec::new();
        for run in 0..6 {
            let at = f64::from(run) * 1000.0;
            attempts.push(attempt("a", &format!("r{run}"), at, at + 10.0));
            // b and c run beside each other, now one first, now the other.
            let (b, c) = if run % 2 == 0 { (11.0, 12.0) } else { (12.0, 11.0) };
            attempts.push(attempt("b", &format!("r{run}"), at + b, at + 20.0));
            attempts.push(attempt("c", &format!("r{run}"), at + c, at + 25.0));
            attempts.push(attempt("d", &format!("r{run}"), at + 30.0, at + 40.0));
        }
        let runs = vec![super::super::fixtures::run("r0", 0.0, 50.0)];
        let structure = Structure::of(&DagHistory { runs, ..history(attempts) });
        let edges: Vec<String> = structure.edges.iter().map(|(a, b)| format!("{a}>{b}")).collect();
        assert_eq!(edges, ["a>b", "a>c", "b>d", "c>d"]);
        assert_eq!(structure.source, EdgeSource::Inferred);
    }
}
