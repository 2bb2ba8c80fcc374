//! How far the replay of what really happened is from what really happened.

use super::record::Recorded;
use crate::{
    replay::airflow::Replayed,
    stats::{Estimate, quantile},
};

/// A run: recorded and replayed, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct RunError {
    /// Place of the run in the case.
    pub run: usize,
    /// From its start to its end, as recorded.
    pub recorded_s: f64,
    /// The same as replayed.
    pub replayed_s: f64,
    /// Did the scheduler restart meanwhile, on either side?
    pub restarted: bool,
}

impl RunError {
    /// Absolute error as a share of what was recorded.
    #[must_use]
    pub fn share(&self) -> f64 {
        (self.replayed_s / self.recorded_s - 1.0).abs()
    }
}

/// Errors of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelError {
    /// Runs that ended on both sides, and of which all task instances are known.
    pub runs: Vec<RunError>,
    /// Median of the runs' absolute errors, of those without a restart.
    pub makespan: Option<Estimate>,
    /// Signed errors of starts within their runs, in seconds: median, and 90 % quantile of the absolute ones.
    pub starts: Option<(f64, f64)>,
    /// Slot-seconds replayed over recorded.
    pub slot_seconds: f64,
    /// Runs of which task instances are missing: what they held is not seen by the others either.
    pub not_whole: usize,
}

impl ModelError {
    /// Median of the absolute errors of one DAG's runs, of those without a restart.
    #[must_use]
    pub fn of_dag(&self, recorded: &Recorded, dag: u32) -> Option<Estimate> {
        let of_dag = self.runs.iter().filter(|run| !run.restarted && recorded.runs[run.run].dag == dag);
        let mut shares: Vec<f64> = of_dag.map(RunError::share).collect();
        shares.sort_by(f64::total_cmp);
        median_with_interval(&shares)
    }
}

impl ModelError {
    /// Replayed over recorded makespans of one DAG's runs, of those without a restart.
    #[must_use]
    pub fn ratios(&self, recorded: &Recorded, dag: u32) -> Vec<f64> {
        let of_dag = self.runs.iter().filter(|run| !run.restarted && recorded.runs[run.run].dag == dag);
        of_dag.map(|run| run.replayed_s / run.recorded_s).filter(|ratio| ratio.is_finite() && *ratio > 0.0).collect()
    }
}

/// Confidence of the interval of the median error.
const LEVEL: f64 = 0.95;

/// Compares a replay of a recorded case with the record.
#[must_use]
pub fn model_error(recorded: &Recorded, replayed: &Replayed) -> ModelError {
    let runs: Vec<RunError> = (0..recorded.runs.len()).filter_map(|run| run_error(recorded, replayed, run)).collect();
    let mut shares: Vec<f64> = runs.iter().filter(|run| !run.restarted).map(RunError::share).collect();
    shares.sort_by(f64::total_cmp);
    let mut starts = starts(recorded, replayed);
    starts.sort_by(f64::total_cmp);
    let median_start = quantile(&starts, 0.5);
    let mut absolute: Vec<f64> = starts.iter().map(|start| start.abs()).collect();
    absolute.sort_by(f64::total_cmp);
    ModelError {
        makespan: median_with_interval(&shares),
        starts: median_start.zip(quantile(&absolute, 0.9)),
        slot_seconds: slot_seconds(recorded, replayed),
        not_whole: recorded.runs.iter().filter(|run| !run.is_whole).count(),
        runs,
    }
}

fn run_error(recorded: &Recorded, replayed: &Replayed, run: usize) -> Option<RunError> {
    if !recorded.runs[run].is_whole {
        return None;
    }
    let (start, end) = recorded.runs[run].times.filter(|(start, end)| start < end)?;
    let (began, over) = (replayed.run_started[run], replayed.run_ended[run]);
    if over == u64::MAX {
        return None;
    }
    let meets = |from: u64, to: u64| recorded.restarts.iter().any(|(down, up)| from < *up && *down < to);
    Some(RunError {
        run,
        recorded_s: (end - start) as f64 / 1e6,
        replayed_s: (over - began) as f64 / 1e6,
        restarted: meets(start, end) || meets(began, over),
    })
}

/// By how many seconds later than recorded each step was queued, both since the start of its run.
fn starts(recorded: &Recorded, replayed: &Replayed) -> Vec<f64> {
    let mut errors = Vec::new();
    for instance in &recorded.case.instances {
        let run = instance.run as usize;
        let Some((start, _)) = recorded.runs[run].times else { continue };
        for step in instance.steps.clone() {
            let (Some(was), is) = (recorded.queued[step as usize], replayed.queued[step as usize]) else { continue };
            if is != u64::MAX {
                let was = was as f64 - start as f64;
                errors.push((is as f64 - replayed.run_started[run] as f64 - was) / 1e6);
            }
        }
    }
    errors
}

/// Seconds in slots: replayed over recorded; steps whose queueing was recorded count.
fn slot_seconds(recorded: &Recorded, replayed: &Replayed) -> f64 {
    let (mut was, mut is) = (0.0, 0.0);
    for instance in &recorded.case.instances {
        for step in instance.steps.clone().filter(|step| recorded.queued[*step as usize].is_some()) {
            let of = recorded.case.steps[step as usize];
            was += (of.latency + of.length) as f64 * f64::from(instance.slots);
            let (queued, ended) = (replayed.queued[step as usize], replayed.ended[step as usize]);
            if ended != u64::MAX {
                is += (ended - queued) as f64 * f64::from(instance.slots);
            }
        }
    }
    if was > 0.0 { is / was } else { 1.0 }
}

/// Median with the interval between two order statistics (normal approximation of the sign test: Conover, "Practical
/// Nonparametric Statistics", 3.2); values ascend.
fn median_with_interval(sorted: &[f64]) -> Option<Estimate> {
    let point = quantile(sorted, 0.5)?;
    let n = sorted.len() as f64;
    let half = 1.96 * n.sqrt() / 2.0;
    let at = |rank: f64| sorted[(rank.max(0.0) as usize).min(sorted.len() - 1)];
    Some(Estimate {
        point,
        lower: at((n / 2.0 - half).floor()),
        upper: at((n / 2.0 + half).ceil()),
        level: LEVEL,
        n: sorted.len(),
        method: "median absolute error, interval by order statistics".into(),
    })
}
