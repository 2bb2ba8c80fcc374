//! Was there room for a task when those before it had ended, and if not, which limit was full? From the record alone.

use super::build::Recorded;
use crate::replay::airflow::{Case, Change, Generation};

/// Slots taken over time, of one pool or of all.
#[derive(Clone, Debug, Default)]
struct Taken {
    /// (time, slots) of what begins and ends, and sums of slots up to each.
    begins: Vec<(u64, u64)>,
    ends: Vec<(u64, u64)>,
}

impl Taken {
    fn put(&mut self, from: u64, to: u64, slots: u32) {
        self.begins.push((from, u64::from(slots)));
        self.ends.push((to, u64::from(slots)));
    }

    fn sort(&mut self) {
        for times in [&mut self.begins, &mut self.ends] {
            times.sort_unstable();
            let mut sum = 0;
            for (_, slots) in times {
                sum += *slots;
                *slots = sum;
            }
        }
    }

    /// How often it changes between two instants.
    fn changes(&self, from: u64, to: u64) -> usize {
        let count = |times: &[(u64, u64)]| {
            times.partition_point(|(at, _)| *at < to).saturating_sub(times.partition_point(|(at, _)| *at <= from))
        };
        count(&self.begins) + count(&self.ends)
    }

    /// Instants in which it changes, between two, without these.
    fn instants(&self, from: u64, to: u64) -> impl Iterator<Item = u64> {
        let inside = |times: &'_ [(u64, u64)]| {
            let (first, last) =
                (times.partition_point(|(at, _)| *at <= from), times.partition_point(|(at, _)| *at < to));
            times[first..last.max(first)].iter().map(|(at, _)| *at).collect::<Vec<u64>>()
        };
        inside(&self.begins).into_iter().chain(inside(&self.ends))
    }

    fn at(&self, time: u64) -> u64 {
        let until = |times: &[(u64, u64)]| match times.partition_point(|(at, _)| *at <= time) {
            0 => 0,
            count => times[count - 1].1,
        };
        until(&self.begins).saturating_sub(until(&self.ends))
    }
}

/// Pieces in which a wait is looked at: where more changes than that, in even ones, so that the work does not grow with the square of
/// the history.
const MOST_CUTS: usize = 96;

/// What a task instance that could run has waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Slots of a pool, by its place.
    Pool(u32),
    /// `parallelism`
    Parallelism,
    /// `max_active_tasks` of its DAG, by place (2.x: of all its runs; 3.x: of one).
    ActiveTasks(u32),
    /// The scheduler was down.
    Down,
    /// Nothing was full: the scheduler's loop had not come round to it, or others went first in a pass.
    Loop,
}

/// What was taken, and how much there was.
pub struct Room<'a> {
    case: &'a Case,
    pools: Vec<Taken>,
    all: Taken,
    /// Of each DAG (2.x) or run (3.x).
    active: Vec<Taken>,
    /// Changes of limits.
    changes: Vec<(u64, Change)>,
    /// When the scheduler was down.
    down: Vec<(u64, u64)>,
}

impl<'a> Room<'a> {
    /// As recorded.
    #[must_use]
    pub fn of_record(recorded: &'a Recorded) -> Self {
        let times: Vec<_> = recorded.queued.iter().copied().zip(recorded.ended.iter().copied()).collect();
        Self { down: recorded.restarts.clone(), ..Self::new(&recorded.case, &times) }
    }

    /// `times` are when each step was queued and ended.
    pub(super) fn new(case: &'a Case, times: &[(Option<u64>, u64)]) -> Self {
        let keys = if case.rules.generation == Generation::Two { case.dags.len() } else { case.runs.len() };
        let mut room = Self {
            case,
            pools: vec![Taken::default(); case.pools.len()],
            all: Taken::default(),
            active: vec![Taken::default(); keys],
            changes: case.changes.iter().filter(|(_, change)| !matches!(change, Change::Loop(_))).copied().collect(),
            down: Vec::new(),
        };
        for instance in &case.instances {
            for step in instance.steps.clone() {
                let (Some(queued), ended) = times[step as usize] else { continue };
                room.pools[instance.pool as usize].put(queued, ended, instance.slots);
                room.all.put(queued, ended, 1);
                let key = room.key(instance.run);
                room.active[key].put(queued, ended, 1);
            }
        }
        room.pools.iter_mut().chain(&mut room.active).chain([&mut room.all]).for_each(Taken::sort);
        room
    }

