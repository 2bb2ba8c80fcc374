//! Stretches in which the level was off and came back: an outage or a backlog, not a change to the code.

use super::clean::Residuals;
use super::detect::Detector;
use super::distributions::{normal_two_sided, z_from_t};
use super::series::{Series, shortest};
use super::validate::straggling;

/// A passing change of level over the points `from..to`.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// First point of the stretch.
    pub from: usize,
    /// First point after it.
    pub to: usize,
    /// Level inside minus level around it, stragglers pulled in; in the unit of the values.
    pub shift: f64,
    /// Size in long-run standard errors, as a normal deviate; not negative.
    pub z: f64,
    /// Two-sided p-value, corrected for having searched all stretches (Bonferroni).
    pub p_value: f64,
}

/// Stretches of 3 to n/4 points whose level differs from those before and after it, which agree; in order of time.
///
/// Boundaries come from the same segmentation as [`detect_steps`](super::detect_steps); the weight of evidence asked
/// for is one standard error above that of a step, since a stretch has two free ends (Scott & Knott 1974, Biometrics
/// 30, group means likewise). At least `min_segment` points must follow, else nobody knows that it went away. A long
/// enough episode is also two steps to `detect_steps`: callers that use both drop the steps at its ends. `weights` as
/// there. Nothing under 12 points. Cost as there, plus O(k) for k segments.
#[must_use]
pub fn detect_episodes(values: &[f64], weights: Option<&[f64]>, detector: &Detector) -> Vec<Episode> {
    let Some(series) = Series::new(values, weights, detector).filter(|s| s.len() >= MIN_POINTS) else {
        return Vec::new();
    };
    let changes = series.candidates(detector);
    let noise = series.noise(&changes);
    let mut bounds = vec![0];
    bounds.extend_from_slice(&changes);
    bounds.push(series.len());
    let mut found = Vec::new();
    // A stretch may itself fall into several segments; the neighbours on both sides are single ones.
    for first in 1..bounds.len().saturating_sub(1) {
        for last in first + 1..bounds.len().saturating_sub(1).min(first + MAX_PARTS) + 1 {
            if last < bounds.len() - 1 {
                found.extend(judge(&series, &bounds, first, last, noise, detector));
            }
        }
    }
    disjoint(found)
}

/// Fewest points in which a stretch of three has a before and an after.
const MIN_POINTS: usize = 12;

/// Segments that one episode may consist of.
const MAX_PARTS: usize = 3;

/// What an episode needs more than a step, in standard errors.
const EXTRA_Z: f64 = 1.0;

/// Up to which part of the episode's own shift the levels around it may differ.
const AGREE: f64 = 1.0 / 3.0;

fn judge(
    series: &Series,
    bounds: &[usize],
    first: usize,
    last: usize,
    noise: Residuals,
    detector: &Detector,
) -> Option<Episode> {
    let (n, from, to) = (series.len(), bounds[first], bounds[last]);
    let start = bounds[first - 1].max(from.saturating_sub(detector.max_before));
    let end = bounds[last + 1].min(to + detector.max_after);
    if to - from < shortest(n, detector) || to - from > (n / 4).max(3) || end - to < detector.min_segment.min(n / 4) {
        return None;
    }
    let ((a, weight_a), (b, weight_b)) = (series.cost.mean(start, from), series.cost.mean(to, end));
    let (inside, weight_in) = series.cost.mean(from, to);
    let around = (a * weight_a + b * weight_b) / (weight_a + weight_b);
    let shift = inside - around;
    let apart = (inside - a) * shift > 0.0 && (inside - b) * shift > 0.0;
    let bar = around + series.cost.centre + shift / 3.0;
    // As for short regimes: one straggler must not carry the others.
    let wholly = to - from >= detector.min_after || series.values[from..to].iter().all(|v| (v - bar) * shift > 0.0);
    if !apart || !wholly || (a - b).abs() > AGREE * shift.abs() {
        return None;
    }
    let t = shift.abs() / (noise.long_run_sd * (1.0 / weight_in + 1.0 / (weight_a + weight_b)).sqrt());
    // Neighbouring stragglers feign an episode, so those elsewhere count in full while it is short.
    let short = to - from < detector.min_after;
    let t = if short { t / straggling(series, start..from).max(straggling(series, to..end)) } else { t };
    let z = z_from_t(t, noise.df);
    let stretches = (n * (n / 4)) as f64;
    let p_value = (stretches * normal_two_sided(z)).min(1.0);
    (z >= detector.z_needed(n) + EXTRA_Z).then_some(Episode { from, to, shift, z, p_value })
}

/// The strongest of those that overlap, in order of time.
fn disjoint(mut found: Vec<Episode>) -> Vec<Episode> {
    found.sort_by(|a, b| b.z.total_cmp(&a.z));
    let mut kept: Vec<Episode> = Vec::new();
    for e in found {
        if kept.iter().all(|k| e.to <= k.from || k.to <= e.from) {
            kept.push(e);
        }
    }
    kept.sort_by_key(|e| e.from);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};

    fn with(seed: u64, n: usize, at: std::ops::Range<usize>, jump: f64) -> Vec<f64> {
        let mut y = series(seed, n, Noise::Ar(0.2));
        y[at].iter_mut().for_each(|v| *v += jump);
        y
    }

    #[test]
    fn what_went_away_is_found() {
        let d = Detector::default();
        let hits = (0..60)
            .filter(|&s| {
                let e = detect_episodes(&with(s, 120, 50..62, 5.0), None, &d);
                e.len() == 1 && e[0].from.abs_diff(50) <= 2 && e[0].to.abs_diff(62) <= 2 && e[0].p_value < 0.01
            })
            .count();
        assert!(hits >= 55, "{hits} of 60");
    }

    #[test]
    fn a_lasting_step_and_noise_are_no_episodes() {
        let d = Detector::default();
        let false_alarms =
            (0..200).filter(|&s| !detect_episodes(&with(s, 120, 60..120, 6.0), None, &d).is_empty()).count();
        assert!(false_alarms <= 3, "{false_alarms} of 200 steps");
        let false_alarms =
            (0..200).filter(|&s| !detect_episodes(&with(s, 120, 0..0, 0.0), None, &d).is_empty()).count();
        assert!(false_alarms <= 2, "{false_alarms} of 200 without anything");
        assert!(detect_episodes(&[1.0; 5], None, &d).is_empty());
    }
}
