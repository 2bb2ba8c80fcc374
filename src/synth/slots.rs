//! Pools and worker queues: who waits, who runs.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

/// A task instance: the run's place, and its own in the run.
pub(super) type Who = (u32, u16);

/// A pool: the highest weight first, then who came first.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) slots: i32,
    pub(super) used: i32,
    waiting: BinaryHeap<(i64, Reverse<u64>, Who)>,
}

impl Pool {
    pub(super) fn new(slots: i32) -> Self {
        Self { slots, ..Self::default() }
    }

    pub(super) fn wait(&mut self, weight: i64, order: u64, who: Who) {
        self.waiting.push((weight, Reverse(order), who));
    }

    /// The next one that gets a slot.
    pub(super) fn next(&mut self) -> Option<Who> {
        if self.used >= self.slots {
            return None;
        }
        let (_, _, who) = self.waiting.pop()?;
        self.used += 1;
        Some(who)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// A worker queue: first come, first served.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) slots: i32,
    pub(super) used: i32,
    waiting: VecDeque<Who>,
}

impl Queue {
    pub(super) fn new(slots: i32) -> Self {
        Self { slots, ..Self::default() }
    }

    pub(super) fn wait(&mut self, who: Who) {
        self.waiting.push_back(who);
    }

    /// The next one that a worker takes.
    pub(super) fn next(&mut self) -> Option<Who> {
        if self.used >= self.slots {
            return None;
        }
        let who = self.waiting.pop_front()?;
        self.used += 1;
        Some(who)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
