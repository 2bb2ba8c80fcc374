//! What other runs took where a run took longer.

use super::{
    path::{Stretch, before},
    result::PartKind,
    stretch::{Explained, Pokes, StretchKind, split_one},
    structure::{Structure, ended_well},
};
use crate::{
    model::{Attempt, DagRun, Text, Timestamp},
    stats::quantile,
};
use std::collections::{BTreeSet, HashMap};

/// Runs without which nothing is called usual.
const MIN_RUNS: usize = 5;
/// Share of the other runs that lies below, and above, what is still called usual.
const TAIL: f64 = 0.05;
/// Runs below which the least and the most stand for these.
const FEW: usize = 20;

/// What other runs took, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// Median.
    pub median: f64,
    /// 5 % of the runs lie below; of fewer than twenty, the least.
    pub low: f64,
    /// 5 % lie above; of fewer than twenty, the most.
    pub high: f64,
    /// Runs.
    pub n: usize,
}

impl Usual {
    /// Are there so few runs that `low` and `high` are the least and the most?
    #[must_use]
    pub fn is_of_few(&self) -> bool {
        self.n < FEW
    }

    /// `None` of fewer than five runs.
    pub(super) fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        // One run in twenty is the fewest of which a twentieth can lie outside.
        let tail = if seconds.len() < FEW { 0.0 } else { TAIL };
        let at = |share| quantile(&seconds, share);
        let (median, low, high) = (at(0.5)?, at(tail)?, at(1.0 - tail)?);
        (seconds.len() >= MIN_RUNS).then_some(Self { median, low, high, n: seconds.len() })
    }
}

/// A stretch of a path: task, map index, what it was, and the how manieth such it is.
pub(super) type PartKey = (Option<Text>, i32, StretchKind, usize);

/// Stretches with how many like them came before.
pub(super) fn numbered(parts: impl Iterator<Item = (Option<Text>, i32, StretchKind)>) -> Vec<PartKey> {
    let mut seen: HashMap<(Option<Text>, i32, StretchKind), usize> = HashMap::new();
    let keys = parts.map(move |part| {
        let count = seen.entry(part.clone()).or_default();
        *count += 1;
        (part.0, part.1, part.2, *count)
    });
    keys.collect()
}

/// What stretches took in other runs.
pub(super) struct UsualParts {
    seconds: HashMap<PartKey, Vec<f64>>,
    /// Runs in which each task instance (or one that stands for it) ended well.
    runs: HashMap<(Text, i32), usize>,
}

impl UsualParts {
    pub(super) fn of<'a>(
        others: &[&DagRun],
        attempts_of: impl Fn(&DagRun) -> &'a [&'a Attempt],
        parts: &[Explained],
        (structure, pokes): (&Structure, &Pokes<'_>),
    ) -> Self {
        let mut usual = Self { seconds: HashMap::new(), runs: HashMap::new() };
        let on_path: BTreeSet<(&Text, i32)> =
            parts.iter().filter_map(|part| Some((part.task_id.as_ref()?, part.map_index))).collect();
        for other in others {
            for (task, index) in &on_path {
                let Some(took) = parts_of_task(other, attempts_of(other), (task, *index), (structure, pokes)) else {
                    continue;
                };
                *usual.runs.entry(((*task).clone(), *index)).or_default() += 1;
                let keys = numbered(took.iter().map(|(kind, _)| (Some((*task).clone()), *index, *kind)));
                for (key, (_, seconds)) in keys.into_iter().zip(&took) {
                    usual.seconds.entry(key).or_default().push(*seconds);
                }
            }
        }
        usual
    }

    /// A run that has the task and not that stretch of it spent no time there.
    pub(super) fn part(&self, key: &PartKey) -> Option<Usual> {
        let runs = *self.runs.get(&(key.0.clone()?, key.1))?;
        let mut seconds = self.seconds.get(key).cloned().unwrap_or_default();
        seconds.resize(runs, 0.0);
        Usual::of(seconds)
    }
}

/// What a task took in a run, as its path through it would be told: of that instance, or where there is none the one that ended last.
fn parts_of_task(
    run: &DagRun,
    attempts: &[&Attempt],
    (task, map_index): (&Text, i32),
    (structure, pokes): (&Structure, &Pokes<'_>),
) -> Option<Vec<(StretchKind, f64)>> {
    let of_task = |i: &usize| &attempts[*i].task_id == task && ended_well(attempts[*i]);
    let key = |i: &usize| (attempts[*i].map_index == map_index, attempts[*i].ended_at);
    let place = (0..attempts.len()).filter(of_task).max_by_key(key)?;
    let last = attempts[place];
    let (started, ended) = (last.started_at?, last.ended_at?);
    let queued = last.queued_at.filter(|queued| *queued <= started).unwrap_or(started);
    let freed = before(attempts, place, queued, structure).and_then(|place| attempts[place].ended_at);
    let freed = freed.or(run.started_at)?.min(queued);
    let stretch = |kind, from: Timestamp, to: Timestamp| Stretch {
        kind,
        task_id: Some(task.clone()),
        attempt: Some(place),
        from,
        seconds: to.seconds_since(from),
    };
    let stretches = [
        stretch(PartKind::Gap, freed, queued),
        stretch(PartKind::QueueWait, queued, started),
        stretch(PartKind::Duration, started, ended),
    ];
    let parts = stretches.iter().flat_map(|stretch| split_one(stretch, attempts, pokes));
    Some(parts.map(|part| (part.kind, part.seconds)).collect())
}
