//! The intelligent scheduler: which task starts next, given what runs, what the machine has and how long others have waited.
//!
//! It has no clock and starts nothing: whoever does hands it the time. So threads in real time and a simulation in virtual time
//! follow the same decisions. Costs: a start looks at every ready task once.
//!
//! The order: tasks that have waited longer than [`Rules::starvation`] come first, the oldest first, and what they need is kept for
//! them; then tasks that by prediction can only just keep their deadline, the earliest deadline first; then by priority, then by
//! rank. A task that does not fit lets those behind it pass, unless it starves: so no task waits longer than the starvation limit,
//! those that starve before it, and the longest of those that run.

use super::needs::Needs;
use crate::{engine::workers::Priority, model::Graph};

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;

/// What the scheduler goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Tasks that run at once. Default 10.
    pub concurrent: u32,
    /// Slots of pools. Default: one of as many slots as tasks run at once.
    pub pools: Vec<u32>,
    /// Tasks of each group that run at once. Default: one group without a limit.
    pub groups: Vec<u32>,
    /// Shares of the machine that may be taken. Default: 0.8 of the processors, 0.8 of the memory, 0.7 of the disks' and of the
    /// network's throughput.
    pub thresholds: Needs,
    /// Microseconds of waiting after which a task goes before all others. Default 3,600 s.
    pub starvation: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            concurrent: 10,
            pools: vec![10],
            groups: vec![u32::MAX],
            thresholds: Needs { cpu: 0.8, memory: 0.8, io: 0.7, network: 0.7 },
            starvation: 3_600 * SECOND,
        }
    }
}

/// A task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Its level.
    pub priority: Priority,
    /// Within the level the smallest goes first.
    pub rank: u64,
    /// What it takes of the machine, predicted or stated.
    pub needs: Needs,
    /// Pool, by place.
    pub pool: u32,
    /// Slots that it takes there.
    pub slots: u32,
    /// Group, by place.
    pub group: u32,
    /// When the last task behind it must have ended, in microseconds.
    pub deadline: Option<u64>,
    /// Predicted microseconds from its start to the end of the last task behind it.
    pub way: u64,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for so many others, or to be released.
    Open(u32),
    /// Could start, since then.
    Ready(u64),
    Runs,
    Over,
}

/// Tasks, and what is taken.
#[derive(Clone, Debug)]
pub struct Scheduler {
    rules: Rules,
    graph: Graph,
    jobs: Vec<Job>,
    states: Vec<State>,
    /// Those that could start.
    ready: Vec<u32>,
    pools: Vec<u32>,
    groups: Vec<u32>,
    used: Needs,
    running: u32,
    left: usize,
}

/// Why a task does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacks {
    Group,
    Pool,
    Machine,
}

impl Scheduler {
    /// None runs; tasks that wait for none are ready at 0, but for those that are `held` until they are released.
    #[must_use]
    pub fn new(rules: Rules, jobs: Vec<Job>, graph: Graph, held: impl Fn(u32) -> bool) -> Self {
        let mut scheduler = Self {
            pools: vec![0; rules.pools.len()],
            groups: vec![0; rules.groups.len()],
            states: vec![State::Over; jobs.len()],
            ready: Vec::new(),
            used: Needs::default(),
            running: 0,
            left: jobs.len(),
            rules,
            graph,
            jobs,
        };
        for task in 0..scheduler.jobs.len() as u32 {
            let waits_for = scheduler.graph.parents(task).len() as u32 + u32::from(held(task));
            scheduler.states[task as usize] = State::Open(waits_for + 1);
            scheduler.release(task, 0);
        }
        scheduler
    }

    /// A task waits for one thing less.
    pub fn release(&mut self, task: u32, now: u64) {
        match &mut self.states[task as usize] {
            State::Open(more @ 2..) => *more -= 1,
            State::Open(_) => self.put_back(task, now),
            State::Ready(_) | State::Runs | State::Over => {}
        }
    }

    /// A task is ready: for the first time, or for another try.
    pub fn put_back(&mut self, task: u32, now: u64) {
        self.states[task as usize] = State::Ready(now);
        self.ready.push(task);
    }

