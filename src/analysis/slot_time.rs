//! What a run costs: slots times seconds, of all tries and all mapped instances, whatever came of them; without the overhead
//! that all tasks of the Airflow shared, which no change of one DAG is the cause of.

use super::{
    axis::{DagAxis, instant, instant_of_attempt},
    overhead::Overhead,
};
use crate::model::{DagHistory, NumberSeries, RunType, Text, TextMap, Timestamp};
use std::collections::BTreeMap;

/// Slot-seconds of each run that has ended, by run type, in order of the DAG's axis.
pub(super) fn slot_seconds(
    h: usize,
    history: &DagHistory,
    axis: &DagAxis,
    overhead: &Overhead,
) -> Vec<(RunType, NumberSeries)> {
    let runs: TextMap<&Text, _> = history.runs.iter().map(|run| (&run.run_id, run)).collect();
    let mut costs: TextMap<&Text, (Option<Timestamp>, f64)> = TextMap::default();
    for (place, attempt) in history.attempts.iter().enumerate() {
        let seconds = match (attempt.started_at, attempt.ended_at) {
            (Some(start), Some(end)) if end >= start => end.seconds_since(start) - overhead.of((h, place), start).0,
            _ => continue,
        };
        let slots = f64::from(attempt.pool_slots.unwrap_or(1).max(1));
        let (at, cost) = costs.entry(&attempt.run_id).or_default();
        *cost += seconds * slots;
        let first = instant_of_attempt(attempt, axis.choice.axis);
        *at = (*at).into_iter().chain(first).min();
    }
    let mut by_type: BTreeMap<RunType, Vec<(Timestamp, f64)>> = BTreeMap::new();
    for (run_id, (first, cost)) in costs {
        let run = runs.get(run_id);
        if run.is_some_and(|run| run.ended_at.is_none()) {
            continue;
        }
        let at = run.and_then(|run| instant(run, axis.choice.axis)).or(first);
        let run_type = run.map_or_else(|| RunType::from_run_id(run_id), |run| run.run_type.clone());
        if let Some(at) = at {
            by_type.entry(run_type).or_default().push((at, cost));
        }
    }
    let series = |(run_type, mut points): (RunType, Vec<(Timestamp, f64)>)| {
        points.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (times, values) = points.into_iter().unzip();
        (run_type, NumberSeries { id: history.dag_id.clone(), times: Some(times), values })
    };
    by_type.into_iter().map(series).collect()
}
