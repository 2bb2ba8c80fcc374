//! A DAG's typical run: its Gantt chart and what decided its length.

use super::{
    axis::instant,
    path::critical_path,
    result::{Axis, DagView, GanttBar},
    structure::Structure,
};
use crate::{
    model::{Attempt, DagHistory, DagRun, RunState, RunType, TimeRange},
    stats::median,
};
use std::collections::BTreeSet;

/// Runs that are looked at where the window holds none.
const LAST_RUNS: usize = 14;
/// Bars of a chart; beyond it the shortest are left out.
const MAX_BARS: usize = 60;

/// The run of the window (else of the last runs) whose duration is nearest to the median.
pub(super) fn dag_view(history: &DagHistory, structure: &Structure, axis: Axis, window: TimeRange) -> Option<DagView> {
    let run = typical(history, axis, window)?;
    let attempts: Vec<&Attempt> = history.attempts.iter().filter(|attempt| attempt.run_id == run.run_id).collect();
    let path = critical_path(run, &attempts, structure).filter(|path| !path.attempts.is_empty())?;
    let started_at = run.started_at?;
    let critical: BTreeSet<usize> = path.attempts.iter().copied().collect();
    let bar = |(i, attempt): (usize, &&Attempt)| {
        let (start, end) = (attempt.started_at?, attempt.ended_at?);
        let shown = attempt.ran() && end > start;
        shown.then(|| GanttBar {
            task_id: attempt.task_id.clone(),
            map_index: attempt.map_index,
            try_number: attempt.try_number,
            queued_s: attempt
                .queued_at
                .filter(|queued| *queued <= start)
                .map(|queued| queued.seconds_since(started_at)),
            started_s: start.seconds_since(started_at),
            ended_s: end.seconds_since(started_at),
            state: attempt.state.as_ref().map_or("", |state| state.as_str()).to_owned(),
            critical: critical.contains(&i),
        })
    };
    let mut gantt: Vec<GanttBar> = attempts.iter().enumerate().filter_map(bar).collect();
    // The longest stay, and whatever decided the run's length.
    gantt.sort_by(|a, b| {
        let length = |bar: &GanttBar| bar.ended_s - bar.started_s;
        b.critical.cmp(&a.critical).then(length(b).total_cmp(&length(a)))
    });
    gantt.truncate(MAX_BARS);
    gantt.sort_by(|a, b| a.started_s.total_cmp(&b.started_s).then_with(|| a.task_id.cmp(&b.task_id)));
    Some(DagView {
        deployment: history.deployment.clone(),
        dag_id: history.dag_id.clone(),
        run_id: run.run_id.clone(),
        started_at,
        duration_s: run.duration_s()?,
        gantt,
        critical_path: path.attempts.iter().map(|&i| attempts[i].task_id.clone()).collect(),
        edges_from: structure.source,
        edges: structure.edges.iter().cloned().collect(),
    })
}

fn typical(history: &DagHistory, axis: Axis, window: TimeRange) -> Option<&DagRun> {
    let well = |run: &&DagRun| {
        run.state == Some(RunState::Success)
            && run.duration_s().is_some_and(|seconds| seconds > 0.0)
            && run.run_type != RunType::Backfill
    };
    let mut runs: Vec<&DagRun> = history.runs.iter().filter(well).collect();
    runs.sort_by_key(|run| (instant(run, axis), &run.run_id));
    let in_window: Vec<&DagRun> =
        runs.iter().copied().filter(|run| instant(run, axis).is_some_and(|at| window.contains(at))).collect();
    let candidates =
        if in_window.is_empty() { runs.split_off(runs.len().saturating_sub(LAST_RUNS)) } else { in_window };
    let middle = median(&candidates.iter().filter_map(|run| run.duration_s()).collect::<Vec<_>>())?;
    let distance = |run: &DagRun| run.duration_s().map_or(f64::INFINITY, |seconds| (seconds - middle).abs());
    candidates.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)).then_with(|| a.run_id.cmp(&b.run_id)))
}
