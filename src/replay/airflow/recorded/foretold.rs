//! How well durations of tasks could have been foretold from those before them, by the scheduler's own predictor.

use crate::{
    engine::scheduler::{Circumstances, Predictor, TaskKey, Weekday},
    model::{Attempt, DagHistory, TaskState, Text},
};
use std::collections::{HashMap, HashSet};

/// Level of an interval that rests on enough history; the cold start's is below it.
const ENOUGH: f64 = 0.9;
/// 1970-01-01 was a Thursday, the fourth day of a week that begins with Monday.
const EPOCH_WEEKDAY: i64 = 3;

/// What came of foretelling each duration from those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Foretold {
    /// Durations that were foretold with an interval of 95 %.
    pub n: usize,
    /// Of these, those whose rows or bytes were known.
    pub with_volume: usize,
    /// Of all, those inside it.
    pub inside: usize,
    /// Mean absolute relative error.
    pub error: f64,
    /// The same, had the mean of the last two been told.
    pub error_of_last_two: f64,
    /// And had the mean of all before.
    pub error_of_mean: f64,
}

/// Task, run and map index.
type InstanceId<'a> = (&'a Text, &'a Text, i32);

/// What instances handled: rows, or bytes of tasks that never tell rows.
fn volumes(history: &DagHistory) -> HashMap<InstanceId<'_>, f64> {
    let all = || history.volumes.iter();
    let with_rows: HashSet<&Text> = all().filter(|one| one.rows.is_some()).map(|one| &one.task_id).collect();
    let told = all().filter_map(|one| {
        let amount = if with_rows.contains(&one.task_id) { one.rows } else { one.bytes };
        Some(((&one.task_id, &one.run_id, one.map_index), amount.filter(|amount| *amount > 0)? as f64))
    });
    told.collect()
}

/// Goes through a history in the order in which its tasks ended, and foretells each before it learns it. What each handled counts as
/// known before: it is, where it is the input's.
#[must_use]
pub fn foretold(history: &DagHistory) -> Foretold {
    let well = |attempt: &&Attempt| {
        attempt.ran() && attempt.state == Some(TaskState::Success) && attempt.try_number == Some(1)
    };
    let mut attempts: Vec<&Attempt> = history.attempts.iter().filter(well).collect();
    attempts.sort_by_key(|attempt| (attempt.started_at, &attempt.task_id, attempt.map_index));
    let volumes = volumes(history);
    let mut predictor = Predictor::default();
    // Sum, number and last two of each instance.
    let mut past: HashMap<TaskKey, (f64, f64, [f64; 2])> = HashMap::new();
    let mut told = Foretold::default();
    for attempt in attempts {
        let (Some(start), Some(end)) = (attempt.started_at, attempt.ended_at) else { continue };
        let seconds = end.seconds_since(start);
        if seconds <= 0.0 {
            continue;
        }
        let weekday = (start.day_number() + EPOCH_WEEKDAY).rem_euclid(7) as Weekday;
        let key =
            TaskKey { dag_id: attempt.dag_id.clone(), task_id: attempt.task_id.clone(), map_index: attempt.map_index };
        let volume = volumes.get(&(&attempt.task_id, &attempt.run_id, attempt.map_index)).copied();
        let run = Circumstances { weekday, volume };
        let next = predictor.predict(&key, run);
        predictor.learn(&key, run, seconds);
        let past = past.entry(key).or_default();
        if next.level > ENOUGH && past.1 >= 2.0 {
            told.n += 1;
            told.with_volume += usize::from(volume.is_some());
            told.inside += usize::from(next.contains(seconds));
            let off = |point: f64| (point / seconds - 1.0).abs();
            told.error += off(next.point);
            told.error_of_last_two += off((past.2[0] + past.2[1]) / 2.0);
            told.error_of_mean += off(past.0 / past.1);
        }
        *past = (past.0 + seconds, past.1 + 1.0, [past.2[1], seconds]);
    }
    let n = told.n.max(1) as f64;
    for error in [&mut told.error, &mut told.error_of_last_two, &mut told.error_of_mean] {
        *error /= n;
    }
    told
}
