//! From what tools wrote down of one benchmark to the gap of its levels, more being worse.

use super::{Basis, MIN_RUNS, MIN_SAMPLES};
use crate::{
    model::{BenchResult, Measured},
    stats::{Detector, Estimate, Gap, Level, detect_steps, levels, location},
};

/// What is known of a benchmark's change.
pub(super) struct Evidence {
    pub(super) basis: Basis,
    /// On the scale of [`Evidence::log`].
    pub(super) before: Level,
    pub(super) after: Level,
    /// Are levels logarithms? They are where all values are above 0.
    pub(super) log: bool,
    /// Values that the calibration draws anew: (before, after) in number, and what they are like.
    pub(super) noise: Noise,
}

/// What chance made of the baseline.
pub(super) enum Noise {
    /// Values in order of time, on the scale of the evidence.
    Values(Vec<f64>),
    /// Only a standard deviation is known.
    Sd(f64),
}

/// Why there is none.
pub(super) struct TooLittle {
    pub(super) reason: String,
    /// Measurements or runs a side that would be enough to begin with.
    pub(super) needed_n: usize,
}

impl Evidence {
    /// `before` holds a result a run, in order of time; `after` those that are judged together.
    pub(super) fn of(before: &[&BenchResult], after: &[&BenchResult], level: f64) -> Result<Self, TooLittle> {
        let within = within(before, after);
        if before.len() < MIN_RUNS {
            return within;
        }
        let between = between(before, after).ok_or_else(|| TooLittle {
            reason: "its runs say nothing about how they scatter".to_owned(),
            needed_n: MIN_RUNS,
        })?;
        // Runs scatter at least as much as their own measurements make them; of a few runs that may be missed by chance.
        Ok(match within {
            Ok(within) if within.log == between.log && within.width(level) > between.width(level) => within,
            _ => between,
        })
    }

    /// Current minus baseline; on the scale of logarithms where `log` says so.
    pub(super) fn gap(&self) -> Gap {
        Gap::between(&self.before, &self.after)
    }

    /// The gap of a slow-down by a share.
    pub(super) fn edge(&self, share: f64) -> f64 {
        if self.log { share.ln_1p() } else { share * self.before.mean.abs() }
    }

    fn width(&self, level: f64) -> f64 {
        self.gap().interval(level).map_or(f64::INFINITY, |(lower, upper)| upper - lower)
    }
}

/// Measurements of all runs of a side, joined.
fn within(before: &[&BenchResult], after: &[&BenchResult]) -> Result<Evidence, TooLittle> {
    let (first, second) = (samples(before), samples(after));
    if let (Some(first), Some(second)) = (&first, &second) {
        let few = first.len().min(second.len());
        let too_few = |n: usize| TooLittle {
            reason: format!("{n} {}", if n == 1 { "measurement" } else { "measurements" }),
            needed_n: MIN_SAMPLES,
        };
        if few < MIN_SAMPLES {
            return Err(too_few(few));
        }
        let (a, b, log) = scaled(first, second);
        let (before, after) = levels(&a, &b).ok_or_else(|| too_few(few))?;
        return Ok(Evidence { basis: Basis::Samples, before, after, log, noise: Noise::Values(a) });
    }
    let (a, b) = (summary(before), summary(after));
    let (Some(a), Some(b)) = (a, b) else {
        let runs = before.len();
        return Err(TooLittle {
            reason: format!("single figures, and {runs} {} in the baseline", if runs == 1 { "run" } else { "runs" }),
            needed_n: MIN_RUNS,
        });
    };
    let (log_a, log_b) = (a.ln(), b.ln());
    let (before, after, log) = match (log_a, log_b) {
        (Some(a), Some(b)) => (a, b, true),
        _ => (a, b, false),
    };
    let sd = (before.variance * before.n as f64).sqrt();
    Ok(Evidence { basis: Basis::Summaries, before, after, log, noise: Noise::Sd(sd) })
}

