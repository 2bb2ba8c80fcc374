//! Who runs what: the one place that says what became of a task, so that it is said once.

use super::{Kind, Token};
use crate::model::Text;
use std::collections::BTreeMap;

/// A task that runs.
pub(super) struct Running {
    pub(super) task: u64,
    pub(super) name: Text,
    pub(super) kind: Kind,
    pub(super) queued_ns: u64,
    pub(super) started: u64,
    pub(super) deadline: u64,
    pub(super) token: Token,
    /// It was told to stop, at its deadline.
    pub(super) told: bool,
}

/// Who runs what, by worker.
#[derive(Default)]
pub(super) struct Board {
    running: BTreeMap<u64, Running>,
    /// Workers that take tasks.
    staff: usize,
    wanted: usize,
    next: u64,
    over: bool,
    closing: bool,
    abandoned: BTreeMap<u64, Text>,
    pub(super) ended: u64,
}

/// What is to be done about tasks that are late.
#[derive(Default)]
pub(super) struct Late {
    pub(super) told: Vec<Token>,
    pub(super) abandoned: Vec<Running>,
    /// The next deadline.
    pub(super) next: Option<u64>,
}

impl Board {
    /// A worker comes, if there are to be more: its number.
    pub(super) fn hire(&mut self) -> Option<u64> {
        (self.staff < self.wanted && !self.closing).then(|| {
            self.staff += 1;
            self.next += 1;
            self.next
        })
    }

    /// A worker that has no task asks whether it is one too many; it is gone then.
    pub(super) fn leave(&mut self) -> bool {
        let leaves = self.staff > self.wanted;
        self.staff -= usize::from(leaves);
        leaves
    }

    /// A worker goes since there is nothing to do any more.
    pub(super) fn go(&mut self) {
        self.staff -= 1;
        // The queue is closed and empty: whoever came now would go as well.
        self.closing = true;
    }

    pub(super) fn want(&mut self, workers: usize) {
        self.wanted = workers;
    }

    pub(super) fn staff(&self) -> usize {
        self.staff
    }

    pub(super) fn busy(&self) -> usize {
        self.running.len()
    }

    pub(super) fn computing(&self) -> usize {
        self.running.values().filter(|task| task.kind == Kind::Cpu).count()
    }

    /// A task begins; it comes back where none begins any more.
    pub(super) fn start(&mut self, worker: u64, task: Running) -> Option<Running> {
        if self.over {
            self.ended += 1;
            return Some(task);
        }
        self.running.insert(worker, task);
        None
    }

    /// A worker's task has ended; `None` where it was given up on before: then the worker goes.
    pub(super) fn finish(&mut self, worker: u64) -> Option<Running> {
        self.abandoned.remove(&worker);
        let task = self.running.remove(&worker)?;
        self.ended += 1;
        Some(task)
    }

    /// Tells tasks beyond their deadlines to stop, and gives up on those that are `grace` beyond them.
    pub(super) fn late(&mut self, now: u64, grace: u64) -> Late {
        let mut late = Late::default();
        for task in self.running.values_mut().filter(|task| task.deadline <= now && !task.told) {
            task.told = true;
            late.told.push(task.token.clone());
        }
        let gone: Vec<u64> = self
            .running
            .iter()
            .filter(|(_, task)| task.deadline.saturating_add(grace) <= now)
            .map(|(worker, _)| *worker)
            .collect();
        for worker in gone {
            late.abandoned.extend(self.abandon(worker));
        }
        let next = |task: &Running| if task.told { task.deadline.saturating_add(grace) } else { task.deadline };
        late.next = self.running.values().map(next).min();
        late
    }

    fn abandon(&mut self, worker: u64) -> Option<Running> {
        let task = self.running.remove(&worker)?;
        self.staff -= 1;
        self.ended += 1;
        self.abandoned.insert(worker, task.name.clone());
        Some(task)
    }

    /// Gives up on all that run; none begins any more.
    pub(super) fn abandon_all(&mut self) -> Vec<Running> {
        self.over = true;
        let workers: Vec<u64> = self.running.keys().copied().collect();
        workers.into_iter().filter_map(|worker| self.abandon(worker)).collect()
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        self.running.values().map(|task| task.token.clone()).collect()
    }

    /// Names of tasks whose threads are not back.
    pub(super) fn abandoned(&self) -> Vec<Text> {
        self.abandoned.values().cloned().collect()
    }
}