    /// The next task that may start now; it counts as running from here on.
    pub fn start(&mut self, now: u64) -> Option<u32> {
        if self.running >= self.rules.concurrent {
            return None;
        }
        let place = self.next_starved(now).unwrap_or_else(|kept| self.next_in_order(now, kept))?;
        let task = self.ready.swap_remove(place);
        let job = self.jobs[task as usize];
        self.states[task as usize] = State::Runs;
        self.pools[job.pool as usize] += job.slots;
        self.groups[job.group as usize] += 1;
        self.used = self.used.plus(job.needs);
        self.running += 1;
        Some(task)
    }

    /// The place of the oldest that starves, if it fits; `Ok(None)` where all must wait for it, `Err` with the pool that is kept for
    /// it where others may go.
    fn next_starved(&self, now: u64) -> Result<Option<usize>, Option<u32>> {
        let starves = |(place, task): (usize, &u32)| match self.states[*task as usize] {
            State::Ready(since) if now.saturating_sub(since) >= self.rules.starvation => Some((since, *task, place)),
            _ => None,
        };
        let mut starved: Vec<(u64, u32, usize)> = self.ready.iter().enumerate().filter_map(starves).collect();
        starved.sort_unstable();
        let mut kept = None;
        for (_, task, place) in starved {
            let job = &self.jobs[task as usize];
            match self.lacks(job) {
                None if kept != Some(job.pool) => return Ok(Some(place)),
                Some(Lacks::Machine) => return Ok(None),
                Some(Lacks::Pool) => kept = kept.or(Some(job.pool)),
                // Its own group is in its way: that is no reason for others to wait.
                Some(Lacks::Group) | None => {}
            }
        }
        Err(kept)
    }

    fn next_in_order(&self, now: u64, kept: Option<u32>) -> Option<usize> {
        let fits = |(_, task): &(usize, &u32)| {
            let job = &self.jobs[**task as usize];
            kept != Some(job.pool) && self.lacks(job).is_none()
        };
        let first = self.ready.iter().enumerate().filter(fits).min_by_key(|(_, task)| self.key(**task, now));
        first.map(|(place, _)| place)
    }

    fn key(&self, task: u32, now: u64) -> (u64, Priority, u64, u32) {
        let Job { priority, rank, deadline, way, .. } = self.jobs[task as usize];
        // Deadlines that there is time for do not count.
        let urgent = deadline.filter(|deadline| now.saturating_add(way) >= *deadline);
        (urgent.unwrap_or(u64::MAX), priority, rank, task)
    }

    fn lacks(&self, job: &Job) -> Option<Lacks> {
        let (pool, group) = (job.pool as usize, job.group as usize);
        if self.groups[group] >= self.rules.groups[group] {
            return Some(Lacks::Group);
        }
        if self.rules.pools[pool].saturating_sub(self.pools[pool]) < job.slots {
            return Some(Lacks::Pool);
        }
        // What is larger than the machine's thresholds runs alone.
        let fits = self.running == 0 || self.used.plus(job.needs).is_within(self.rules.thresholds);
        (!fits).then_some(Lacks::Machine)
    }

    /// A task no longer runs. Its try may be followed by another ([`Self::put_back`]); else see [`Self::done`] and [`Self::failed`].
    pub fn stopped(&mut self, task: u32) {
        let job = self.jobs[task as usize];
        self.states[task as usize] = State::Over;
        self.pools[job.pool as usize] -= job.slots;
        self.groups[job.group as usize] -= 1;
        self.running -= 1;
        // Sums of shares do not come back to 0 by themselves.
        self.used = if self.running == 0 { Needs::default() } else { self.used.minus(job.needs) };
    }

    /// A task that stopped has ended well: those behind it may go on.
    pub fn done(&mut self, task: u32, now: u64) {
        self.left -= 1;
        let children: Vec<u32> = self.graph.children(task).to_vec();
        children.into_iter().for_each(|child| self.release(child, now));
    }

    /// A task that stopped has failed for good: those behind it will not run. They are told, each once.
    pub fn failed(&mut self, task: u32) -> Vec<u32> {
        self.left -= 1;
        let (mut open, mut never) = (vec![task], Vec::new());
        while let Some(task) = open.pop() {
            for &child in self.graph.children(task) {
                if matches!(self.states[child as usize], State::Open(_)) {
                    self.states[child as usize] = State::Over;
                    self.left -= 1;
                    never.push(child);
                    open.push(child);
                }
            }
        }
        never.sort_unstable();
        never
    }

