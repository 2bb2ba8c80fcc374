//! A day of a platform on this machine, small and fast: the same scheduler on threads, tasks that really compute, wait and hold memory.
//!
//! The platform is made as small as this machine: so many of its processors, its memory by a thousandth, an hour in a few seconds. A
//! task computes until it has had its share of processor time, sleeps where it would wait for disks, network or what is behind its
//! pool, and holds its memory, page by page. Where what is held together exceeds the limit, the largest is killed. Left out: that
//! disks and network are shared.

use super::{
    configuration::Configuration,
    load::Load,
    outcome::{Day, Ending, Try},
    search::Trial,
    world::{self, Learnt},
};
use crate::{
    engine::{
        scheduler::{Act, ThreadPlan, run_on_threads},
        workers::{Machine, Outcome, Token},
    },
    model::{Drawn, Platform},
    replay::clock::Wall,
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

/// Pieces in which a try does its work, one kind after the other in each.
const PIECES: u32 = 12;
/// Share of the platform's memory that is held in earnest.
const MEMORY: f64 = 1e-3;
/// Bytes of a page: what is not written to is not held.
const PAGE: usize = 4096;
/// Words of a task that was killed.
const KILLED: &str = "killed for memory";

/// How small and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Processors of this machine that are used.
    pub cores: f64,
    /// Seconds of the platform in one of this machine.
    pub faster: f64,
}

/// Seconds before the core DAG's first start, and after it, of which runs are kept.
const AROUND: (f64, f64) = (1_800.0, 10_800.0);

/// The platform made so small that this machine can run it in earnest: as many processors, and as much less for them to do, and of the
/// day the hours around the core DAG's start.
#[must_use]
pub fn made_small(platform: &Platform, scale: Scale) -> Platform {
    let mut small = platform.clone();
    let core = platform.dags[platform.core].starts.first().copied().unwrap_or(0.0);
    let (from, to) = ((core - AROUND.0).max(0.0), core + AROUND.1);
    for dag in &mut small.dags {
        dag.starts.retain(|start| (from..=to).contains(start));
        dag.starts.iter_mut().for_each(|start| *start -= from);
    }
    let share = scale.cores / platform.machine.cores;
    small.machine.cores = scale.cores;
    small.dags.iter_mut().flat_map(|dag| &mut dag.tasks).for_each(|task| task.cpu_s *= share);
    small
}

/// What is held of the memory, and by whom.
struct Memory {
    limit: f64,
    held: Mutex<HashMap<u32, (f64, Arc<AtomicBool>)>>,
}

impl Memory {
    /// Takes it; where that is too much the largest is told to die.
    fn take(&self, task: u32, bytes: f64) -> Arc<AtomicBool> {
        let killed = Arc::new(AtomicBool::new(false));
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(task, (bytes, killed.clone()));
        while held.values().map(|(bytes, _)| bytes).sum::<f64>() > self.limit {
            let largest = held.iter().max_by(|a, b| a.1.0.total_cmp(&b.1.0).then(b.0.cmp(a.0))).map(|(task, _)| *task);
            let Some((_, killed)) = largest.and_then(|task| held.remove(&task)) else { break };
            killed.store(true, Ordering::Release);
        }
        killed
    }

    fn give_back(&self, task: u32, killed: &Arc<AtomicBool>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(&task).is_some_and(|(_, of)| Arc::ptr_eq(of, killed)) {
            held.remove(&task);
        }
    }
}

