//! From what tools wrote down of one benchmark to the gap of its levels, more being worse.

use super::{
    Basis, MIN_RUNS, MIN_SAMPLES,
    runs::{Excess, between, independent},
};
use crate::{
    model::{BenchResult, Measured},
    stats::{Estimate, Gap, Level, levels, location, student_quantile},
};

/// Level of intervals that only stand for a standard error.
const LEVEL: f64 = 0.95;
/// Values that are looked at to tell to how many decimals they were rounded.
const LOOKED_AT: usize = 50;
/// Decimals beyond which rounding is no matter.
const MOST_DECIMALS: usize = 12;

/// What is known of a benchmark's change.
pub(super) struct Evidence {
    pub(super) basis: Basis,
    /// On the scale of [`Evidence::log`].
    pub(super) before: Level,
    pub(super) after: Level,
    /// Are levels logarithms? They are where all values are above 0.
    pub(super) log: bool,
    /// What the calibration draws from.
    pub(super) noise: Noise,
    /// Variance that one value or run has at least: its rounding, and of a run the error of its own location.
    pub(super) least: f64,
    /// What runs of now scatter beyond those of the baseline.
    pub(super) excess: Excess,
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
    pub(super) fn of(before: &[&BenchResult], after: &[&BenchResult]) -> Result<Self, TooLittle> {
        if before.len() < MIN_RUNS {
            return within(before, after);
        }
        between(before, after).ok_or_else(|| TooLittle {
            reason: "its runs say nothing about how they scatter".to_owned(),
            needed_n: MIN_RUNS,
        })
    }

    /// Current minus baseline; on the scale of logarithms where `log` says so.
    pub(super) fn gap(&self) -> Gap {
        self.between(&self.before, &self.after, self.excess)
    }

    fn between(&self, before: &Level, after: &Level, excess: Excess) -> Gap {
        let gap = Gap::between(before, after);
        match self.basis {
            // One estimate of the scatter serves both sides: its degrees of freedom count once.
            Basis::Runs => {
                let shared = before.variance * (1.0 + before.n as f64 / after.n as f64);
                Gap { df: excess.df_beside(shared, before.df, after.n), ..gap }
            }
            Basis::Samples | Basis::Summaries => gap,
        }
    }

    /// One side's level with its interval, in the unit of the benchmark.
    pub(super) fn side(&self, side: &Level, level: f64) -> Option<Estimate> {
        let own = Gap { point: side.mean, standard_error: side.variance.sqrt(), df: side.df, n: side.n as f64 };
        let (lower, upper) = own.interval(level)?;
        let method = match self.basis {
            Basis::Samples => "winsorised mean, t with AR(1) effective n",
            Basis::Runs => "mean of the locations of runs",
            Basis::Summaries => "summary, Student's t",
        };
        let logs = Estimate { point: side.mean, lower, upper, level, n: side.n, method: method.into() };
        Some(if self.log { logs.map(f64::exp) } else { logs })
    }

    /// The gap of a slow-down by a share.
    pub(super) fn edge(&self, share: f64) -> f64 {
        if self.log { share.ln_1p() } else { share * self.before.mean.abs() }
    }

    /// The gap of other values that are judged as these were, all of them as exact as those of the baseline.
    pub(super) fn again(&self, before: &[f64], after: &[f64]) -> Option<Gap> {
        let (before, after) = match self.basis {
            Basis::Runs => independent(before, after, self.least, Excess::default())?,
            Basis::Samples | Basis::Summaries => {
                let (before, after) = levels(before, after)?;
                (at_least(before, self.least), at_least(after, self.least))
            }
        };
        Some(self.between(&before, &after, Excess::default()))
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
        let least = rounding(first, second, log);
        let (before, after) = (at_least(before, least), at_least(after, least));
        return Ok(Evidence {
            basis: Basis::Samples,
            before,
            after,
            log,
            noise: Noise::Values(a),
            least,
            excess: Excess::default(),
        });
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
    Ok(Evidence {
        basis: Basis::Summaries,
        before,
        after,
        log,
        noise: Noise::Sd(sd),
        least: 0.0,
        excess: Excess::default(),
    })
}

fn at_least(level: Level, least: f64) -> Level {
    Level { variance: level.variance.max(least / level.n.max(1) as f64), ..level }
}

/// Variance of one value that comes from its rounding: that of a uniform error of one unit of the last decimal that any
/// value has (Sheppard 1898). 0 where all values are the same on both sides: nothing moved.
pub(super) fn rounding(before: &[f64], after: &[f64], log: bool) -> f64 {
    let all = || before.iter().chain(after).filter(|v| v.is_finite());
    let Some(first) = all().next() else { return 0.0 };
    if all().all(|v| v == first) {
        return 0.0;
    }
    let looked_at = before.iter().take(LOOKED_AT).chain(after.iter().take(LOOKED_AT));
    let decimals = looked_at.map(|v| decimals(*v)).max().unwrap_or(MOST_DECIMALS);
    if decimals >= MOST_DECIMALS {
        return 0.0;
    }
    let unit = 0.1_f64.powi(i32::try_from(decimals).unwrap_or(0));
    let centre = if log { crate::stats::median(before).unwrap_or(1.0) } else { 1.0 };
    (unit / centre).powi(2) / 12.0
}

/// Decimals of the shortest text that reads as this value.
fn decimals(value: f64) -> usize {
    let text = format!("{value:?}");
    if text.contains('e') {
        return MOST_DECIMALS;
    }
    text.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len())
}

/// Logarithms of both sides where all values have one.
pub(super) fn scaled(before: &[f64], after: &[f64]) -> (Vec<f64>, Vec<f64>, bool) {
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
pub(super) fn summary(results: &[&BenchResult]) -> Option<Level> {
    let level = |result: &&BenchResult| match &result.measured {
        Measured::Samples(values) => {
            // What a summary is of, as far as it is robust.
            let known = estimate(values, LEVEL)?;
            let reach = student_quantile(0.5 + 0.5 * LEVEL, (values.len() - 1) as f64);
            Some(Level {
                mean: known.point,
                variance: (0.5 * (known.upper - known.lower) / reach).powi(2),
                df: (values.len() - 1) as f64,
                n: values.len(),
            })
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
        n: levels.iter().fold(0, |sum, l| sum.saturating_add(l.n)),
    })
}

/// Where the measurements of one run lie.
pub(super) fn centre(result: &BenchResult) -> Option<f64> {
    match &result.measured {
        Measured::Samples(values) => estimate(values, LEVEL).map(|e| e.point).or_else(|| crate::stats::median(values)),
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
