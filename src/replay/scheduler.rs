//! First come, first served against the intelligent scheduler: on threads, and the same decisions in virtual time beside it.

use super::{
    clock::Wall,
    measure::{BenchError, Contender, EngineResult, Plan, Run, Subject, Timed, interleave},
};
use crate::{
    engine::{
        scheduler::{Act, Job, Needs, Ran, Rules, Scheduler, ThreadPlan, bottom_levels, run_on_threads},
        workers::{Machine, Outcome, Priority, Token},
    },
    model::Graph,
    stats::{Draw, median},
};
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Tasks of a run, where no number is given.
const TASKS: usize = 240;
/// Median of a task's length in microseconds, and standard deviation of its logarithm.
const LENGTH: (f64, f64) = (6_000.0, 0.8);
/// Standard deviation of the logarithm of prediction over length: what runs before teach.
const PREDICTED: f64 = 0.3;
/// A task waits for up to two of so many before it.
const BEHIND: u64 = 24;

/// What is to be run.
struct Work {
    graph: Graph,
    lengths: Vec<u64>,
    jobs: Vec<Job>,
}

/// Compares; the scheduler's limits are its defaults on both sides.
///
/// # Errors
/// Where a run is not right.
pub fn bench_scheduler(seed: u64, plan: Plan, machine: &Arc<dyn Machine>) -> Result<EngineResult, BenchError> {
    let work = Arc::new(work(seed, plan.items.unwrap_or(TASKS)));
    let lasted: Arc<Mutex<[Vec<f64>; 2]>> = Arc::default();
    let contender = |side: usize, name: &str| {
        let (work, lasted, machine) = (work.clone(), lasted.clone(), machine.clone());
        Contender {
            name: name.to_owned(),
            prepare: Box::new(move || {
                let (work, lasted, machine) = (work.clone(), lasted.clone(), machine.clone());
                let timed: Timed<'_> = Box::new(move || {
                    let ran = on_threads(&work, side == 1, machine)?;
                    let end = ran.iter().map(|one| one.ended).max().unwrap_or(0);
                    lasted.lock().unwrap_or_else(PoisonError::into_inner)[side].push(end as f64 / 1e6);
                    told(&work, &ran)
                });
                Ok(timed)
            }),
        }
    };
    let workload = format!("{} tasks of three levels, at most 10 at once", work.jobs.len());
    let subject =
        Subject { engine: "scheduler", workload, latency_of: "an urgent task, from ready to ended", for_latency: true };
    let sides = [contender(0, "first come, first served"), contender(1, "intelligent scheduler")];
    let mut result = interleave(subject, plan, sides)?;
    let lasted = lasted.lock().unwrap_or_else(PoisonError::into_inner);
    for (side, name) in [(0, &result.baseline), (1, &result.candidate)] {
        let simulated = in_virtual_time(&work, side == 1) as f64 / 1e6;
        let real = median(&lasted[side]).unwrap_or(f64::NAN);
        let apart = (real / simulated - 1.0) * 100.0;
        result.notes.push(format!(
            "{name}: {real:.3} s on threads in the median run, {simulated:.3} s in virtual time by the same decisions ({apart:+.1} %)"
        ));
    }
    Ok(result)
}

fn work(seed: u64, tasks: usize) -> Work {
    let mut draw = Draw::keyed(seed, &[0x7363_6865]);
    let mut edges = Vec::new();
    let (mut lengths, mut predicted) = (Vec::new(), Vec::new());
    for task in 0..tasks as u64 {
        let length = draw.log_normal(LENGTH.0, LENGTH.1);
        lengths.push(length as u64);
        predicted.push((length * draw.log_normal(1.0, PREDICTED)) as u64);
        for _ in 0..2 {
            if task >= BEHIND && draw.chance(0.7) {
                edges.push(((task - 1 - draw.below(BEHIND)) as u32, task as u32));
            }
        }
    }
    edges.sort_unstable();
    edges.dedup();
    let graph = Graph::new(tasks, edges).unwrap_or_else(|_| unreachable!("edges go forward"));
    let ways = bottom_levels(&graph, &predicted);
    let job = |task: usize| Job {
        // One in ten is urgent, three in ten can wait.
        priority: match task % 10 {
            0 => Priority::High,
            7.. => Priority::Low,
            _ => Priority::Normal,
        },
        rank: u64::MAX - ways[task],
        needs: Needs {
            cpu: draw.between(0.02, 0.12),
            memory: draw.between(0.02, 0.14),
            io: draw.between(0.0, 0.1),
            network: draw.between(0.0, 0.05),
        },
        pool: 0,
        slots: 1,
        group: 0,
        deadline: None,
        way: ways[task],
    };
    let jobs = (0..tasks).map(job).collect();
    Work { graph, lengths, jobs }
}

impl Work {
    fn scheduler(&self, intelligent: bool) -> Scheduler {
        // As they come: the order of their numbers, which is one in which they can run.
        let plain = |(task, job): (usize, &Job)| Job { priority: Priority::Normal, rank: task as u64, ..*job };
        let jobs = if intelligent { self.jobs.clone() } else { self.jobs.iter().enumerate().map(plain).collect() };
        Scheduler::new(Rules::default(), jobs, self.graph.clone(), |_| false)
    }
}

fn on_threads(work: &Arc<Work>, intelligent: bool, machine: Arc<dyn Machine>) -> Result<Vec<Ran>, String> {
    let lengths = work.clone();
    let act: Act = Arc::new(move |task, _, token: &Token| {
        let length = Duration::from_micros(lengths.lengths[task as usize]);
        token.rest(length).map_err(|_| "it was told to stop".to_owned())
    });
    let plan = ThreadPlan {
        threads: Rules::default().concurrent as usize,
        nanos: 1_000.0,
        timeout: Duration::from_secs(300),
        retries: Vec::new(),
        retry_delay: Vec::new(),
        releases: Vec::new(),
    };
    run_on_threads(&mut work.scheduler(intelligent), &act, &plan, &Wall::start(), machine)
}

/// What a run came to, if each task ran once and none before those that it waits for.
fn told(work: &Work, ran: &[Ran]) -> Result<Run, String> {
    let mut run = Run::new(work.jobs.len() as u64);
    let mut ended = vec![None; work.jobs.len()];
    for one in ran {
        let done = matches!(one.outcome, Outcome::Done(()));
        if !done || ended[one.task as usize].replace(one.ended).is_some() {
            return Err(format!("task {} failed or ran twice", one.task));
        }
    }
    for one in ran {
        let parents = work.graph.parents(one.task).iter().map(|parent| ended[*parent as usize]);
        let ready = parents.max().unwrap_or(Some(0)).ok_or_else(|| format!("task {} ran too early", one.task))?;
        if ready > one.began {
            return Err(format!("task {} began before what it waits for had ended", one.task));
        }
        if work.jobs[one.task as usize].priority == Priority::High {
            run.took((one.ended - ready) * 1_000);
        }
        run.items_out += 1;
    }
    Ok(run)
}

/// Microseconds until all has ended, were there no threads, and no time but that of the tasks.
fn in_virtual_time(work: &Work, intelligent: bool) -> u64 {
    let mut scheduler = work.scheduler(intelligent);
    let mut running: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let mut now = 0;
    loop {
        while let Some(task) = scheduler.start(now) {
            running.push(Reverse((now + work.lengths[task as usize], task)));
        }
        let Some(Reverse((end, task))) = running.pop() else { return now };
        now = end;
        scheduler.stopped(task);
        scheduler.done(task, now);
    }
}
