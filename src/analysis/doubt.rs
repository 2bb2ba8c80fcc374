//! Series in which no change was found, but that look changed.

use super::{change::Judged, result::Inconclusive, series::Series, settings::Settings};
use crate::{
    model::{Index, TimeRange},
    stats::{ar1_robust, mad, ratio, runs_needed, uneven_ratio},
};

/// Runs on each side without which nothing is compared, and before the last three for these to stand apart.
const MIN_BEFORE: usize = 5;
const MIN_AFTER: usize = 3;
const MIN_APART: usize = 15;
/// Level at which window and baseline must differ to be named: at 95 %, five of a hundred quiet series would be.
const DOUBT_LEVEL: f64 = 0.995;
/// More runs than this are no advice.
const MAX_NEEDED: usize = 200;

/// Window against baseline where no change was found: does it look changed?
pub(super) fn inconclusive(
    series: &Series,
    judged: &Judged,
    window: TimeRange,
    baseline: TimeRange,
    settings: &Settings,
) -> Option<Inconclusive> {
    if series.key.quantity.is_rate() || series.key.index != Index::All {
        return None;
    }
    let within = |range: TimeRange| {
        let from = series.points.partition_point(|point| point.at < range.from);
        (from, series.points.partition_point(|point| point.at < range.to))
    };
    let ((a, b), (c, d)) = (within(baseline), within(window));
    if b - a >= MIN_BEFORE && d - c >= MIN_AFTER {
        let found = doubt(series, judged, (a, b), (c, d), settings);
        let recent = || doubt(series, judged, (a, d - MIN_AFTER), (d - MIN_AFTER, d), settings);
        return found.or_else(|| stands_apart(judged, (a, d - MIN_AFTER), d).then(recent).flatten());
    }
    None
}

/// Do the last runs all lie on one side of all before them? By chance that happens once in (n + 3 over 3): of 28 runs, once in
/// 4,495.
fn stands_apart(judged: &Judged, (from, at): (usize, usize), to: usize) -> bool {
    if at.saturating_sub(from) < MIN_APART {
        return false;
    }
    let ends = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((low, high), (last_low, last_high)) = (ends(&judged.value[from..at]), ends(&judged.value[at..to]));
    last_low > high || last_high < low
}

/// Ratio of two stretches, where its interval excludes one.
fn doubt(
    series: &Series,
    judged: &Judged,
    (a, b): (usize, usize),
    (c, d): (usize, usize),
    settings: &Settings,
) -> Option<Inconclusive> {
    let (before, after) = (judged.uneven().slice(a, b), judged.uneven().slice(c, d));
    let plain = |from: usize, to: usize| series.points[from..to].iter().map(|p| p.adjusted).collect::<Vec<_>>();
    let estimate = |level: f64| match judged.logs {
        true => ratio(&plain(a, b), &plain(c, d), level),
        false => uneven_ratio(before, after, level),
    };
    let effect = estimate(settings.level)?;
    if estimate(DOUBT_LEVEL)?.contains(1.0) || effect.point.ln().abs() < settings.min_effect.ln_1p() {
        return None;
    }
    let positive: Vec<f64> = series.points[a..d].iter().map(|p| p.adjusted).filter(|v| *v > 0.0).map(f64::ln).collect();
    let sd_log = mad(&positive)?;
    let needed = runs_needed(effect.point.ln(), sd_log, b - a, ar1_robust(&positive), settings.threshold);
    Some(Inconclusive {
        key: series.key.clone(),
        effect,
        more_runs_needed: needed.map(|n| n.saturating_sub(d - c)).filter(|n| (1..=MAX_NEEDED).contains(n)),
    })
}
