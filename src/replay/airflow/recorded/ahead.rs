//! What lies ahead: runs that are not over, more of them, and those that the schedules will bring, replayed from the last recorded
//! instant on.
//!
//! Each run to come does what a recorded run of its DAG did, at the pace that is foretold of it: as much work as the errors of the
//! [`Forecaster`](crate::stats::Forecaster) let expect. Runs of one replay are slow or fast together as far as neighbouring ones were
//! (a common factor beside each one's own: Vasicek 2002, Risk 15). Ends vary by what the replay of the history was off.
//!
//! Limits: tasks of a run under way that the recorded run did not have are not known; tasks are not known to fail; schedules are the
//! usual distance of the dates of a DAG's scheduled runs, also where it is paused; DAGs without a run that ended do not come in.

use super::{
    future::{AHEAD_KEY, Backlog, Drawn, Future, middle},
    record::Recorded,
};
use crate::{
    model::Timestamp,
    stats::{Draw, Estimate, parallel_map, quantile},
};

/// Replays of what lies ahead: of few task instances, and of very many; and how many of these all of them may come to.
const REPLAYS: (u64, u64) = (200, 20);
const ALL_INSTANCES: u64 = 8_000_000;
/// How often the time in which schedules bring runs is doubled, from what the backlog takes alone, until it is done within that time.
const DOUBLINGS: u32 = 6;
/// Level of the interval.
const LEVEL: f64 = 0.9;

/// When a backlog is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// In so many seconds from the last recorded instant.
    In(Estimate),
    /// Not within so many seconds: schedules bring more urgent work as fast as it is done.
    Outpaced(f64),
    /// Never: a task needs more slots than there are.
    NoRoom,
}

/// What lies ahead of a DAG.
#[derive(Clone, Debug, PartialEq)]
pub struct Ahead {
    /// The last recorded instant, from which seconds count.
    pub now: Timestamp,
    /// Runs of the DAG that are not over by the record.
    pub under_way: usize,
    /// Task instances that they and those added have yet to run, in the middle replay.
    pub to_go: usize,
    /// When the last of them will end.
    pub done: Done,
    /// Seconds to the end of the first, a quarter, half, three quarters and all of them: medians.
    pub progress: Vec<(usize, f64)>,
    /// Task instances of all DAGs that schedules bring in an hour.
    pub arriving_per_h: f64,
    /// Recorded runs that those to come take after.
    pub donors: usize,
    /// Seconds from the last that is known of the runs under way to the last recorded instant: of the one that has moved last.
    pub idle_s: f64,
    /// Median seconds of the runs that those to come take after.
    pub usual_s: f64,
}

/// When the backlog of a DAG will be done. `None` where no run of it has ended, or nothing is to be done.
#[must_use]
pub fn ahead(recorded: &Recorded, errors: &[f64], backlog: Backlog) -> Option<Ahead> {
    let future = Future::of(recorded);
    let donors = future.donors(backlog.dag)?;
    let now = Timestamp::from_micros(recorded.origin.micros().saturating_add(future.now as i64));
    let under_way = recorded.under_way.iter().filter(|run| recorded.runs[run.run as usize].dag == backlog.dag).count();
    if under_way + backlog.added as usize == 0 {
        return None;
    }
    let arriving_per_h = future.arriving_per_h();
    let (idle_s, usual_s) = (future.idle_s(backlog.dag), future.usual_s(backlog.dag));
    let never = |done, to_go| {
        let progress = Vec::new();
        Some(Ahead { now, under_way, to_go, done, progress, arriving_per_h, donors, idle_s, usual_s })
    };
    let draws = |horizon: u64| {
        let instances = future.replay(backlog, 0, horizon).instances as u64;
        let count = (ALL_INSTANCES / instances.max(1)).clamp(REPLAYS.1, REPLAYS.0);
        parallel_map(&(0..count).collect::<Vec<u64>>(), |number| future.replay(backlog, *number, horizon))
    };
    let alone = draws(0);
    let to_go = middle(alone.iter().map(|one| one.to_go));
    let Some(longest) =
        alone.iter().map(Drawn::done).collect::<Option<Vec<u64>>>().and_then(|all| all.into_iter().max())
    else {
        return never(Done::NoRoom, to_go);
    };
    let mut horizon = longest.max(1);
    let mut reached = 0;
    let told = (0..=DOUBLINGS).find_map(|_| {
        horizon = horizon.saturating_mul(2);
        let drawn = draws(horizon);
        reached = drawn.iter().map(|one| one.reached).min().unwrap_or(horizon);
        drawn.iter().all(|one| one.done().is_some_and(|done| done <= one.reached)).then_some(drawn)
    });
    let Some(mut drawn) = told else { return never(Done::Outpaced(reached as f64 / 1e6), to_go) };
    for (number, one) in drawn.iter_mut().enumerate() {
        let mut draw = Draw::keyed(backlog.seed, &[AHEAD_KEY, number as u64]);
        let off = if errors.is_empty() { 1.0 } else { errors[draw.below(errors.len() as u64) as usize] };
        one.ended.iter_mut().for_each(|ended| *ended /= off);
    }
    let at = |place: usize| {
        let mut seconds: Vec<f64> = drawn.iter().map(|one| one.ended[place]).collect();
        seconds.sort_by(f64::total_cmp);
        seconds
    };
    let runs = drawn[0].ended.len();
    let last = at(runs - 1);
    let mut places = vec![1, runs.div_ceil(4), runs.div_ceil(2), (3 * runs).div_ceil(4), runs];
    places.dedup();
    Some(Ahead {
        now,
        under_way,
        to_go,
        done: Done::In(Estimate {
            point: quantile(&last, 0.5)?,
            lower: quantile(&last, (1.0 - LEVEL) / 2.0)?,
            upper: quantile(&last, (1.0 + LEVEL) / 2.0)?,
            level: LEVEL,
            n: drawn.len(),
            method: "replays of recorded runs at the foretold pace, spread by the replay's own error".into(),
        }),
        progress: places
            .into_iter()
            .map(|count| Some((count, quantile(&at(count - 1), 0.5)?)))
            .collect::<Option<_>>()?,
        arriving_per_h,
        donors,
        idle_s,
        usual_s,
    })
}

#[cfg(test)]
#[path = "ahead_tests.rs"]
mod tests;
