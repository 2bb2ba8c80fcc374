//! Which tasks decide how long runs of a DAG take: how often each is on the critical path, and how much slack it has.

use super::{
    path::{ancestors, critical_path},
    result::PartKind,
    structure::{Structure, ended_well},
};
use crate::{
    model::{Attempt, DagHistory, DagRun, EdgeSource, RunState, RunType, Text, TextMap, Timestamp},
    stats::median,
};
use std::collections::{BTreeMap, BTreeSet};

/// A task over many runs.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalTask {
    /// Task.
    pub task_id: Text,
    /// Runs in which it ended well.
    pub runs: usize,
    /// In how many of them it was on the critical path.
    pub critical: usize,
    /// Seconds of the critical path that it ran, was queued and waited for: mean of all runs.
    pub on_path_s: f64,
    /// Seconds by which it could have ended later without the run's last task ending later, other things being equal (critical path method:
    /// Kelley & Walker 1959): median of the runs that have it.
    pub slack_s: f64,
}

/// The tasks of a DAG over many runs.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalTasks {
    /// Runs that were looked at: they ended well, and are no backfills.
    pub runs: usize,
    /// Mean seconds of these runs.
    pub mean_s: f64,
    /// Mean seconds of the critical path that are no task's: before the first and after the last.
    pub idle_s: f64,
    /// Those that take most of the critical path first.
    pub tasks: Vec<CriticalTask>,
    /// Where the dependencies are known from.
    pub edges_from: EdgeSource,
}

#[derive(Default)]
struct Sums {
    runs: usize,
    critical: usize,
    on_path: f64,
    slacks: Vec<f64>,
}

/// Looks at the last `most` runs. `None` where there is none.
#[must_use]
pub fn critical_tasks(history: &DagHistory, most: usize) -> Option<CriticalTasks> {
    let structure = Structure::of(history);
    let mut of_run: TextMap<&Text, Vec<&Attempt>> = TextMap::default();
    for attempt in &history.attempts {
        of_run.entry(&attempt.run_id).or_default().push(attempt);
    }
    let well = |run: &&DagRun| {
        run.state == Some(RunState::Success) && run.run_type != RunType::Backfill && run.duration_s().is_some()
    };
    let mut runs: Vec<&DagRun> =
        history.runs.iter().filter(well).filter(|run| of_run.contains_key(&run.run_id)).collect();
    runs.sort_by_key(|run| (run.started_at, &run.run_id));
    let runs = runs.split_off(runs.len().saturating_sub(most));
    let mut sums: BTreeMap<&Text, Sums> = BTreeMap::new();
    let (mut total, mut idle) = (0.0, 0.0);
    for run in &runs {
        let attempts = of_run.get(&run.run_id).map_or(&[][..], Vec::as_slice);
        let (Some(path), Some(seconds)) = (critical_path(run, attempts, &structure), run.duration_s()) else {
            continue;
        };
        total += seconds;
        let critical: BTreeSet<&Text> = path.attempts.iter().map(|&place| &attempts[place].task_id).collect();
        for stretch in &path.stretches {
            match stretch.attempt {
                Some(place) => sums.entry(&attempts[place].task_id).or_default().on_path += stretch.seconds,
                None => idle += if stretch.kind == PartKind::Gap { stretch.seconds } else { 0.0 },
            }
        }
        for (task, slack) in slacks(run, attempts, &structure) {
            let of_task = sums.entry(task).or_default();
            of_task.runs += 1;
            of_task.critical += usize::from(critical.contains(task));
            // What is on the path has none; spans of tasks that were cleared, or of clocks that differ, may say otherwise.
            of_task.slacks.push(if critical.contains(task) { 0.0 } else { slack });
        }
    }
    let n = runs.len() as f64;
    let task = |(task_id, of_task): (&Text, Sums)| CriticalTask {
        task_id: task_id.clone(),
        runs: of_task.runs,
        critical: of_task.critical,
        on_path_s: of_task.on_path / n,
        slack_s: median(&of_task.slacks).unwrap_or(0.0),
    };
    let mut tasks: Vec<CriticalTask> = sums.into_iter().map(task).collect();
    tasks.sort_by(|a, b| b.on_path_s.total_cmp(&a.on_path_s).then_with(|| a.slack_s.total_cmp(&b.slack_s)));
    let some = !runs.is_empty();
    some.then(|| CriticalTasks {
        runs: runs.len(),
        mean_s: total / n,
        idle_s: idle / n,
        tasks,
        edges_from: structure.source,
    })
}

/// First queued and last ended of a task in a run.
#[derive(Clone, Copy)]
struct Span {
    begun: Timestamp,
    ended: Timestamp,
}

