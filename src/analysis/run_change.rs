//! Where a DAG's change between baseline and window comes from, task by task; the parts sum to the whole.

use super::{
    axis::instant,
    path::critical_path,
    result::{Axis, ChangePart, PartKind, RunChange},
    settings::Settings,
    structure::Structure,
};
use crate::{
    model::{Attempt, DagHistory, DagRun, RunState, RunType, Text, TextMap, TimeRange},
    stats::plain_mean_difference,
};
use std::collections::BTreeMap;

/// Runs on each side without which nothing is compared.
const MIN_RUNS: usize = 3;

type Parts = BTreeMap<(PartKind, Option<Text>), f64>;

/// Compares the mean run of `baseline` with that of `window`: scheduled runs that ended well.
pub(super) fn run_change(
    (history, structure): (&DagHistory, &Structure),
    axis: Axis,
    (baseline, window): (TimeRange, TimeRange),
    settings: &Settings,
) -> Option<RunChange> {
    let mut attempts: TextMap<&Text, Vec<&Attempt>> = TextMap::default();
    for attempt in &history.attempts {
        attempts.entry(&attempt.run_id).or_default().push(attempt);
    }
    let side = |range: TimeRange| -> Vec<(f64, Parts)> {
        let mut runs: Vec<&DagRun> = history.runs.iter().filter(|run| is_compared(run, axis, range)).collect();
        runs.sort_by_key(|run| instant(run, axis));
        let of = |run: &DagRun| {
            let path = critical_path(run, attempts.get(&run.run_id).map_or(&[][..], Vec::as_slice), structure)?;
            let mut parts = Parts::new();
            for stretch in path.stretches {
                *parts.entry((stretch.kind, stretch.task_id)).or_default() += stretch.seconds;
            }
            Some((run.duration_s()?, parts))
        };
        runs.into_iter().filter_map(of).collect()
    };
    let (before, after) = (side(baseline), side(window));
    if before.len() < MIN_RUNS || after.len() < MIN_RUNS {
        return None;
    }
    let durations = |side: &[(f64, Parts)]| side.iter().map(|(seconds, _)| *seconds).collect::<Vec<_>>();
    let seconds = plain_mean_difference(&durations(&before), &durations(&after), settings.level)?;
    Some(RunChange {
        deployment: history.deployment.clone(),
        dag_id: history.dag_id.clone(),
        seconds,
        n_before: before.len(),
        n_after: after.len(),
        parts: parts(&mean(&before), &mean(&after)),
    })
}

fn is_compared(run: &DagRun, axis: Axis, range: TimeRange) -> bool {
    let well = run.state == Some(RunState::Success) && run.duration_s().is_some();
    let planned = matches!(run.run_type, RunType::Scheduled | RunType::Asset);
    well && planned && instant(run, axis).is_some_and(|at| range.contains(at))
}

/// Seconds of each part in the mean run.
fn mean(side: &[(f64, Parts)]) -> Parts {
    let mut sums = Parts::new();
    for (_, parts) in side {
        for (part, seconds) in parts {
            *sums.entry(part.clone()).or_default() += seconds;
        }
    }
    sums.values_mut().for_each(|sum| *sum /= side.len() as f64);
    sums
}

/// Differences of the parts, largest first.
fn parts(before: &Parts, after: &Parts) -> Vec<ChangePart> {
    let mut differences = after.clone();
    for (part, seconds) in before {
        *differences.entry(part.clone()).or_default() -= seconds;
    }
    let part = |((kind, task_id), seconds)| ChangePart { kind, task_id, seconds };
    let mut parts: Vec<ChangePart> = differences.into_iter().map(part).collect();
    parts.sort_by(|a, b| b.seconds.abs().total_cmp(&a.seconds.abs()));
    parts
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{at, attempt, history, run};
    use super::*;

    #[test]
    fn a_slower_task_and_a_longer_gap_are_told_apart() {
        let (mut attempts, mut runs) = (Vec::new(), Vec::new());
        for day in 0..20 {
            let start = f64::from(day) * 86_400.0;
            let (work, gap) = if day < 14 { (10.0, 1.0) } else { (16.0, 3.0) };
            let id = format!("scheduled__{day}");
            attempts.push(attempt("a", &id, start, start + work));
            attempts.push(attempt("b", &id, start + work + gap, start + work + gap + 5.0));
            runs.push(run(&id, start, start + work + gap + 5.0));
        }
        let history = DagHistory { runs, ..history(attempts) };
        let range = |from: f64, to: f64| TimeRange { from: at(from * 86_400.0), to: at(to * 86_400.0) };
        let told = (&history, &Structure::of(&history));
        let change =
            run_change(told, Axis::Wall, (range(0.0, 14.0), range(14.0, 21.0)), &Settings::default()).expect("enough");
        assert!((change.seconds.point - 8.0).abs() < 1e-9, "{:?}", change.seconds);
        let told: Vec<_> = change.parts.iter().map(|p| (p.kind, p.task_id.as_deref(), p.seconds.round())).collect();
        assert_eq!(told[0], (PartKind::Duration, Some("a"), 6.0));
        assert_eq!(told[1], (PartKind::Gap, Some("b"), 2.0));
        let sum: f64 = change.parts.iter().map(|part| part.seconds).sum();
        assert!((sum - change.seconds.point).abs() < 1e-9);
    }
}
