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
    let usual = own_error(before, log);
    let least = rounding(&first, &second, log).max(usual);
    let excess = Excess::of(after, usual, log);
    let (before, after) = independent(&a, &b, least, excess)?;
    Some(Evidence { basis: Basis::Runs, before, after, log, noise: Noise::Values(a), least, excess })
}

/// What the runs of now scatter beyond those of the baseline: they were measured less often, or on a noisier machine, and how
/// far they may lie from where they belong is no longer what the baseline says.
#[derive(Clone, Copy, Default)]
pub(super) struct Excess {
    /// Variance of one run.
    variance: f64,
    /// Degrees of freedom of it.
    df: f64,
}

impl Excess {
    /// `usual` is the error of a run of the baseline, which is in their scatter.
    fn of(after: &[&BenchResult], usual: f64, log: bool) -> Self {
        let variance = own_error(after, log) - usual;
        if variance <= 0.0 {
            return Self::default();
        }
        Self { variance, df: after.iter().filter_map(|run| own_level(run, log)).map(|level| level.df).sum() }
    }

    /// Degrees of freedom of `shared` variance, which has `df`, beside this over `runs` runs (Satterthwaite 1946, Biometrics
    /// Bulletin 2, 110).
    pub(super) fn df_beside(self, shared: f64, df: f64, runs: usize) -> f64 {
        let own = self.variance / runs.max(1) as f64;
        if own <= 0.0 {
            return df;
        }
        (shared + own).powi(2) / (shared * shared / df + own * own / self.df.max(1.0))
    }
}

/// Level of one run by what was measured in it.
fn own_level(run: &BenchResult, log: bool) -> Option<Level> {
    let level = summary(&[run])?;
    let level = if log { level.ln()? } else { level };
    level.variance.is_finite().then_some(level)
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
    let variances: Vec<f64> = runs.iter().filter_map(|run| own_level(run, log)).map(|level| level.variance).collect();
    if variances.is_empty() { 0.0 } else { variances.iter().sum::<f64>() / variances.len() as f64 }
}

/// Levels of runs, whose scatter is that of the baseline on both sides, and what goes beyond it now. They are taken to be independent: runs of a CI lie
/// hours apart, and of a handful an autocorrelation cannot be told.
pub(super) fn independent(before: &[f64], after: &[f64], least: f64, excess: Excess) -> Option<(Level, Level)> {
    let n = before.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let centre = mean(before);
    let variance = (before.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / (n - 1.0)).max(least);
    let side = |values: &[f64], excess: Excess| {
        let runs = values.len();
        (runs > 0 && variance.is_finite()).then(|| Level {
            mean: mean(values),
            variance: (variance + excess.variance) / runs as f64,
            df: excess.df_beside(variance / runs as f64, n - 1.0, runs),
            n: runs,
        })
    };
    Some((side(before, Excess::default())?, side(after, excess)?))
}
