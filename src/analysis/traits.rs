//! What a task has in common with others: its pool, operator and host.

use crate::model::{DagHistory, Text};
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
    let mut all: HashMap<Text, (Traits, usize, HashMap<Text, usize>)> = HashMap::new();
    for attempt in &history.attempts {
        if !all.contains_key(&attempt.task_id) {
            all.insert(attempt.task_id.clone(), Default::default());
        }
        let Some((traits, n, hosts)) = all.get_mut(&attempt.task_id) else { continue };
        // Attempts stand in order of time: what is said last holds.
        traits.pool = attempt.pool.clone().or(traits.pool.take());
        traits.operator = attempt.operator.clone().or(traits.operator.take());
        if let Some(host) = &attempt.hostname {
            *n += 1;
            *hosts.entry(host.clone()).or_default() += 1;
        }
    }
    let settled = |(task_id, (traits, n, hosts)): (Text, (Traits, usize, HashMap<Text, usize>))| {
        let most = hosts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        let host = most.filter(|(_, count)| *count as f64 >= ON_ONE_HOST * n as f64).map(|(host, _)| host);
        (task_id, Traits { host, ..traits })
    };
    all.into_iter().map(settled).collect()
}
