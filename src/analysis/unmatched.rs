//! Volumes of task instances that no attempt is of: a name that is written differently here and there changes nothing, silently.

use super::at_volume::Volumes;
use crate::model::{DagHistory, Text};
use std::collections::HashSet;

/// Rows of volumes without attempts, DAG by DAG.
#[derive(Default)]
pub(super) struct Unmatched {
    rows: usize,
    of: usize,
    /// DAG, task and run of the first.
    first: Option<[Text; 3]>,
}

impl Unmatched {
    pub(super) fn add(&mut self, history: &DagHistory) {
        if history.volumes.is_empty() {
            return;
        }
        let known: HashSet<_> = history.attempts.iter().map(|a| (&a.task_id, &a.run_id, a.map_index)).collect();
        self.of += history.volumes.len();
        for volume in history.volumes.iter().filter(|volume| !known.contains(&Volumes::id(volume))) {
            self.rows += 1;
            self.first.get_or_insert_with(|| [&history.dag_id, &volume.task_id, &volume.run_id].map(Text::clone));
        }
    }

    /// A sentence, where there are any.
    pub(super) fn warning(&self) -> Option<String> {
        let [dag_id, task_id, run_id] = self.first.as_ref()?;
        Some(format!(
            "{} of {} rows of volumes are of task instances without an attempt, such as {dag_id}.{task_id} in {run_id}: they \
             explain nothing; see that their dag_id, task_id, run_id and map_index are written as in Airflow",
            self.rows, self.of
        ))
    }
}
