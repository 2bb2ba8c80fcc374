//! What was recorded, as a case with names.

use crate::{
    model::{Text, Timestamp},
    replay::airflow::Case,
};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

/// What an instance of the case is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceName {
    /// Place of its DAG among the histories.
    pub dag: u32,
    /// Task.
    pub task_id: Text,
    /// Map index.
    pub map_index: i32,
}

/// A run as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRun {
    /// Place of its DAG among the histories.
    pub dag: u32,
    /// Run.
    pub run_id: Text,
    /// Microseconds from the case's beginning; `None` where it is not over.
    pub times: Option<(u64, u64)>,
    /// Did a schedule, or what it waits for, make it, rather than somebody?
    pub by_schedule: bool,
    /// Were about as many task instances exported of it as of others of its DAG?
    pub is_whole: bool,
}

/// What could not be taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Attempts without an end of their own: running, removed, set by hand.
    pub attempts: usize,
    /// Dependencies that a run contradicts: the task was queued before the other ended.
    pub edges: usize,
    /// Runs without a time at which they were made.
    pub runs: usize,
}

/// A run that is not over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// Place of the run.
    pub run: u32,
    /// Task instances that have ended for good, by task and map index.
    pub over: HashSet<(Text, i32)>,
    /// Those that have begun, and when.
    pub begun: HashMap<(Text, i32), u64>,
    /// Map indices of the task instances that are recorded of it at all.
    pub indices: HashMap<Text, Vec<i32>>,
    /// The last that is known of it.
    pub last: u64,
}

/// A case and what was recorded of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The case.
    pub case: Case,
    /// Its time 0.
    pub origin: Timestamp,
    /// Names of pools, as in the case.
    pub pools: Vec<Text>,
    /// Of each instance.
    pub names: Vec<InstanceName>,
    /// Of each run.
    pub runs: Vec<RecordedRun>,
    /// When each step was queued, where that is known.
    pub queued: Vec<Option<u64>>,
    /// When each step ended.
    pub ended: Vec<u64>,
    /// When the scheduler was restarted.
    pub restarts: Vec<(u64, u64)>,
    /// `max_active_runs` of each DAG after all changes, also where runs begin as recorded.
    pub max_active_runs: Vec<u32>,
    /// Microseconds from the end of a task to the queueing of one that waited for it and had room, late in the record: the quarter
    /// of the shortest.
    pub handover: Option<u64>,
    /// Runs that are not over, by place.
    pub under_way: Vec<UnderWay>,
    /// What could not be taken over.
    pub left_out: LeftOut,
}

impl Recorded {
    /// Were the runs of a DAG made long after their dates, one as soon as the limits let it? In the median run more than two
    /// intervals late.
    #[must_use]
    pub fn caught_up(&self, dag: u32) -> bool {
        let runs = self.case.runs.iter().filter(|run| run.dag == dag);
        let mut late: Vec<i64> = runs.map(|run| self.origin.micros() + run.made as i64 - run.date).collect();
        late.sort_unstable();
        match (late.get(late.len() / 2), self.gap(dag)) {
            (Some(late), Some(gap)) => *late > (gap as i64).saturating_mul(2),
            _ => false,
        }
    }

    /// The usual distance of the dates of a DAG's scheduled runs, in microseconds; `None` where it has fewer than two. What somebody
    /// made by hand says nothing of what comes.
    pub(super) fn gap(&self, dag: u32) -> Option<u64> {
        let runs = self.case.runs.iter().zip(&self.runs).filter(|(case, run)| case.dag == dag && run.by_schedule);
        let mut dates: Vec<i64> = runs.map(|(case, _)| case.date).collect();
        dates.sort_unstable();
        dates.dedup();
        let mut gaps: Vec<i64> = dates.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).and_then(|gap| u64::try_from(*gap).ok())
    }

    /// Instances of a run: they are neighbours, and runs come in order.
    pub(super) fn instances_of(&self, run: usize) -> Range<u32> {
        let first = |run: usize| self.case.instances.partition_point(|instance| (instance.run as usize) < run) as u32;
        first(run)..first(run + 1)
    }
}
