//! Series in which no change was found, but that look changed.

use super::{change::Judged, result::Inconclusive, series::Series, settings::Settings};
use crate::{
    model::{Index, TimeRange},
    stats::{ar1_robust, mad, ratio, runs_needed, uneven_ratio},
};

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
    if b - a < 5 || d - c < 3 {
        return None;
    }
    let (before, after) = (judged.uneven().slice(a, b), judged.uneven().slice(c, d));
    let effect = if judged.logs {
        let plain = |from: usize, to: usize| series.points[from..to].iter().map(|p| p.adjusted).collect::<Vec<_>>();
        ratio(&plain(a, b), &plain(c, d), settings.level)?
    } else {
        uneven_ratio(before, after, settings.level)?
    };
    if effect.contains(1.0) || effect.point.ln().abs() < settings.min_effect.ln_1p() {
        return None;
    }
    let positive: Vec<f64> = series.points[a..d].iter().map(|p| p.adjusted).filter(|v| *v > 0.0).map(f64::ln).collect();
    let sd_log = mad(&positive)?;
    let needed = runs_needed(effect.point.ln(), sd_log, b - a, ar1_robust(&positive), settings.threshold);
    Some(Inconclusive {
        key: series.key.clone(),
        effect,
        more_runs_needed: needed.map(|n| n.saturating_sub(d - c)).filter(|n| *n > 0),
    })
}