    /// Whose task instances `max_active_tasks` counts, for those of a run.
    fn key(&self, run: u32) -> usize {
        let generation = self.case.rules.generation;
        (if generation == Generation::Two { self.case.runs[run as usize].dag } else { run }) as usize
    }

    /// Was there room for that instance then, in its pool and with the executor?
    pub(super) fn is_for(&self, instance: u32, time: u64) -> bool {
        let of = &self.case.instances[instance as usize];
        let (slots, parallelism) = (self.size(Limit::Pool(of.pool), time), self.size(Limit::Parallelism, time));
        self.pools[of.pool as usize].at(time) + u64::from(of.slots) <= u64::from(slots)
            && self.all.at(time) < u64::from(parallelism)
    }

    /// What a limit was at that time.
    fn size(&self, limit: Limit, time: u64) -> u32 {
        let mut size = match limit {
            Limit::Pool(pool) => self.case.pools[pool as usize].slots,
            Limit::Parallelism => self.case.rules.parallelism,
            Limit::ActiveTasks(dag) => self.case.dags[dag as usize].max_active_tasks,
            Limit::Down | Limit::Loop => u32::MAX,
        };
        for (_, change) in self.changes.iter().take_while(|(at, _)| *at <= time) {
            match (change, limit) {
                (Change::Pool(pool, slots), Limit::Pool(of)) if *pool == of => size = *slots,
                (Change::Parallelism(count), Limit::Parallelism) => size = *count,
                (Change::MaxActiveTasks(dag, count), Limit::ActiveTasks(of)) if *dag == of => size = *count,
                _ => {}
            }
        }
        size
    }

    /// What was full, and for how many microseconds, while an instance waited between two instants. Where several limits were full
    /// at once each is told, so that the sum may exceed the wait; [`Limit::Loop`] is told where none was.
    #[must_use]
    pub fn blocked(&self, instance: u32, from: u64, to: u64) -> Vec<(Limit, u64)> {
        let of = &self.case.instances[instance as usize];
        let (pool, active) = (&self.pools[of.pool as usize], &self.active[self.key(of.run)]);
        let changes = self.changes.iter().map(|(at, _)| *at).skip_while(|at| *at <= from).take_while(|at| *at < to);
        let downs = self.down.iter().flat_map(|(from, to)| [*from, *to]).filter(|at| from < *at && *at < to);
        let mut cuts: Vec<u64> = changes.chain(downs).chain([from, to]).collect();
        if [pool, &self.all, active].iter().map(|taken| taken.changes(from, to)).sum::<usize>() <= MOST_CUTS {
            cuts.extend(pool.instants(from, to).chain(self.all.instants(from, to)).chain(active.instants(from, to)));
        } else {
            cuts.extend((1..MOST_CUTS as u64).map(|piece| from + (to - from) / MOST_CUTS as u64 * piece));
        }
        cuts.sort_unstable();
        cuts.dedup();
        let limits = [
            (Limit::Pool(of.pool), pool, u64::from(of.slots)),
            (Limit::Parallelism, &self.all, 1),
            (Limit::ActiveTasks(self.case.runs[of.run as usize].dag), active, 1),
        ];
        let mut blocked: Vec<(Limit, u64)> = Vec::new();
        let mut tell = |limit: Limit, time: u64| match blocked.iter_mut().find(|(known, _)| *known == limit) {
            Some((_, sum)) => *sum += time,
            None => blocked.push((limit, time)),
        };
        for piece in cuts.windows(2) {
            let (at, length) = (piece[0], piece[1] - piece[0]);
            if self.down.iter().any(|(from, to)| *from <= at && at < *to) {
                tell(Limit::Down, length);
                continue;
            }
            let full = limits.iter().filter(|(limit, taken, wanted)| {
                taken.at(at).saturating_add(*wanted) > u64::from(self.size(*limit, at))
            });
            let mut any = false;
            for (limit, _, _) in full {
                any = true;
                tell(*limit, length);
            }
            if !any {
                tell(Limit::Loop, length);
            }
        }
        blocked.sort_by_key(|(limit, time)| (std::cmp::Reverse(*time), *limit));
        blocked
    }
}