/// Runs the last day of a trial in earnest, with what days before have taught; `trial` is of a small platform.
///
/// # Errors
/// Where the workers do not take a task.
pub fn run_day(
    trial: &Trial,
    configuration: &Configuration,
    scale: Scale,
    machine: Arc<dyn Machine>,
) -> Result<Option<(Day, Day)>, String> {
    let Trial { platform, instances, days } = trial;
    let Some((last, before)) = days.split_last() else { return Ok(None) };
    let mut learnt = Learnt::default();
    for drawn in before {
        let _ = world::day(platform, instances, drawn, configuration, &mut learnt);
    }
    let simulated = world::day(platform, instances, last, configuration, &mut learnt.clone());
    let (of, graph) = instances;
    let mut scheduler = world::scheduler(platform, of, graph, configuration, &learnt);
    let load = |(of, drawn): (_, &Drawn)| Load::of(platform, of, *drawn, configuration);
    let loads: Arc<Vec<Load>> = Arc::new(of.iter().copied().zip(last).map(load).collect());
    let made = |task: u32| world::made(platform, of[task as usize], configuration);
    let roots = (0..of.len() as u32).filter(|task| graph.parents(*task).is_empty());
    let plan = ThreadPlan {
        threads: configuration.parallelism as usize,
        nanos: 1_000.0 / scale.faster,
        timeout: Duration::from_secs(600),
        retries: of.iter().map(|of| platform.task(*of).retries).collect(),
        retry_delay: of.iter().map(|of| (platform.task(*of).retry_delay_s * 1e6) as u64).collect(),
        releases: roots.map(|task| (made(task), task)).collect(),
    };
    let act = act(platform, loads.clone(), last, scale);
    let ran = run_on_threads(&mut scheduler, &act, &plan, &Wall::start(), machine)?;
    let mut real = Day::new(of.len(), platform.machine.memory);
    for one in ran {
        let load = &loads[one.task as usize];
        let ending = match &one.outcome {
            Outcome::Done(()) => Ending::Done,
            Outcome::Failed(why) if why == KILLED => Ending::Killed,
            _ => Ending::Failed,
        };
        if ending == Ending::Done {
            real.done[one.task as usize] = Some(one.ended);
        }
        let alone_s = load.alone_s(platform);
        let (began, ended) = (one.began, one.ended);
        real.tries.push(Try { instance: one.task, began, ended, memory: load.memory, alone_s, ending });
        real.ended = real.ended.max(ended);
    }
    let shares = real.memory_over_time(platform.machine.taken);
    real.most_memory = shares.iter().map(|(_, share)| share * platform.machine.memory).fold(0.0, f64::max);
    Ok(Some((real, simulated)))
}

fn act(platform: &Platform, loads: Arc<Vec<Load>>, drawn: &[Drawn], scale: Scale) -> Act {
    let memory = Memory { limit: platform.machine.memory - platform.machine.taken, held: Mutex::default() };
    let serves: Vec<f64> = platform.pools.iter().map(|pool| pool.serves).collect();
    let busy: Vec<AtomicU32> = serves.iter().map(|_| AtomicU32::new(0)).collect();
    let streams: Vec<f64> = loads
        .iter()
        .map(|load| {
            let alone = Load { cpu_s: 0.0, wait_s: 0.0, ..*load };
            alone.alone_s(platform)
        })
        .collect();
    let fails: Vec<u32> = drawn.iter().map(|drawn| drawn.fails).collect();
    Arc::new(move |task, number, token: &Token| {
        let load = &loads[task as usize];
        let killed = memory.take(task, load.memory);
        let (pool, slots) = (load.pool.0 as usize, load.pool.1);
        busy[pool].fetch_add(slots, Ordering::AcqRel);
        let ended = work(load, streams[task as usize], scale, token, &killed, &|| {
            (f64::from(busy[pool].load(Ordering::Acquire)) / serves[pool]).max(1.0)
        });
        busy[pool].fetch_sub(slots, Ordering::AcqRel);
        memory.give_back(task, &killed);
        ended?;
        if number < fails[task as usize] { Err("it fails".to_owned()) } else { Ok(()) }
    })
}

/// Computes, sleeps and holds memory; `slower` is by how much what is behind the pool is slower now.
fn work(
    load: &Load,
    stream_s: f64,
    scale: Scale,
    token: &Token,
    killed: &AtomicBool,
    slower: &dyn Fn() -> f64,
) -> Result<(), String> {
    let mut held = vec![0_u8; (load.memory * MEMORY) as usize];
    held.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    let pieces = f64::from(PIECES);
    let cpu = Duration::from_secs_f64(load.cpu_s / pieces / scale.faster);
    for _ in 0..PIECES {
        if killed.load(Ordering::Acquire) {
            return Err(KILLED.to_owned());
        }
        compute(cpu);
        let rest = (stream_s + load.wait_s * slower()) / pieces / scale.faster;
        token.rest(Duration::from_secs_f64(rest)).map_err(|cancelled| format!("{cancelled:?}"))?;
    }
    std::hint::black_box(&held);
    if killed.load(Ordering::Acquire) { Err(KILLED.to_owned()) } else { Ok(()) }
}

/// Until this thread has had so much processor time.
fn compute(time: Duration) {
    let began = cpu_time::ThreadTime::now();
    let mut x = 1_u64;
    while began.elapsed() < time {
        for _ in 0..2_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        }
        std::hint::black_box(x);
    }
}
