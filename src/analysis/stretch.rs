//! The stretches of a run's critical path, told apart: ran, with the executor, waited, sensed, failed.

use super::{
    path::{RunPath, Stretch},
    result::PartKind,
    usual::Usual,
};
use crate::model::{Attempt, DagHistory, Text, Timestamp};
use std::collections::HashMap;

/// What a stretch of a run was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StretchKind {
    /// A task ran.
    Running,
    /// It was with the executor, and had not begun.
    Queued,
    /// What it waits for had ended, and it was not yet handed to the executor.
    Waiting,
    /// A sensor that gave its slot back, from its first poke until the last one was due.
    Sensing,
    /// A try of it that did not end well.
    FailedTry,
    /// Between two of its tries.
    RetryDelay,
    /// Before the first of its tasks, or after the last.
    Idle,
}

impl StretchKind {
    /// Text as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::Sensing => "sensing",
            Self::FailedTry => "failed_try",
            Self::RetryDelay => "retry_delay",
            Self::Idle => "idle",
        }
    }
}

/// A stretch of the critical path.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// What it was.
    pub kind: StretchKind,
    /// Whose; `None` of idle stretches.
    pub task_id: Option<Text>,
    /// Map index, -1 where it is not mapped.
    pub map_index: i32,
    /// When it began.
    pub from: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// What that took in other runs.
    pub usual: Option<Usual>,
}

impl Explained {
    /// Seconds above the usual; `None` where nothing is usual.
    #[must_use]
    pub fn more(&self) -> Option<f64> {
        self.usual.map(|usual| self.seconds - usual.median)
    }

    /// Longer than in 95 % of the other runs; of fewer than twenty, longer than in each?
    #[must_use]
    pub fn is_unusual(&self) -> bool {
        self.usual.is_some_and(|usual| self.seconds > usual.high)
    }
}

/// A task instance: run, task, map index.
type InstanceId<'a> = (&'a Text, &'a Text, i32);

/// From the first poke of each rescheduled sensor to when the poke after its last recorded one was due.
pub(super) struct Pokes<'a>(HashMap<InstanceId<'a>, (Timestamp, Timestamp)>);

impl<'a> Pokes<'a> {
    pub(super) fn of(history: &'a DagHistory) -> Self {
        let mut all: HashMap<InstanceId<'a>, (Timestamp, Timestamp)> = HashMap::new();
        for poke in &history.reschedules {
            let Some((first, last)) = poke.started_at.zip(poke.reschedule_at.or(poke.ended_at)) else { continue };
            let span = all.entry((&poke.run_id, &poke.task_id, poke.map_index)).or_insert((first, last));
            *span = (span.0.min(first), span.1.max(last));
        }
        Self(all)
    }

    fn of_attempt(&self, attempt: &Attempt) -> Option<(Timestamp, Timestamp)> {
        self.0.get(&(&attempt.run_id, &attempt.task_id, attempt.map_index)).copied()
    }
}

/// Tries of an instance between two instants, other than the one given; in order.
fn earlier_tries<'a>(attempts: &[&'a Attempt], place: usize, from: Timestamp, to: Timestamp) -> Vec<&'a Attempt> {
    let of = attempts[place];
    let between = |other: &&&Attempt| {
        (&other.task_id, other.map_index) == (&of.task_id, of.map_index)
            && other.try_number != of.try_number
            && other.started_at.is_some_and(|start| start >= from)
            && other.ended_at.is_some_and(|end| end <= to && Some(end) >= other.started_at)
    };
    let mut tries: Vec<&Attempt> = attempts.iter().filter(between).copied().collect();
    tries.sort_by_key(|attempt| attempt.started_at);
    tries
}

/// The path with failed tries told apart from waiting.
pub(super) fn split(path: &RunPath, attempts: &[&Attempt], pokes: &Pokes<'_>) -> Vec<Explained> {
    path.stretches.iter().flat_map(|stretch| split_one(stretch, attempts, pokes)).collect()
}

pub(super) fn split_one(stretch: &Stretch, attempts: &[&Attempt], pokes: &Pokes<'_>) -> Vec<Explained> {
    let of = |kind, from: Timestamp, seconds| Explained {
        kind,
        task_id: stretch.task_id.clone(),
        map_index: stretch.attempt.map_or(-1, |place| attempts[place].map_index),
        from,
        seconds,
        usual: None,
    };
    let whole = |kind| vec![of(kind, stretch.from, stretch.seconds)];
    let place = match (stretch.kind, stretch.attempt) {
        (PartKind::Duration, _) => return whole(StretchKind::Running),
        (PartKind::QueueWait, _) => return whole(StretchKind::Queued),
        (PartKind::Gap, None) => return whole(StretchKind::Idle),
        (PartKind::Gap, Some(place)) => place,
    };
    let to = stretch.from.plus_seconds(stretch.seconds);
    let tries = earlier_tries(attempts, place, stretch.from, to);
    // What goes on until when.
    let mut until: Vec<(StretchKind, Timestamp)> = Vec::new();
    for (number, earlier) in tries.iter().enumerate() {
        let (Some(start), Some(end)) = (earlier.started_at, earlier.ended_at) else { continue };
        if number == 0 {
            let queued = earlier.queued_at.filter(|queued| *queued <= start).unwrap_or(start);
            until.extend([(StretchKind::Waiting, queued), (StretchKind::Queued, start)]);
        }
        until.extend([(StretchKind::RetryDelay, start), (StretchKind::FailedTry, end)]);
    }
    if let Some((first, last)) = pokes.of_attempt(attempts[place]).filter(|_| tries.is_empty()) {
        until.extend([(StretchKind::Waiting, first.min(to)), (StretchKind::Sensing, last.min(to))]);
    }
    until.push((if tries.is_empty() { StretchKind::Waiting } else { StretchKind::RetryDelay }, to));
    let mut parts = Vec::new();
    let mut at = stretch.from;
    for (kind, end) in until {
        if end > at {
            parts.push(of(kind, at, end.seconds_since(at)));
            at = end;
        }
    }
    parts
}
