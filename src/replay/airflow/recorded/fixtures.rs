//! Histories for tests: runs an hour apart, of tasks one behind the other.

use super::{AirflowLimits, Recorded, recorded};
use crate::model::{
    Attempt, DagHistory, DagRun, Deployment, Pool, RunState, RunType, SourceKind, TaskState, Text, Timestamp,
};
use std::collections::BTreeSet;

const SECOND: i64 = 1_000_000;
/// 2026-01-05, a Monday.
const ORIGIN: i64 = 1_767_571_200 * SECOND;

/// A DAG whose tasks wait for one another as the edges say, each with its recorded weight; all are of pool `p`.
pub(super) struct Dag<'a> {
    pub(super) name: &'a str,
    pub(super) tasks: &'a [(&'a str, i32)],
    pub(super) edges: &'a [(&'a str, &'a str)],
}

pub(super) fn at(seconds: f64) -> Option<Timestamp> {
    Some(Timestamp::from_micros(ORIGIN + (seconds * 1e6) as i64))
}

impl Dag<'_> {
    /// Runs an hour apart; `task` tells when one was queued and how long it ran, in seconds from the run's start.
    pub(super) fn history(&self, runs: usize, task: impl Fn(usize, usize) -> (f64, f64)) -> DagHistory {
        let mut history = DagHistory {
            deployment: Deployment::default(),
            dag_id: self.name.into(),
            dag: None,
            tags: Vec::new(),
            runs: Vec::new(),
            attempts: Vec::new(),
            reschedules: Vec::new(),
            volumes: Vec::new(),
            edges: Vec::new(),
        };
        for number in 0..runs {
            let (id, began) = (Text::from(format!("r{number:03}")), number as f64 * 3_600.0);
            let mut last = 0.0_f64;
            for (place, (name, weight)) in self.tasks.iter().enumerate() {
                let (queued, seconds) = task(number, place);
                let mut attempt = Attempt::known_by(self.name.into(), id.clone(), (*name).into(), SourceKind::Database);
                attempt.try_number = Some(1);
                attempt.state = Some(TaskState::Success);
                attempt.pool = Some("p".into());
                attempt.priority_weight = Some(*weight);
                attempt.queued_at = at(began + queued);
                attempt.started_at = at(began + queued);
                attempt.ended_at = at(began + queued + seconds);
                last = last.max(queued + seconds);
                history.attempts.push(attempt);
            }
            let mut run = DagRun::known_by(self.name.into(), id, SourceKind::Database);
            run.run_type = RunType::Scheduled;
            run.state = Some(RunState::Success);
            run.logical_date = at(began);
            run.queued_at = at(began);
            run.started_at = at(began);
            run.ended_at = at(began + last);
            history.runs.push(run);
        }
        history
    }
}

/// The case of histories whose pool `p` has so many slots.
pub(super) fn case(dags: &[(Dag<'_>, DagHistory)], slots: i32) -> Recorded {
    let histories: Vec<DagHistory> = dags.iter().map(|(_, history)| history.clone()).collect();
    let edges = |dag: &Dag<'_>| dag.edges.iter().map(|(a, b)| (Text::from(*a), Text::from(*b))).collect();
    let edges: Vec<BTreeSet<(Text, Text)>> = dags.iter().map(|(dag, _)| edges(dag)).collect();
    let pool = Pool { pool: "p".into(), slots: Some(slots), include_deferred: None, description: None };
    recorded(&histories, &edges, &[pool], &AirflowLimits::default()).expect("no circle").expect("runs")
}
