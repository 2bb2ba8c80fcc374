//! Volumes of task instances that no attempt is of: a name that is written differently here and there changes nothing, silently.

use super::at_volume::Volumes;
use crate::model::{DagHistory, Text};
use std::collections::{BTreeMap, HashSet};

/// Tasks that are named.
const MAX_NAMED: usize = 3;

/// Rows of volumes without attempts, DAG by DAG.
#[derive(Default)]
pub(super) struct Unmatched {
    rows: usize,
    of: usize,
    /// Rows of tasks that their DAG does not have, by DAG and task.
    tasks: BTreeMap<[Text; 2], usize>,
    /// DAG, task and run of the first row of a known task.
    first: Option<[Text; 3]>,
}

impl Unmatched {
    pub(super) fn add(&mut self, history: &DagHistory) {
        if history.volumes.is_empty() {
            return;
        }
        let known: HashSet<_> = history.attempts.iter().map(|a| (&a.task_id, &a.run_id, a.map_index)).collect();
        let tasks: HashSet<&Text> = history.attempts.iter().map(|a| &a.task_id).collect();
        self.of += history.volumes.len();
        for volume in history.volumes.iter().filter(|volume| !known.contains(&Volumes::id(volume))) {
            self.rows += 1;
            if tasks.contains(&volume.task_id) {
                self.first.get_or_insert_with(|| [&history.dag_id, &volume.task_id, &volume.run_id].map(Text::clone));
            } else {
                *self.tasks.entry([&history.dag_id, &volume.task_id].map(Text::clone)).or_default() += 1;
            }
        }
    }

    /// A sentence, where there are any.
    pub(super) fn warning(&self) -> Option<String> {
        if self.rows == 0 {
            return None;
        }
        let mut most: Vec<(&[Text; 2], &usize)> = self.tasks.iter().collect();
        most.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
        let mut said: Vec<String> = most
            .iter()
            .take(MAX_NAMED)
            .map(|([dag_id, task_id], rows)| format!("{rows} of a task {task_id}, which {dag_id} does not have"))
            .collect();
        if most.len() > MAX_NAMED {
            said.push(format!("{} more such tasks", most.len() - MAX_NAMED));
        }
        let of_runs = self.rows - self.tasks.values().sum::<usize>();
        said.extend(
            self.first.as_ref().map(|[dag, task, run]| format!("{of_runs} of runs such as {run} of {dag}.{task}")),
        );
        Some(format!(
            "{} of {} rows of volumes explain nothing, as no attempt is theirs: {}; see that dag_id, task_id, run_id and \
             map_index are written as in Airflow",
            self.rows,
            self.of,
            said.join(", ")
        ))
    }
}
