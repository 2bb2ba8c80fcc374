//! Days of a platform in virtual time.
//!
//! The scheduler is the engine's own ([`Scheduler`]), so that what is found here holds for threads. Tries share processors, disks and
//! network; where their memory together exceeds the machine's, the largest is killed, as the kernel does, and its work is lost.
//! Left out: page cache and swap, several machines, what a killed process takes along.

use super::{
    configuration::Configuration,
    load::{Load, Slowness},
    outcome::{Day, Ending, Try},
};
use crate::{
    engine::{
        scheduler::{Job, Needs, Policy, Ranks, Rules, Scheduler, bottom_levels},
        workers::Priority,
    },
    model::{Drawn, Graph, Platform, PlatformInstance},
    stats::Forecaster,
};
use std::{cmp::Reverse, collections::BinaryHeap, collections::HashMap};

const SECOND: f64 = 1e6;
/// Share of the memory above which there is little room for anything.
const CROWDED: f64 = 0.9;
/// Level of the interval under whose upper end a task's memory is expected.
const MEMORY_LEVEL: f64 = 0.98;
/// Memory that is set aside for a task that has not been seen often enough, over what the platform says of it.
const UNSEEN: f64 = 1.5;

/// What has been learnt of tasks, over days.
#[derive(Clone, Debug, Default)]
pub struct Learnt {
    /// Seconds alone and bytes of each task of each DAG.
    of: HashMap<(u32, u32), (Forecaster, Forecaster)>,
}

impl Learnt {
    fn learn(&mut self, of: PlatformInstance, seconds: f64, bytes: f64) {
        let fresh = || (Forecaster::default(), Forecaster::with_level(MEMORY_LEVEL));
        let (times, memory) = self.of.entry((of.dag, of.task)).or_insert_with(fresh);
        times.push(seconds);
        memory.push(bytes);
    }

    fn seconds(&self, of: PlatformInstance) -> Option<f64> {
        Some(self.of.get(&(of.dag, of.task))?.0.forecast()?.point)
    }

    fn bytes(&self, of: PlatformInstance) -> Option<f64> {
        let told = self.of.get(&(of.dag, of.task))?.1.forecast()?;
        told.upper.is_finite().then_some(told.upper)
    }
}

/// Something that happens at a known time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The run of an instance is made.
    Made(u32),
    /// Its next try may begin.
    Again(u32),
}

struct Running {
    instance: u32,
    load: Load,
    /// Share of the try that is left.
    left: f64,
    began: u64,
    /// Ends by failing.
    fails: bool,
}

struct World<'a> {
    platform: &'a Platform,
    instances: &'a [PlatformInstance],
    drawn: &'a [Drawn],
    configuration: &'a Configuration,
    scheduler: Scheduler,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    running: Vec<Running>,
    tries: Vec<u32>,
    slow: Slowness,
    out: Day,
}

/// Replays one day: `drawn` is of each instance in the order of [`Platform::day`].
#[must_use]
pub fn day(
    platform: &Platform,
    (instances, graph): &(Vec<PlatformInstance>, Graph),
    drawn: &[Drawn],
    configuration: &Configuration,
    learnt: &mut Learnt,
) -> Day {
    let mut world = World {
        scheduler: scheduler(platform, instances, graph, configuration, learnt),
        events: BinaryHeap::new(),
        running: Vec::new(),
        tries: vec![0; instances.len()],
        slow: Slowness::none(platform),
        out: Day::new(instances.len(), platform.machine.memory),
        platform,
        instances,
        drawn,
        configuration,
    };
    for (at, of) in (0_u32..).zip(instances) {
        if graph.parents(at).is_empty() {
            world.events.push(Reverse((made(platform, *of, configuration), Event::Made(at))));
        }
    }
    world.run();
    world.out.tries.iter().filter(|one| one.ending == Ending::Done).for_each(|one| {
        learnt.learn(instances[one.instance as usize], one.alone_s, one.memory);
    });
    world.out
}

