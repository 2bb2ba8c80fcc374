//! What a task has in common with others: its pool, operator and host.

use crate::model::{DagHistory, Text, TextMap};
use std::collections::HashMap;

/// Share of a task's attempts that must have run on a host for it to be the task's.
const ON_ONE_HOST: f64 = 0.9;

/// Of one task, as its last attempts have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traits {
    pub(super) pool: Option<Text>,
    pub(super) operator: Option<Text>,
    pub(super) host: Option<Text>,
}

/// Traits of each task of a DAG. O(attempts).
pub(super) fn traits(history: &DagHistory) -> HashMap<Text, Traits> {
    let mut all: TextMap<&Text, Told<'_>> = TextMap::default();
    // Attempts of a task mostly stand together.
    for attempts in history.attempts.chunk_by(|a, b| a.task_id == b.task_id) {
        let told = all.entry(&attempts[0].task_id).or_default();
        for attempt in attempts {
            // And in order of time: what is said last holds.
            told.pool = attempt.pool.as_ref().or(told.pool);
            told.operator = attempt.operator.as_ref().or(told.operator);
            if let Some(host) = &attempt.hostname {
                told.attempts += 1;
                *told.hosts.entry(host).or_default() += 1;
            }
        }
    }
    all.into_iter().map(|(task_id, told)| (task_id.clone(), told.settled())).collect()
}

/// What the attempts of a task say.
#[derive(Default)]
struct Told<'a> {
    pool: Option<&'a Text>,
    operator: Option<&'a Text>,
    /// With a host, and on each.
    attempts: usize,
    hosts: TextMap<&'a Text, usize>,
}

impl Told<'_> {
    fn settled(self) -> Traits {
        let most = self.hosts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)));
        let host = most.filter(|(_, count)| *count as f64 >= ON_ONE_HOST * self.attempts as f64);
        Traits { pool: self.pool.cloned(), operator: self.operator.cloned(), host: host.map(|(host, _)| host.clone()) }
    }
}
