//! Tasks that are ready, and what limits how many of them run: pools, groups, and the number in all.
//!
//! The first in order that fits goes next; one that does not fit lets those behind it pass, as in Airflow. A lane holds tasks with
//! the same needs, so that where its first does not fit, none of it does; tasks whose group is full wait aside. Costs: a start or
//! an end looks at each lane once and moves in one heap, O(lanes + log tasks).

use std::{cmp::Reverse, collections::BinaryHeap};

/// Tasks with the same needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Place of the pool.
    pub pool: u32,
    /// Slots that a task takes there.
    pub slots: u32,
}

/// What there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tasks that run at once, in all.
    pub parallelism: u32,
    /// Slots of each pool.
    pub pools: Vec<u32>,
    /// Tasks of each group that run at once: of a DAG, or of a run.
    pub groups: Vec<u32>,
    /// Needs.
    pub lanes: Vec<Lane>,
}

/// A task that may start, with where it belongs: hand that back to [`Ready::over`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Task.
    pub task: u32,
    /// Its lane.
    pub lane: u32,
    /// Its group.
    pub group: u32,
}

type Entry = Reverse<(u64, u32, u32)>;

#[derive(Clone, Copy, Debug)]
struct Used {
    limit: u32,
    used: u32,
}

impl Used {
    fn of(limit: u32) -> Self {
        Self { limit, used: 0 }
    }

    fn has_room(self, slots: u32) -> bool {
        self.limit.saturating_sub(self.used) >= slots
    }
}

/// Ready tasks.
#[derive(Clone, Debug)]
pub struct Ready {
    lanes: Vec<(Lane, BinaryHeap<Entry>)>,
    pools: Vec<Used>,
    groups: Vec<Used>,
    /// Of each group, those that wait for it, by lane.
    aside: Vec<Vec<(u32, BinaryHeap<Entry>)>>,
    all: Used,
    waiting: usize,
}

impl Ready {
    /// None yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            lanes: limits.lanes.iter().map(|lane| (*lane, BinaryHeap::new())).collect(),
            pools: limits.pools.iter().map(|slots| Used::of(*slots)).collect(),
            groups: limits.groups.iter().map(|limit| Used::of(*limit)).collect(),
            aside: vec![Vec::new(); limits.groups.len()],
            all: Used::of(limits.parallelism),
            waiting: 0,
        }
    }

    /// A task is ready; of equal ranks the lower number goes first.
    pub fn push(&mut self, task: Started, rank: u64) {
        self.waiting += 1;
        self.lanes[task.lane as usize].1.push(Reverse((rank, task.task, task.group)));
    }

    /// The next task that may start now; it counts as running from here on.
    pub fn start(&mut self) -> Option<Started> {
        if !self.all.has_room(1) {
            return None;
        }
        while let Some(lane) = self.first_that_fits() {
            let (needs, heap) = &mut self.lanes[lane];
            let Reverse((rank, task, group)) = heap.pop()?;
            let in_group = &mut self.groups[group as usize];
            if in_group.has_room(1) {
                in_group.used += 1;
                self.all.used += 1;
                self.pools[needs.pool as usize].used += needs.slots;
                self.waiting -= 1;
                return Some(Started { task, lane: lane as u32, group });
            }
            self.set_aside(lane as u32, (rank, task, group));
        }
        None
    }

    /// The lane whose first task comes first, of those for which the pool has room.
    fn first_that_fits(&self) -> Option<usize> {
        let fits =
            |(_, (lane, _)): &(usize, &(Lane, BinaryHeap<Entry>))| self.pools[lane.pool as usize].has_room(lane.slots);
        let first = |(at, (_, heap)): (usize, &(Lane, BinaryHeap<Entry>))| heap.peek().map(|entry| (entry.0, at));
        self.lanes.iter().enumerate().filter(fits).filter_map(first).min().map(|(_, at)| at)
    }

    fn set_aside(&mut self, lane: u32, entry: (u64, u32, u32)) {
        let aside = &mut self.aside[entry.2 as usize];
        match aside.iter_mut().find(|(of, _)| *of == lane) {
            Some((_, heap)) => heap.push(Reverse(entry)),
            None => aside.push((lane, BinaryHeap::from([Reverse(entry)]))),
        }
    }

    /// A task is over.
    pub fn over(&mut self, task: Started) {
        let lane = self.lanes[task.lane as usize].0;
        self.pools[lane.pool as usize].used -= lane.slots;
        self.all.used -= 1;
        self.groups[task.group as usize].used -= 1;
        // The first of each lane: which of them has room in its pool is seen when it is asked for.
        for (lane, heap) in &mut self.aside[task.group as usize] {
            if let Some(entry) = heap.pop() {
                self.lanes[*lane as usize].1.push(entry);
            }
        }
    }

    /// Tasks that are ready and do not run.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Tasks that run.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.all.used
    }
}