/// Seconds by which each task could have ended later, were the waits before the tasks behind it as long as they were.
fn slacks<'a>(run: &DagRun, attempts: &[&'a Attempt], structure: &Structure) -> Vec<(&'a Text, f64)> {
    let mut spans: BTreeMap<&Text, Span> = BTreeMap::new();
    let of_run =
        |attempt: &&&Attempt| ended_well(attempt) && (run.ended_at.is_none() || attempt.ended_at <= run.ended_at);
    for attempt in attempts.iter().filter(of_run) {
        let (Some(started), Some(ended)) = (attempt.started_at, attempt.ended_at) else { continue };
        let begun = attempt.queued_at.map_or(started, |queued| queued.min(started));
        let span = spans.entry(&attempt.task_id).or_insert(Span { begun, ended });
        *span = Span { begun: span.begun.min(begun), ended: span.ended.max(ended) };
    }
    let Some(end) = spans.values().map(|span| span.ended).max() else { return Vec::new() };
    // What each waits for in this run, across tasks that did not run.
    let before: BTreeMap<&Text, Vec<&Text>> = spans
        .keys()
        .map(|task| {
            (
                *task,
                ancestors(task, structure, attempts)
                    .into_iter()
                    .filter_map(|t| spans.get_key_value(t))
                    .map(|(t, _)| *t)
                    .collect(),
            )
        })
        .collect();
    // From the last end to the first: whoever waits for a task ended after it, but for clocks.
    let mut order: Vec<&Text> = spans.keys().copied().collect();
    order.sort_by_key(|task| std::cmp::Reverse(spans[task].ended));
    let mut latest: BTreeMap<&Text, f64> = BTreeMap::new();
    for task in &order {
        let Span { begun, ended } = spans[task];
        let late = *latest.entry(task).or_insert_with(|| end.seconds_since(ended).max(0.0));
        let freed = before[task].iter().map(|first| spans[first].ended).max();
        for first in &before[task] {
            // The one that ended last holds it back; another one may take up the difference.
            let spare = freed.map_or(0.0, |freed| freed.min(begun).seconds_since(spans[first].ended)).max(0.0);
            let slack = latest.entry(first).or_insert(f64::INFINITY);
            *slack = slack.min(late + spare);
        }
    }
    let bound = |slack: f64, task: &Text| slack.min(end.seconds_since(spans[task].ended).max(0.0));
    latest.into_iter().map(|(task, slack)| (task, bound(slack, task))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{attempt, history, run};
    use super::*;
    use crate::model::TaskEdge;

    fn edge(upstream: &str, downstream: &str) -> TaskEdge {
        TaskEdge {
            dag_id: "d".into(),
            upstream: upstream.into(),
            downstream: downstream.into(),
            version: "1".into(),
            source: EdgeSource::Serialized,
        }
    }

    #[test]
    fn a_diamond_has_slack_on_its_shorter_side() {
        let mut attempts = Vec::new();
        let mut runs = Vec::new();
        for number in 0..4 {
            let (id, from) = (format!("r{number}"), f64::from(number) * 1_000.0);
            // In one run of four the other side is the longer one.
            let (long, short) = if number == 3 { (40.0, 60.0) } else { (100.0, 60.0) };
            let join = 10.0 + f64::max(long, short);
            attempts.push(attempt("a", &id, from, from + 10.0));
            attempts.push(attempt("long", &id, from + 10.0, from + 10.0 + long));
            attempts.push(attempt("short", &id, from + 10.0, from + 10.0 + short));
            attempts.push(attempt("z", &id, from + join, from + join + 5.0));
            attempts.push(attempt("aside", &id, from, from + 3.0));
            runs.push(run(&id, from, from + join + 5.0));
        }
        let edges = vec![edge("a", "long"), edge("a", "short"), edge("long", "z"), edge("short", "z")];
        let history = DagHistory { runs, edges, ..history(attempts) };
        let found = critical_tasks(&history, 100).expect("runs");
        let told: Vec<(&str, usize, f64, f64)> =
            found.tasks.iter().map(|task| (&*task.task_id, task.critical, task.on_path_s, task.slack_s)).collect();
        assert_eq!(
            told,
            [
                ("long", 3, 75.0, 0.0),
                ("short", 1, 15.0, 40.0),
                ("a", 4, 10.0, 0.0),
                ("z", 4, 5.0, 0.0),
                ("aside", 0, 0.0, 112.0),
            ]
        );
        assert_eq!((found.runs, found.mean_s, found.idle_s), (4, 105.0, 0.0));
        let last = critical_tasks(&history, 1).expect("runs");
        assert_eq!(last.tasks[0].task_id.as_ref(), "short");
        assert_eq!(critical_tasks(&DagHistory { runs: Vec::new(), ..history }, 1), None);
    }
}
