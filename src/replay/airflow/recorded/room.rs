//! Was there room for a task when those before it had ended, and if not, which limit was full? From the record alone.

use super::record::Recorded;
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
    /// The executor had it, and had not begun it: a worker was missing, or slow to start.
    Executor,
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

    /// What a limit is at the end; `None` of what is none that could be set, or is none.
    #[must_use]
    pub fn last_size(&self, limit: Limit) -> Option<u32> {
        Some(self.size(limit, u64::MAX)).filter(|size| *size < u32::MAX)
    }

    /// What a limit was at that time.
    fn size(&self, limit: Limit, time: u64) -> u32 {
        let mut size = match limit {
            Limit::Pool(pool) => self.case.pools[pool as usize].slots,
            Limit::Parallelism => self.case.rules.parallelism,
            Limit::ActiveTasks(dag) => self.case.dags[dag as usize].max_active_tasks,
            Limit::Down | Limit::Loop | Limit::Executor => u32::MAX,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Graph,
        replay::airflow::{Away, DagCase, Instance, PoolCase, Rules, RunCase, Step},
    };

    /// A run of instances of one step each, one slot of one pool.
    fn case(instances: u32, pool: u32, parallelism: u32, max_active_tasks: u32) -> Case {
        let instance =
            |at: u32| Instance { run: 0, pool: 0, slots: 1, weight: 1, map_index: -1, task: at, steps: at..at + 1 };
        let step = Step { away: Away::No, pause: 0, latency: 0, length: 1, tail: 0 };
        Case {
            rules: Rules { parallelism, ..Rules::of(Generation::Two) },
            pools: vec![PoolCase { slots: pool, include_deferred: false }],
            dags: vec![DagCase { max_active_tasks, max_active_runs: 16 }],
            runs: vec![RunCase { dag: 0, made: 0, date: 0, backfill: false }],
            instances: (0..instances).map(instance).collect(),
            steps: vec![step; instances as usize],
            graph: Graph::new(instances as usize, Vec::new()).expect("no edges"),
            changes: Vec::new(),
            sections: Vec::new(),
            ties: 0,
        }
    }

    /// Two instances hold slots from 0 to 100, and a third one waits from 50 to 150.
    fn blocked(case: &Case, down: &[(u64, u64)]) -> Vec<(Limit, u64)> {
        let times = [(Some(0), 100), (Some(0), 100), (Some(150), 160)];
        let room = Room { down: down.to_vec(), ..Room::new(case, &times) };
        room.blocked(2, 50, 150)
    }

    #[test]
    fn what_was_full_is_told_while_it_was() {
        let pool = (Limit::Pool(0), 50);
        let open = (Limit::Loop, 50);
        assert_eq!(blocked(&case(3, 2, 9, 9), &[]), [pool, open]);
        assert_eq!(blocked(&case(3, 9, 2, 9), &[]), [(Limit::Parallelism, 50), open]);
        assert_eq!(blocked(&case(3, 9, 9, 2), &[]), [(Limit::ActiveTasks(0), 50), open]);
        assert_eq!(blocked(&case(3, 9, 9, 9), &[]), [(Limit::Loop, 100)]);
        // Both at once: each has the time.
        assert_eq!(blocked(&case(3, 2, 2, 9), &[]), [pool, (Limit::Parallelism, 50), open]);
        assert_eq!(
            blocked(&case(3, 2, 9, 9), &[(90, 130)]),
            [(Limit::Pool(0), 40), (Limit::Down, 40), (Limit::Loop, 20)]
        );
    }

    #[test]
    fn a_limit_that_was_raised_is_full_until_then() {
        let mut case = case(3, 2, 9, 9);
        case.changes = vec![(70, Change::Loop(5)), (80, Change::Pool(0, 3))];
        assert_eq!(blocked(&case, &[]), [(Limit::Loop, 70), (Limit::Pool(0), 30)]);
    }

    #[test]
    fn many_changes_are_looked_at_in_even_pieces() {
        // One slot is taken half the time, in a thousand short stays.
        let case = case(1_001, 1, 9, 9);
        let stays = (0..1_000_u64).map(|at| (Some(at * 1_000), at * 1_000 + 500));
        let times: Vec<(Option<u64>, u64)> = stays.chain([(Some(1_000_000), 1_000_001)]).collect();
        let told = Room::new(&case, &times).blocked(1_000, 0, 1_000_000);
        assert_eq!(told.iter().map(|(_, time)| time).sum::<u64>(), 1_000_000);
        let pool = told.iter().find(|(limit, _)| *limit == Limit::Pool(0)).map_or(0, |(_, time)| *time);
        assert!((300_000..=700_000).contains(&pool), "{pool}");
    }
}
