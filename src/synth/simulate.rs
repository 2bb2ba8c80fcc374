//! The event simulation: one queue of events in the order of time; schedules, people and planned changes put the first ones in.

use super::{
    change::Changes,
    export::Export,
    fleet::Fleet,
    load::Hosts,
    options::{Airflow, DAY, Plan},
    run::{Cause, Run},
    slots::{Pool, Queue, Who},
    statsd::Statsd,
    truth::Truth,
};
use crate::stats::Draw;
use std::{cmp::Reverse, collections::BinaryHeap, io};

pub(super) const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The next run of a DAG is due.
    Due(u32),
    /// A DAG is started by hand or by an asset.
    Start(u32, bool),
    /// The scheduler finds that a task instance can go on.
    Ready(Who),
    /// A process ends.
    Over(Who),
    /// A run is cleared.
    Clear(u32),
    /// A pool or a worker queue changes, by its place among the planned ones.
    Resize(u32),
    /// People come to work.
    Morning,
    /// Gauges are sent.
    Gauges,
}

/// Where a DAG stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Schedule {
    pub(super) next: i64,
    pub(super) active: u32,
    pub(super) blocked: bool,
}

/// The simulated Airflow.
pub(super) struct World<'a> {
    pub(super) plan: &'a Plan,
    pub(super) fleet: &'a Fleet,
    pub(super) changes: &'a Changes,
    pub(super) events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    pub(super) order: u64,
    pub(super) schedules: Vec<Schedule>,
    pub(super) levels: Vec<Vec<f64>>,
    pub(super) runs: Vec<Run>,
    pub(super) free: Vec<u32>,
    pub(super) pools: Vec<Pool>,
    pub(super) queues: Vec<Queue>,
    pub(super) hosts: Hosts,
    pub(super) export: Export,
    pub(super) statsd: Option<Statsd>,
    pub(super) truth: Truth,
    pub(super) run_number: i64,
    pub(super) job: i64,
}

impl<'a> World<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        fleet: &'a Fleet,
        changes: &'a Changes,
        export: Export,
        statsd: Option<Statsd>,
    ) -> Self {
        let seed = plan.options.seed;
        let mut draw = Draw::keyed(seed, &[6]);
        let levels = fleet.dags.iter().map(|dag| dag.tasks.iter().map(|_| draw.normal()).collect()).collect();
        let mut world = Self {
            plan,
            fleet,
            changes,
            events: BinaryHeap::new(),
            order: 0,
            schedules: vec![Schedule::default(); fleet.dags.len()],
            levels,
            runs: Vec::new(),
            free: Vec::new(),
            pools: fleet.pools.iter().map(|pool| Pool::new(pool.slots)).collect(),
            queues: fleet.queues.iter().map(|queue| Queue::new(queue.slots)).collect(),
            hosts: Hosts::new(seed, changes.hosts),
            export,
            statsd,
            truth: Truth::new(changes),
            run_number: 0,
            job: 0,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        let first = self.plan.start - i64::from(self.plan.options.catch_up_days) * DAY;
        for (at, dag) in self.fleet.dags.iter().enumerate() {
            let (period, offset) = (dag.period, dag.offset);
            if period == 0 {
                continue;
            }
            // 1970-01-05 was a Monday.
            let anchor = 4 * DAY + offset;
            self.schedules[at].next = anchor + (first - anchor + period - 1).div_euclid(period) * period;
            self.next_due(at, self.plan.start);
        }
        for (at, shrink) in self.changes.shrinks.iter().enumerate() {
            self.push(shrink.at, Event::Resize(at as u32));
        }
        self.push(self.plan.start, Event::Morning);
        if let Some(from) = self.statsd.as_ref().map(Statsd::from) {
            self.push(from, Event::Gauges);
        }
    }

    pub(super) fn push(&mut self, at: i64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((at, self.order, event)));
    }

    /// Runs until nothing is left to happen.
    pub(super) fn run(mut self) -> io::Result<(Export, Option<Statsd>, Truth)> {
        while let Some(Reverse((now, _, event))) = self.events.pop() {
            if let Some(statsd) = &mut self.statsd {
                statsd.advance(now)?;
            }
            match event {
                Event::Due(dag) => self.due(dag as usize, now),
                Event::Start(dag, asset) => {
                    let cause = if asset { Cause::Asset } else { Cause::Person };
                    self.create(dag as usize, cause, now, now);
                }
                Event::Ready(who) => self.ready(who, now)?,
                Event::Over(who) => self.over(who, now)?,
                Event::Clear(run) => self.clear(run, now)?,
                Event::Resize(at) => self.resize(at as usize, now),
                Event::Morning => self.morning(now),
                Event::Gauges => self.gauges(now),
            }
        }
        Ok((self.export, self.statsd, self.truth))
    }

    fn next_due(&mut self, at: usize, now: i64) {
        let period = self.fleet.dags[at].period;
        let next = self.schedules[at].next;
        if next < self.plan.end {
            // With data intervals a run starts when its interval is over; a cron trigger of Airflow 3 starts at its date.
            let due = if self.plan.options.airflow == Airflow::V3_3 { next } else { next + period };
            self.push(due.max(now), Event::Due(at as u32));
        }
    }

    fn due(&mut self, at: usize, now: i64) {
        let schedule = self.schedules[at];
        if schedule.active >= self.fleet.dags[at].template.max_active_runs {
            self.schedules[at].blocked = true;
            return;
        }
        self.create(at, Cause::Schedule, schedule.next, now);
        self.schedules[at].next += self.fleet.dags[at].period;
        self.next_due(at, now + SECOND / 5);
    }

    fn morning(&mut self, now: i64) {
        let day = now.div_euclid(DAY);
        for (at, dag) in self.fleet.dags.iter().enumerate() {
            if dag.template.by_hand > 0.0 {
                let mut draw = Draw::keyed(self.plan.options.seed, &[7, dag.key, day as u64]);
                for _ in 0..draw.poisson(dag.template.by_hand) {
                    let when = now + 8 * HOUR + (draw.uniform() * 9.0 * HOUR as f64) as i64;
                    self.push(when, Event::Start(at as u32, false));
                }
            }
        }
        if now + DAY < self.plan.end {
            self.push(now + DAY, Event::Morning);
        }
    }

    fn resize(&mut self, at: usize, now: i64) {
        let shrink = &self.changes.shrinks[at];
        if shrink.is_pool {
            self.pools[shrink.place].slots = shrink.after;
            self.admit(shrink.place, now);
        } else {
            self.queues[shrink.place].slots = shrink.after;
            self.take(shrink.place, now);
        }
    }

    fn gauges(&mut self, now: i64) {
        let Some(statsd) = &mut self.statsd else { return };
        let pools = self.fleet.pools.iter().zip(&self.pools);
        statsd.pools(now, pools.map(|(place, pool)| (place.name.as_str(), pool.slots, pool.used, pool.waiting())));
        let slots = |queue: &Queue| (queue.slots, queue.used, queue.waiting());
        let sum = self.queues.iter().map(slots).fold((0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
        statsd.executor(now, sum);
        if let Some(next) = statsd.next_gauges(now) {
            self.push(next, Event::Gauges);
        }
    }
}