/// Each run summed up to its location; of a long history the part since its last step.
fn between(before: &[&BenchResult], after: &[&BenchResult]) -> Option<Evidence> {
    let first: Vec<f64> = before.iter().filter_map(|r| centre(r)).collect();
    let second: Vec<f64> = after.iter().filter_map(|r| centre(r)).collect();
    let (a, b, log) = scaled(&first, &second);
    let since = detect_steps(&a, &Detector::default()).last().map_or(0, |step| step.index);
    let a = if a.len() - since >= MIN_RUNS { a[since..].to_vec() } else { a };
    let (before, after) = levels(&a, &b)?;
    Some(Evidence { basis: Basis::Runs, before, after, log, noise: Noise::Values(a) })
}

/// Logarithms of both sides where all values have one.
fn scaled(before: &[f64], after: &[f64]) -> (Vec<f64>, Vec<f64>, bool) {
    let log = before.iter().chain(after).all(|v| *v > 0.0);
    let scale = |values: &[f64]| values.iter().map(|v| if log { v.ln() } else { *v }).collect();
    (scale(before), scale(after), log)
}

/// All measurements; `None` where a run has none that are kept.
fn samples(results: &[&BenchResult]) -> Option<Vec<f64>> {
    let mut all = Vec::new();
    for result in results {
        match &result.measured {
            Measured::Samples(values) => all.extend(values),
            Measured::Summary { .. } | Measured::Point(_) => return None,
        }
    }
    Some(all)
}

/// Level of one side, of summaries and of samples that stand beside them; runs are averaged.
fn summary(results: &[&BenchResult]) -> Option<Level> {
    let level = |result: &&BenchResult| match &result.measured {
        Measured::Samples(values) => {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
            Level::of_summary(mean, (squares / (n - 1.0)).sqrt(), values.len())
        }
        Measured::Summary { mean, sd, n } => Level::of_summary(*mean, *sd, *n),
        Measured::Point(_) => None,
    };
    let levels: Vec<Level> = results.iter().map(level).collect::<Option<_>>()?;
    let runs = levels.len() as f64;
    let sum = |of: fn(&Level) -> f64| levels.iter().map(of).sum::<f64>();
    (!levels.is_empty()).then(|| Level {
        mean: sum(|l| l.mean) / runs,
        variance: sum(|l| l.variance) / (runs * runs),
        df: sum(|l| l.df),
        n: levels.iter().map(|l| l.n).sum(),
    })
}

/// Where the measurements of one run lie.
fn centre(result: &BenchResult) -> Option<f64> {
    match &result.measured {
        Measured::Samples(values) => estimate(values, 0.95).map(|e| e.point).or_else(|| crate::stats::median(values)),
        Measured::Summary { mean, .. } => Some(*mean),
        Measured::Point(value) => Some(*value),
    }
}

/// Level of one side with its interval, in the unit of the benchmark.
pub(super) fn level_of(results: &[&BenchResult], level: f64) -> Option<Estimate> {
    if let Some(estimate) = samples(results).and_then(|values| estimate(&values, level)) {
        return Some(estimate);
    }
    if let Some(known) = summary(results) {
        let (lower, upper) =
            Gap { point: known.mean, standard_error: known.variance.sqrt(), df: known.df, n: 0.0 }.interval(level)?;
        let method = "mean of a summary, Student's t".into();
        return Some(Estimate { point: known.mean, lower, upper, level, n: known.n, method });
    }
    let points: Vec<f64> = results.iter().filter_map(|r| centre(r)).collect();
    if let Some(estimate) = estimate(&points, level) {
        return Some(estimate);
    }
    let point = crate::stats::median(&points)?;
    let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
    Some(Estimate { point, lower, upper, level, n: points.len(), method: "single figures".into() })
}

fn estimate(values: &[f64], level: f64) -> Option<Estimate> {
    let logs: Option<Vec<f64>> = values.iter().map(|v| (*v > 0.0).then(|| v.ln())).collect();
    match logs {
        Some(logs) => location(&logs, level).map(|e| e.map(f64::exp)),
        None => location(values, level),
    }
}
