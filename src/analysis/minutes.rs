//! Seconds a run to minutes a week.

use super::{result::Finding, series::Sampled};
use crate::{model::Index, stats::Estimate};
use std::collections::BTreeMap;

/// How often a series' runs come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cadence {
    /// So many runs a week.
    PerWeek(f64),
    /// Runs came as fast as a catch-up let them, or there is only one.
    Unknown,
    /// No run in the window: nothing is lost any more.
    Stopped,
}

impl Cadence {
    /// From the runs of a stretch: their number over its length; one run alone tells nothing.
    pub(super) fn of(points: &[Sampled]) -> Self {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Self::Unknown };
        let weeks = last.at.seconds_since(first.at) / (7.0 * 86_400.0);
        if weeks > 0.0 { Self::PerWeek((points.len() - 1) as f64 / weeks) } else { Self::Unknown }
    }
}

/// Minutes a week; zero where seconds mean nothing (rates, spread) or the pace of the runs is not known.
pub(super) fn minutes(seconds: Option<Estimate>, cadence: Cadence, level: f64) -> Estimate {
    let not_counted = |why: &'static str| Estimate {
        point: 0.0,
        lower: 0.0,
        upper: 0.0,
        level,
        n: 0,
        method: format!("{NOT_COUNTED}{why}").into(),
    };
    match (seconds, cadence) {
        (None, _) => not_counted("a rate or a spread has no seconds of its own"),
        (Some(_), Cadence::Unknown) => not_counted("the pace of the runs is not known"),
        (Some(_), Cadence::Stopped) => not_counted(NO_RUN),
        (Some(seconds), Cadence::PerWeek(runs)) => {
            let minutes = seconds.map(|s| s * runs / 60.0);
            Estimate { method: "seconds a run times runs a week, task time".into(), ..minutes }
        }
    }
}

/// How the method of minutes begins that were not counted.
const NOT_COUNTED: &str = "not counted: ";
const NO_RUN: &str = "no run in the window";

impl Finding {
    /// Why its minutes were not counted; `None` where they were.
    pub fn why_not_counted(&self) -> Option<&str> {
        self.minutes_lost_per_week.method.strip_prefix(NOT_COUNTED)
    }

    /// Did its runs stop before the window?
    pub fn has_stopped(&self) -> bool {
        self.why_not_counted() == Some(NO_RUN)
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