/// When the run of an instance is made, in microseconds of the day.
pub(super) fn made(platform: &Platform, of: PlatformInstance, configuration: &Configuration) -> u64 {
    let start = platform.dags[of.dag as usize].starts[of.run as usize] + configuration.shifts[of.dag as usize];
    (start * SECOND).round() as u64
}

/// The engine's scheduler for a day, with what is predicted from days before, or else from what the platform says of its tasks.
pub(super) fn scheduler(
    platform: &Platform,
    instances: &[PlatformInstance],
    graph: &Graph,
    configuration: &Configuration,
    learnt: &Learnt,
) -> Scheduler {
    let usual = Drawn { items: 1.0, seconds: 1.0, memory: 1.0, fails: 0 };
    let load = |of: PlatformInstance| Load::of(platform, of, usual, configuration);
    let seconds = |of: PlatformInstance| learnt.seconds(of).unwrap_or_else(|| load(of).alone_s(platform));
    let lengths: Vec<u64> = instances.iter().map(|of| (seconds(*of) * SECOND) as u64).collect();
    let own: Vec<i64> = instances.iter().map(|of| platform.task(*of).priority).collect();
    let ways = bottom_levels(graph, &lengths);
    let ranks = Ranks::of(configuration.order, graph, &lengths, &own);
    let room = platform.machine.memory - platform.machine.taken;
    let is_core = |of: &PlatformInstance| of.dag as usize == platform.core;
    let job = |(at, of): (usize, &PlatformInstance)| {
        let task = platform.task(*of);
        let made = made(platform, *of, configuration);
        let deadline = made.saturating_add((platform.dags[of.dag as usize].deadline_s * SECOND) as u64);
        let bytes = learnt.bytes(*of).unwrap_or_else(|| load(*of).memory * UNSEEN);
        Job {
            priority: if configuration.core_first && !is_core(of) { Priority::Low } else { Priority::Normal },
            // Who came first, where the order is that; of which run is first.
            rank: if configuration.order == Policy::Fifo { made } else { ranks.of_task(at as u32, made) },
            needs: Needs { memory: bytes / room, ..Needs::default() },
            pool: task.pool,
            slots: task.slots,
            group: of.dag,
            deadline: configuration.core_first.then_some(deadline),
            way: ways[at],
        }
    };
    let rules = Rules {
        concurrent: configuration.parallelism,
        pools: configuration.pools.clone(),
        groups: configuration.active.clone(),
        thresholds: Needs { memory: configuration.admission.unwrap_or(f64::INFINITY), ..Needs::UNLIMITED },
        ..Rules::default()
    };
    let jobs = instances.iter().enumerate().map(job).collect();
    let roots: Vec<bool> = (0..instances.len() as u32).map(|at| graph.parents(at).is_empty()).collect();
    Scheduler::new(rules, jobs, graph.clone(), |task| roots[task as usize])
}