    /// Has every task ended, or been given up?
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    /// When a task that waits will starve, if nothing happens before: the order changes then.
    #[must_use]
    pub fn next_change(&self, now: u64) -> Option<u64> {
        let at = |task: &u32| {
            let State::Ready(since) = self.states[*task as usize] else { return None };
            let Job { deadline, way, .. } = self.jobs[*task as usize];
            let starves = since.checked_add(self.rules.starvation);
            let urgent = deadline.map(|deadline| deadline.saturating_sub(way));
            [starves, urgent].into_iter().flatten().filter(|at| *at > now).min()
        };
        self.ready.iter().filter_map(at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JOB: Job = Job {
        priority: Priority::Normal,
        rank: 0,
        needs: Needs { cpu: 0.1, memory: 0.1, io: 0.0, network: 0.0 },
        pool: 0,
        slots: 1,
        group: 0,
        deadline: None,
        way: 0,
    };

    fn of(rules: Rules, jobs: Vec<Job>) -> Scheduler {
        let graph = Graph::new(jobs.len(), Vec::new()).expect("no edges");
        Scheduler::new(rules, jobs, graph, |_| false)
    }

    fn all_that_start(scheduler: &mut Scheduler, now: u64) -> Vec<u32> {
        std::iter::from_fn(|| scheduler.start(now)).collect()
    }

    #[test]
    fn priority_then_rank_and_deadlines_that_are_close_before_both() {
        let job = |priority, rank| Job { priority, rank, needs: Needs::default(), ..JOB };
        let jobs = vec![
            job(Priority::Low, 1),
            job(Priority::Normal, 7),
            job(Priority::Normal, 3),
            job(Priority::High, 9),
            Job { deadline: Some(100), way: 40, ..job(Priority::Low, 9) },
        ];
        assert_eq!(all_that_start(&mut of(Rules::default(), jobs.clone()), 0), [3, 2, 1, 0, 4]);
        let late = all_that_start(&mut of(Rules::default(), jobs.clone()), 60);
        assert_eq!(late, [4, 3, 2, 1, 0], "there are 40 left, and its way is as long");
        let scheduler = of(Rules::default(), jobs);
        assert_eq!((scheduler.next_change(0), scheduler.next_change(60)), (Some(60), Some(3_600 * SECOND)));
        assert_eq!(scheduler.next_change(3_600 * SECOND), None);
    }

    #[test]
    fn thresholds_hold_and_what_is_larger_than_them_runs_alone() {
        let of_memory = |memory| Job { needs: Needs { memory, ..Needs::default() }, ..JOB };
        let mut scheduler = of(Rules::default(), vec![of_memory(0.5), of_memory(0.4), of_memory(0.3), of_memory(2.0)]);
        assert_eq!(all_that_start(&mut scheduler, 0), [0, 2]);
        scheduler.stopped(0);
        scheduler.done(0, 1);
        assert_eq!(all_that_start(&mut scheduler, 1), [1]);
        for task in [1, 2] {
            scheduler.stopped(task);
            scheduler.done(task, 2);
        }
        assert_eq!(all_that_start(&mut scheduler, 2), [3]);
        assert!(!scheduler.is_done());
    }

    #[test]
    fn what_starves_goes_first_and_what_it_needs_is_kept() {
        let rules = Rules { starvation: 100, pools: vec![4, 4], ..Rules::default() };
        let narrow = Job { priority: Priority::High, needs: Needs::default(), ..JOB };
        let wide = Job { priority: Priority::Low, slots: 4, ..narrow };
        let elsewhere = Job { pool: 1, ..narrow };
        let mut scheduler = of(rules, vec![narrow, narrow, narrow, narrow, narrow, wide, elsewhere]);
        assert_eq!(all_that_start(&mut scheduler, 0), [0, 1, 2, 3, 6]);
        let over = |scheduler: &mut Scheduler, task| {
            scheduler.stopped(task);
            scheduler.done(task, 50);
        };
        over(&mut scheduler, 0);
        assert_eq!(scheduler.next_change(50), Some(100));
        // Task 4 has waited as long, and is the older one by number; behind it nothing passes the wide one.
        assert_eq!(all_that_start(&mut scheduler, 100), [4]);
        scheduler.put_back(0, 100);
        for task in [1, 2, 3] {
            over(&mut scheduler, task);
            assert!(all_that_start(&mut scheduler, 100).is_empty(), "kept for the wide one");
        }
        over(&mut scheduler, 4);
        assert_eq!(all_that_start(&mut scheduler, 100), [5]);
    }

    #[test]
    fn a_task_that_fails_takes_those_behind_it_along_and_no_others() {
        let graph = Graph::new(5, vec![(0, 1), (1, 2), (0, 2), (3, 4)]).expect("no circle");
        let mut scheduler = Scheduler::new(Rules::default(), vec![JOB; 5], graph, |task| task == 3);
        assert_eq!(all_that_start(&mut scheduler, 0), [0]);
        scheduler.stopped(0);
        assert_eq!(scheduler.failed(0), [1, 2]);
        scheduler.release(3, 7);
        assert_eq!(all_that_start(&mut scheduler, 7), [3]);
        scheduler.stopped(3);
        scheduler.done(3, 8);
        assert_eq!(all_that_start(&mut scheduler, 8), [4]);
        scheduler.stopped(4);
        scheduler.done(4, 9);
        assert!(scheduler.is_done());
    }

    proptest! {
        /// Whatever comes: no limit is broken, no task starts before what it waits for has ended, and each runs once.
        #[test]
        fn limits_hold_and_all_tasks_run(
            tasks in prop::collection::vec((0_u8..3, 1_u64..400, 0_u32..2, 1_u32..4, 0.0_f64..0.6, prop::option::of(0_u64..2_000)), 1..40),
            edges in prop::collection::vec((0_usize..40, 0_usize..40), 0..60),
            concurrent in 1_u32..6,
        ) {
            let n = tasks.len();
            let edges: Vec<(u32, u32)> = edges
                .into_iter()
                .filter(|(a, b)| a < b && *b < n)
                .map(|(a, b)| (a as u32, b as u32))
                .collect();
            let rules = Rules { concurrent, pools: vec![3, 4], groups: vec![2, 9], starvation: 300, ..Rules::default() };
            let jobs: Vec<Job> = tasks
                .iter()
                .map(|(level, length, pool, slots, memory, deadline)| Job {
                    priority: [Priority::High, Priority::Normal, Priority::Low][usize::from(*level)],
                    rank: *length,
                    needs: Needs { memory: *memory, cpu: *memory, ..Needs::default() },
                    pool: *pool,
                    slots: (*slots).min(3),
                    group: u32::from(*level == 1),
                    deadline: *deadline,
                    way: *length,
                })
                .collect();
            let graph = Graph::new(n, edges.clone()).expect("edges go forward");
            let mut scheduler = Scheduler::new(rules.clone(), jobs.clone(), graph, |_| false);
            let (mut now, mut running) = (0_u64, Vec::<(u64, u32)>::new());
            let (mut starts, mut ends) = (vec![None; n], vec![None; n]);
            while !scheduler.is_done() {
                while let Some(task) = scheduler.start(now) {
                    prop_assert!(starts[task as usize].replace(now).is_none(), "{} ran twice", task);
                    running.push((now + tasks[task as usize].1, task));
                    let of = |pick: &dyn Fn(&Job) -> f64| -> f64 { running.iter().map(|(_, t)| pick(&jobs[*t as usize])).sum() };
                    prop_assert!(running.len() <= concurrent as usize);
                    for pool in 0..2 {
                        let taken = of(&|job| if job.pool == pool { f64::from(job.slots) } else { 0.0 });
                        prop_assert!(taken <= f64::from(rules.pools[pool as usize]));
                    }
                    for group in 0..2 {
                        prop_assert!(of(&|job| f64::from(u8::from(job.group == group))) <= f64::from(rules.groups[group as usize]));
                    }
                    prop_assert!(running.len() == 1 || of(&|job| job.needs.memory) <= 0.8 + 1e-9);
                }
                running.sort_unstable();
                prop_assert!(!running.is_empty(), "nothing runs and nothing starts");
                let (at, task) = running.remove(0);
                (now, ends[task as usize]) = (at, Some(at));
                scheduler.stopped(task);
                scheduler.done(task, now);
            }
            for (a, b) in edges {
                prop_assert!(ends[a as usize] <= starts[b as usize]);
            }
        }
    }
}
