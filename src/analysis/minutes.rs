//! Seconds a run to minutes a week.

use super::{result::Finding, series::Sampled};
use crate::{model::Index, stats::Estimate};
use std::collections::BTreeMap;

/// How often a series' runs come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cadence {
    pub(super) runs_per_week: f64,
}

impl Cadence {
    /// Runs came as fast as a catch-up let them.
    pub(super) const UNKNOWN: Self = Self { runs_per_week: 0.0 };
    /// No run in the window: nothing is lost any more.
    pub(super) const STOPPED: Self = Self { runs_per_week: -1.0 };

    /// From the runs of a stretch: their number over its length; one run alone tells nothing.
    pub(super) fn of(points: &[Sampled]) -> Self {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Self { runs_per_week: 0.0 } };
        let weeks = last.at.seconds_since(first.at) / (7.0 * 86_400.0);
        let runs_per_week = if weeks > 0.0 { (points.len() - 1) as f64 / weeks } else { 0.0 };
        Self { runs_per_week }
    }
}

/// Minutes a week; zero where seconds mean nothing (rates, spread) or the pace of the runs is not known.
pub(super) fn minutes(seconds: Option<Estimate>, cadence: &Cadence, level: f64) -> Estimate {
    match seconds {
        Some(seconds) if cadence.runs_per_week > 0.0 => {
            let minutes = seconds.map(|s| s * cadence.runs_per_week / 60.0);
            Estimate { method: "seconds a run times runs a week, task time".into(), ..minutes }
        }
        other => {
            let method = match other {
                Some(_) if *cadence == Cadence::STOPPED => "not counted: no run in the window",
                Some(_) => "not counted: the pace of the runs is not known",
                None => "not counted: a rate or a spread has no seconds of its own",
            };
            let method = method.into();
            Estimate { point: 0.0, lower: 0.0, upper: 0.0, level, n: 0, method }
        }
    }
}

/// Minutes lost a week over `findings`, each second once: of a mapped task the whole rather than its instances, of a DAG its
/// tasks rather than its runs.
pub fn minutes_lost<'a>(findings: impl Iterator<Item = &'a Finding>) -> f64 {
    #[derive(Default)]
    struct Dag<'a> {
        runs: f64,
        /// Of the whole, and of the instances.
        tasks: BTreeMap<&'a str, (f64, f64)>,
    }
    let mut dags: BTreeMap<_, Dag<'_>> = BTreeMap::new();
    for finding in findings.filter(|finding| finding.minutes_lost_per_week.point.is_finite()) {
        let minutes = finding.minutes_lost_per_week.point;
        let dag = dags.entry((&finding.key.deployment, &finding.key.dag_id, &finding.key.run_type)).or_default();
        match &finding.key.task_id {
            None => dag.runs += minutes,
            Some(task_id) => {
                let (whole, instances) = dag.tasks.entry(task_id).or_default();
                *(if finding.key.index == Index::All { whole } else { instances }) += minutes;
            }
        }
    }
    let of = |dag: &Dag<'_>| {
        let tasks: f64 = dag.tasks.values().map(|(all, part)| if *all == 0.0 { *part } else { *all }).sum();
        if tasks == 0.0 { dag.runs } else { tasks }
    };
    dags.values().map(of).sum()
}
