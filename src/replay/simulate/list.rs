//! List scheduling: whenever something ends, the first of the ready tasks that fit start (Graham 1966).

use crate::{
    engine::scheduler::{Lane, Limits, Ranks, Ready, Started},
    model::Graph,
};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Tasks, who waits for whom, and what limits them.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Who waits for whom.
    pub graph: Graph,
    /// Lane of each task.
    pub lanes: Vec<u32>,
    /// Group of each task.
    pub groups: Vec<u32>,
    /// Earliest start of each task in microseconds; empty where all may start at once.
    pub releases: Vec<u64>,
    /// What there is.
    pub limits: Limits,
}

impl Scenario {
    /// So many alike slots, one a task, and no other limit.
    #[must_use]
    pub fn on_slots(graph: Graph, slots: u32) -> Self {
        let tasks = graph.nodes() as usize;
        let limits = Limits {
            parallelism: slots,
            pools: vec![slots],
            groups: vec![u32::MAX],
            lanes: vec![Lane { pool: 0, slots: 1 }],
        };
        Self { graph, lanes: vec![0; tasks], groups: vec![0; tasks], releases: Vec::new(), limits }
    }

    /// The same backwards, all tasks free to be the last.
    #[must_use]
    pub(super) fn reversed(&self) -> Self {
        Self { graph: self.graph.reversed(), releases: Vec::new(), ..self.clone() }
    }

    fn place(&self, task: u32) -> Started {
        Started { task, lane: self.lanes[task as usize], group: self.groups[task as usize] }
    }
}

/// When each task runs, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Start of each task; `u64::MAX` for one that no limit lets start.
    pub starts: Vec<u64>,
    /// End of each task, likewise.
    pub ends: Vec<u64>,
    /// The last end.
    pub makespan: u64,
}

impl Schedule {
    /// Tasks that could never start: they need more than there is, or wait for one that does.
    #[must_use]
    pub fn never(&self) -> Vec<u32> {
        (0..self.starts.len() as u32).filter(|task| self.starts[*task as usize] == u64::MAX).collect()
    }
}

/// Lets all tasks run, each for its length in microseconds, in the order of their ranks.
#[must_use]
pub fn list(scenario: &Scenario, lengths: &[u64], ranks: &Ranks) -> Schedule {
    let graph = &scenario.graph;
    let tasks = graph.nodes();
    let mut open: Vec<u32> = (0..tasks).map(|task| graph.parents(task).len() as u32).collect();
    let mut schedule =
        Schedule { starts: vec![u64::MAX; tasks as usize], ends: vec![u64::MAX; tasks as usize], makespan: 0 };
    let mut ready = Ready::new(&scenario.limits);
    let mut running: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    // Tasks whose parents are done, and whose time has not come.
    let mut later: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let release = |task: u32| scenario.releases.get(task as usize).copied().unwrap_or(0);
    let mut now = 0;
    let free = |task: u32, now: u64, ready: &mut Ready, later: &mut BinaryHeap<Reverse<(u64, u32)>>| {
        if release(task) > now {
            later.push(Reverse((release(task), task)));
        } else {
            ready.push(scenario.place(task), ranks.of_task(task, now));
        }
    };
    (0..tasks).filter(|task| graph.parents(*task).is_empty()).for_each(|task| free(task, 0, &mut ready, &mut later));
    loop {
        while let Some(started) = ready.start() {
            let end = now + lengths[started.task as usize];
            schedule.starts[started.task as usize] = now;
            schedule.ends[started.task as usize] = end;
            running.push(Reverse((end, started.task)));
        }
        let next = [running.peek(), later.peek()].into_iter().flatten().map(|Reverse((at, _))| *at).min();
        let Some(next) = next else { break };
        now = next;
        // All that happens at this instant, before anything starts at it.
        while let Some(&Reverse((_, task))) = running.peek().filter(|Reverse((at, _))| *at == now) {
            running.pop();
            ready.over(scenario.place(task));
            for &child in graph.children(task) {
                open[child as usize] -= 1;
                if open[child as usize] == 0 {
                    free(child, now, &mut ready, &mut later);
                }
            }
        }
        while let Some(&Reverse((_, task))) = later.peek().filter(|Reverse((at, _))| *at == now) {
            later.pop();
            ready.push(scenario.place(task), ranks.of_task(task, now));
        }
    }
    schedule.makespan = schedule.ends.iter().filter(|end| **end != u64::MAX).max().copied().unwrap_or(0);
    schedule
}