impl World<'_> {
    fn run(&mut self) {
        let look = ((self.platform.look_s * SECOND) as u64).max(1);
        let mut now = 0_u64;
        // Has anything happened that the scheduler has not seen?
        let mut due = true;
        while !self.scheduler.is_done() {
            due |= self.happen(now);
            // It looks at whole periods only.
            if due && now.is_multiple_of(look) {
                self.start_all(now);
                due = false;
            }
            let looks = if due { Some(now) } else { self.scheduler.next_change(now) };
            let looks = looks.map(|at| (at / look + 1).saturating_mul(look));
            let event = self.events.peek().map(|Reverse((at, _))| *at);
            // Nothing runs, nothing will happen, and what waits does not start: it never will.
            let Some(next) = self.next_end(now).into_iter().chain(event).chain(looks).min() else { break };
            // What takes longer than time can be counted does not end.
            if next <= now {
                break;
            }
            due |= looks == Some(next);
            self.advance(now, next);
            now = next;
        }
        self.out.ended = now;
    }

    fn next_end(&self, now: u64) -> Option<u64> {
        let end = |running: &Running| {
            let seconds = running.left / self.slow.rate(&running.load, self.platform);
            now.saturating_add(((seconds * SECOND).ceil() as u64).max(1))
        };
        self.running.iter().map(end).min()
    }

    /// All that runs goes on until then.
    fn advance(&mut self, now: u64, next: u64) {
        let seconds = (next - now) as f64 / SECOND;
        if self.memory() > CROWDED * self.platform.machine.memory {
            self.out.crowded_s += seconds;
        }
        for running in &mut self.running {
            let done = seconds * self.slow.rate(&running.load, self.platform);
            running.left -= done;
            self.out.cpu_s += done * running.load.cpu_s;
        }
    }

    fn memory(&self) -> f64 {
        self.platform.machine.taken + self.running.iter().map(|running| running.load.memory).sum::<f64>()
    }

    /// All that happens by now; whether anything did.
    fn happen(&mut self, now: u64) -> bool {
        // A millionth of a second of the longest try is less than this share of it.
        const OVER: f64 = 1e-9;
        let mut ended = Vec::new();
        let mut at = 0;
        while at < self.running.len() {
            if self.running[at].left <= OVER { ended.push(self.running.swap_remove(at)) } else { at += 1 }
        }
        ended.sort_by_key(|running| running.instance);
        let mut changed = !ended.is_empty();
        for running in ended {
            let ending = if running.fails { Ending::Failed } else { Ending::Done };
            self.over(running, ending, now);
        }
        while let Some(&Reverse((_, event))) = self.events.peek().filter(|Reverse((at, _))| *at <= now) {
            self.events.pop();
            changed = true;
            match event {
                Event::Made(instance) => self.scheduler.release(instance, now),
                Event::Again(instance) => self.scheduler.put_back(instance, now),
            }
        }
        if changed {
            self.slow = self.slowness();
        }
        changed
    }

    fn slowness(&self) -> Slowness {
        let loads: Vec<Load> = self.running.iter().map(|running| running.load).collect();
        Slowness::of(self.platform, &loads)
    }

    fn over(&mut self, running: Running, ending: Ending, now: u64) {
        let instance = running.instance;
        let task = self.platform.task(self.instances[instance as usize]);
        self.out.tries.push(Try {
            instance,
            began: running.began,
            ended: now,
            memory: running.load.memory,
            alone_s: running.load.alone_s(self.platform),
            ending,
        });
        self.scheduler.stopped(instance);
        self.tries[instance as usize] += 1;
        if ending == Ending::Done {
            self.out.done[instance as usize] = Some(now);
            self.scheduler.done(instance, now);
        } else if self.tries[instance as usize] <= task.retries {
            let again = now.saturating_add((task.retry_delay_s * SECOND) as u64);
            self.events.push(Reverse((again, Event::Again(instance))));
        } else {
            self.scheduler.failed(instance);
        }
    }

    fn start_all(&mut self, now: u64) {
        let mut any = false;
        while let Some(instance) = self.scheduler.start(now) {
            any = true;
            let drawn = self.drawn[instance as usize];
            let load = Load::of(self.platform, self.instances[instance as usize], drawn, self.configuration);
            let fails = self.tries[instance as usize] < drawn.fails;
            self.running.push(Running { instance, load, left: 1.0, began: now, fails });
            self.kill_for_memory(now);
            self.out.most_memory = self.out.most_memory.max(self.memory());
        }
        if any {
            self.slow = self.slowness();
        }
    }

    /// The largest goes until the rest fits.
    fn kill_for_memory(&mut self, now: u64) {
        while self.memory() > self.platform.machine.memory {
            let larger = |a: &(usize, &Running), b: &(usize, &Running)| {
                a.1.load.memory.total_cmp(&b.1.load.memory).then(b.1.instance.cmp(&a.1.instance))
            };
            let Some((largest, _)) = self.running.iter().enumerate().max_by(larger) else { return };
            self.out.most_memory = self.platform.machine.memory;
            let killed = self.running.swap_remove(largest);
            self.over(killed, Ending::Killed, now);
        }
    }
}
