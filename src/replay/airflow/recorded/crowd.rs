//! When task instances that could run had to wait, and for which limit: over a whole history, by hour of the week.

use super::{
    record::Recorded,
    room::{Limit, Room},
};

/// Hours of a week; hour 0 is Monday 00:00 UTC.
pub const HOURS: usize = 168;
const HOUR_US: i64 = 3_600_000_000;
/// Hours from the Monday before 1970-01-01, a Thursday, to it.
const EPOCH_HOURS: i64 = 72;

/// Seconds that task instances waited for one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Crowded {
    /// What for.
    pub limit: Limit,
    /// In all.
    pub seconds: f64,
    /// Task instances that did.
    pub instances: usize,
    /// By hour of the week.
    pub by_hour: Vec<f64>,
}

/// All that task instances waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Crowd {
    /// Limits, longest first, and the executor. Where several were full at once, each has the time.
    pub limits: Vec<Crowded>,
    /// Seconds in which any limit was full, by hour of the week, each once.
    pub by_hour: Vec<f64>,
    /// Seconds waited in all before they were handed to the executor.
    pub seconds: f64,
}

/// What the task instances of a DAG, or of all, waited for between the end of what they depend on and their start.
#[must_use]
pub fn crowded(recorded: &Recorded, dag: Option<u32>) -> Crowd {
    let room = Room::of_record(recorded);
    let mut crowd = Crowd { limits: Vec::new(), by_hour: vec![0.0; HOURS], seconds: 0.0 };
    for place in 0..recorded.case.instances.len() as u32 {
        if dag.is_some_and(|dag| dag != recorded.names[place as usize].dag) {
            continue;
        }
        let mut told: Vec<Limit> = Vec::new();
        if let Some((from, to)) = wait_of(recorded, place) {
            for (hour, from, until) in by_hours(recorded, from, to) {
                let waited = (until - from) as f64 / 1e6;
                crowd.seconds += waited;
                crowd.by_hour[hour] += waited;
                for (limit, micros) in room.blocked(place, from, until) {
                    let seconds = micros as f64 / 1e6;
                    if limit == Limit::Loop {
                        crowd.by_hour[hour] -= seconds;
                    }
                    crowd.tell(limit, hour, seconds, &mut told);
                }
            }
        }
        for (queued, started) in with_executor(recorded, place) {
            for (hour, from, until) in by_hours(recorded, queued, started) {
                crowd.tell(Limit::Executor, hour, (until - from) as f64 / 1e6, &mut told);
            }
        }
    }
    crowd.limits.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then(a.limit.cmp(&b.limit)));
    crowd.by_hour.iter_mut().for_each(|seconds| *seconds = seconds.max(0.0));
    crowd
}

impl Crowd {
    /// An instance waited for a limit in that hour; `told` are the limits that it is counted under already.
    fn tell(&mut self, limit: Limit, hour: usize, seconds: f64, told: &mut Vec<Limit>) {
        let at = self.limits.iter().position(|one| one.limit == limit).unwrap_or_else(|| {
            self.limits.push(Crowded { limit, seconds: 0.0, instances: 0, by_hour: vec![0.0; HOURS] });
            self.limits.len() - 1
        });
        let one = &mut self.limits[at];
        one.seconds += seconds;
        one.by_hour[hour] += seconds;
        if !told.contains(&limit) {
            told.push(limit);
            one.instances += 1;
        }
    }
}

/// When its tries were queued and started.
fn with_executor(recorded: &Recorded, place: u32) -> impl Iterator<Item = (u64, u64)> {
    let steps = recorded.case.instances[place as usize].steps.clone();
    let stay = |step: u32| {
        let latency = recorded.case.steps[step as usize].latency;
        recorded.queued[step as usize].filter(|_| latency > 0).map(|queued| (queued, queued + latency))
    };
    steps.filter_map(stay)
}

/// A stretch of time in pieces of one hour each: hour of the week, from, to.
fn by_hours(recorded: &Recorded, mut from: u64, to: u64) -> Vec<(usize, u64, u64)> {
    let mut pieces = Vec::new();
    while from < to {
        let (hour, next) = hour_of(recorded, from);
        pieces.push((hour, from, next.min(to)));
        from = next.min(to);
    }
    pieces
}

/// From when an instance could have been queued to when it was.
fn wait_of(recorded: &Recorded, place: u32) -> Option<(u64, u64)> {
    let instance = &recorded.case.instances[place as usize];
    let queued = (*recorded.queued.get(instance.steps.start as usize)?).filter(|_| !instance.steps.is_empty())?;
    let run = instance.run as usize;
    let began = recorded.runs[run].times.map_or(recorded.case.runs[run].made, |(start, _)| start);
    let last_end = |parent: &u32| {
        let steps = &recorded.case.instances[*parent as usize].steps;
        (!steps.is_empty()).then(|| recorded.ended[steps.end as usize - 1])
    };
    let freed = recorded.case.graph.parents(place).iter().filter_map(last_end).max().unwrap_or(0).max(began);
    (freed < queued).then_some((freed, queued))
}

/// Hour of the week, and when the next one begins.
fn hour_of(recorded: &Recorded, time: u64) -> (usize, u64) {
    let now = recorded.origin.micros() + time as i64;
    let hour = now.div_euclid(HOUR_US);
    let next = ((hour + 1) * HOUR_US - recorded.origin.micros()) as u64;
    ((hour + EPOCH_HOURS).rem_euclid(HOURS as i64) as usize, next)
}
