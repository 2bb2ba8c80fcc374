//! Dependencies between tasks: as exported, else inferred from the order of ends and starts in the history.

use crate::model::{Attempt, DagHistory, EdgeSource, TaskState, Text, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

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

impl Structure {
    /// The newest exported structure, or what the history shows.
    pub(super) fn of(history: &DagHistory) -> Self {
        if let Some(first) = history.edges.first() {
            let edges = history.edges.iter().map(|edge| (edge.upstream.clone(), edge.downstream.clone()));
            return Self { edges: edges.collect(), source: first.source };
        }
        Self { edges: infer(history), source: EdgeSource::Inferred }
    }

    /// Tasks that `task` waits for directly.
    pub(super) fn upstream<'a>(&'a self, task: &'a Text) -> impl Iterator<Item = &'a Text> {
        self.edges.iter().filter(move |(_, downstream)| downstream == task).map(|(upstream, _)| upstream)
    }
}

/// Last end and first queueing of each task in one run.
type Spans<'a> = BTreeMap<&'a Text, (Timestamp, Timestamp)>;

/// `a` before `b` in nearly every run that both have; without what follows from other edges (transitive reduction: Aho,
/// Garey & Ullman, SIAM J. Comput. 1, 1972). It may show an order that only the pools made: it is marked as inferred.
fn infer(history: &DagHistory) -> BTreeSet<(Text, Text)> {
    let runs = spans(history);
    let tasks: BTreeSet<&Text> = runs.values().flat_map(|spans| spans.keys().copied()).collect();
    if tasks.len() > MAX_TASKS {
        return BTreeSet::new();
    }
    let tasks: Vec<&Text> = tasks.into_iter().collect();
    let precedes = |a: &Text, b: &Text| {
        let both = runs.values().filter_map(|spans| Some((spans.get(a)?, spans.get(b)?)));
        let (mut n, mut held) = (0_usize, 0_usize);
        for (first, second) in both {
            n += 1;
            held += usize::from(first.1 <= second.0);
        }
        n >= MIN_RUNS && held as f64 >= MIN_SHARE * n as f64
    };
    let n = tasks.len();
    let before: Vec<Vec<bool>> =
        (0..n).map(|a| (0..n).map(|b| a != b && precedes(tasks[a], tasks[b])).collect()).collect();
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

fn spans(history: &DagHistory) -> BTreeMap<&Text, Spans<'_>> {
    let mut runs: BTreeMap<&Text, Spans<'_>> = BTreeMap::new();
    for attempt in history.attempts.iter().filter(|attempt| ended_well(attempt)) {
        let (Some(start), Some(end)) = (attempt.started_at, attempt.ended_at) else { continue };
        let begun = attempt.queued_at.map_or(start, |queued| queued.min(start));
        let spans = runs.entry(&attempt.run_id).or_default();
        let span = spans.entry(&attempt.task_id).or_insert((begun, end));
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
        let structure = Structure::of(&history(attempts));
        let edges: Vec<String> = structure.edges.iter().map(|(a, b)| format!("{a}>{b}")).collect();
        assert_eq!(edges, ["a>b", "a>c", "b>d", "c>d"]);
        assert_eq!(structure.source, EdgeSource::Inferred);
    }
}
