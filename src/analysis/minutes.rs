//! Seconds a run to minutes a week.

use super::series::Sampled;
use crate::stats::Estimate;

/// How often a series' runs come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cadence {
    pub(super) runs_per_week: f64,
}

impl Cadence {
    /// Runs came as fast as a catch-up let them.
    pub(super) const UNKNOWN: Self = Self { runs_per_week: 0.0 };

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
        Some(seconds) if *cadence != Cadence::UNKNOWN => {
            let minutes = seconds.map(|s| s * cadence.runs_per_week / 60.0);
            Estimate { method: "seconds a run times runs a week, task time".into(), ..minutes }
        }
        other => {
            let method = match other {
                Some(_) => "not counted: the pace of the runs is not known",
                None => "not counted: a rate or a spread has no seconds of its own",
            };
            let method = method.into();
            Estimate { point: 0.0, lower: 0.0, upper: 0.0, level, n: 0, method }
        }
    }
}
