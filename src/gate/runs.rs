//! A baseline of several runs: each is one value, and their scatter is what runs do.

use super::{
    Basis, MIN_RUNS,
    evidence::{Evidence, Noise, centre, rounding, scaled, summary},
};
use crate::{
    model::BenchResult,
    stats::{Detector, Level, detect_steps},
};

/// Each run summed up to its location; of a long history the part since its last step.
pub(super) fn between(before: &[&BenchResult], after: &[&BenchResult]) -> Option<Evidence> {
    let before = since_the_last_step(before);
    let first: Vec<f64> = before.iter().filter_map(|r| centre(r)).collect();
    let second: Vec<f64> = after.iter().filter_map(|r| centre(r)).collect();
    let (a, b, log) = scaled(&first, &second);
    let least = rounding(&first, &second, log).max(own_error(before, log));
    let (before, after) = independent(&a, &b, least)?;
    Some(Evidence { basis: Basis::Runs, before, after, log, noise: Noise::Values(a), least })
}

/// Runs of the level that is in force; all of them where it is too young to say anything.
fn since_the_last_step<'a, 'b>(runs: &'b [&'a BenchResult]) -> &'b [&'a BenchResult] {
    let centres: Option<Vec<f64>> = runs.iter().map(|r| centre(r)).collect();
    let Some(centres) = centres else { return runs };
    let (scaled, _, _) = scaled(&centres, &[]);
    let since = detect_steps(&scaled, &Detector::default()).last().map_or(0, |step| step.index);
    if runs.len() >= since + MIN_RUNS { &runs[since..] } else { runs }
}

/// Mean variance of a run's own location, as its measurements have it: a few runs may agree better than that by chance.
fn own_error(runs: &[&BenchResult], log: bool) -> f64 {
    let variances: Vec<f64> = runs
        .iter()
        .filter_map(|run| summary(&[*run]))
        .filter_map(|level| if log { level.ln() } else { Some(level) })
        .map(|level| level.variance)
        .filter(|variance| variance.is_finite())
        .collect();
    if variances.is_empty() { 0.0 } else { variances.iter().sum::<f64>() / variances.len() as f64 }
}

/// Levels of runs, whose scatter is that of the baseline on both sides. They are taken to be independent: runs of a CI lie
/// hours apart, and of a handful an autocorrelation cannot be told.
pub(super) fn independent(before: &[f64], after: &[f64], least: f64) -> Option<(Level, Level)> {
    let n = before.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let centre = mean(before);
    let variance = (before.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / (n - 1.0)).max(least);
    let side = |values: &[f64]| {
        (!values.is_empty() && variance.is_finite()).then(|| Level {
            mean: mean(values),
            variance: variance / values.len() as f64,
            df: n - 1.0,
            n: values.len(),
        })
    };
    Some((side(before)?, side(after)?))
}
