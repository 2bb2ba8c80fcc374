//! Steps in a level: where, how sure, and between which points the place lies.
//!
//! Segment generously, then let each candidate prove itself (`research/detection.md`, section 6): most false alarms of
//! other tools come from autocorrelation, drift and stragglers that are taken for steps. `tests` measure false alarms
//! and power.

use super::clean::Residuals;
use super::distributions::{scan_p_value, z_from_t};
use super::locate::place_interval;
use super::series::{Series, shortest};
use super::validate::{Candidate, judge};

/// Settings of [`detect_steps`] and its relatives.
///
/// The defaults are those of `research/prototypes/wt2.py`, tuned there on generated A/A and A/B series of one year.
#[derive(Clone, Debug, PartialEq)]
pub struct Detector {
    /// Smallest distance between levels in long-run standard errors: the knob between false alarms and power. Default
    /// 4.8.
    pub z_min: f64,
    /// Smallest distance in standard errors with a slope in the model, which tells a step from a ramp. Default 3.6.
    pub slope_t_min: f64,
    /// Points of a regime from which on the ordinary rules apply. Default 5.
    pub min_segment: usize,
    /// Penalty per change, in long-run variances times ln n. Default 2.5.
    pub penalty_factor: f64,
    /// Points after a change from which on the ordinary rules apply; with fewer it may still go away. Default 7.
    pub min_after: usize,
    /// How many points before a change are compared, at most. Default 120.
    pub max_before: usize,
    /// How many points after a change are compared, at most. Default 84.
    pub max_after: usize,
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            z_min: 4.8,
            slope_t_min: 3.6,
            min_segment: 5,
            penalty_factor: 2.5,
            min_after: 7,
            max_before: 120,
            max_after: 84,
        }
    }
}

impl Detector {
    /// `z_min` in a series of `n` points: smaller in fewer than a year of days, for as many places fewer can look like
    /// a step by chance. The largest of n normal deviates grows with √(2 ln n) (Cramér 1946); not below three quarters.
    pub(super) fn z_needed(&self, n: usize) -> f64 {
        self.z_min * ((n.max(2) as f64).ln() / YEAR.ln()).sqrt().clamp(0.75, 1.0)
    }
}

/// Points for which `z_min` is tuned: a year of daily runs.
const YEAR: f64 = 365.0;

/// A lasting change of level.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// First point of the new regime, best guess.
    pub index: usize,
    /// Earliest point that may be the first of the new regime, at about 95 %.
    pub index_low: usize,
    /// Latest point that may be the first of the new regime, at about 95 %.
    pub index_high: usize,
    /// New level minus old one, stragglers pulled in; in the unit of the values.
    pub shift: f64,
    /// Size of the change in long-run standard errors, as a normal deviate; not negative.
    pub z: f64,
    /// Two-sided p-value, corrected for having searched all places in the window.
    pub p_value: f64,
}

/// Steps of a series in order of time, ascending by place.
///
/// Stragglers are pulled in to a running median, PELT proposes, and the weakest candidate is merged away until all that
/// are left differ from their surroundings by `z_min` long-run standard errors, also with a slope in the model, and
/// last. `weights` are inverse variances known up to a factor. A regime of 3 to 6 points needs a larger z and no point
/// of it on the old side of the middle. Nothing under 5 points, for values that are not finite, or weights that do not
/// fit. O(n) to O(n²) up to 1000 points; longer series are proposed on a grid of 1000 places and refined, so O(n).
#[must_use]
pub fn detect_steps(values: &[f64], weights: Option<&[f64]>, detector: &Detector) -> Vec<Step> {
    let Some(series) = Series::new(values, weights, detector) else {
        return Vec::new();
    };
    let mut changes = series.candidates(detector);
    series.refine(&mut changes, detector);
    let mut noise = series.noise(&changes);
    // Candidates that are merged away leave their steps in the residuals; a second round sees the noise with them.
    for _ in 0..2 {
        series.merge(&mut changes, noise, detector);
        series.refine(&mut changes, detector);
        let again = series.noise(&changes);
        if again.long_run_sd <= noise.long_run_sd {
            break;
        }
        noise = again;
    }
    series.merge(&mut changes, noise, detector);
    series.steps(&changes, noise, detector)
}

impl Series {
    /// Drops the weakest candidate until all pass.
    fn merge(&self, changes: &mut Vec<usize>, noise: Residuals, detector: &Detector) {
        while let Some((weakest, score)) = self
            .judged(changes, noise, detector)
            .iter()
            .map(Candidate::score)
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1))
        {
            if score >= 0.0 {
                break;
            }
            changes.remove(weakest);
        }
    }

    fn judged(&self, changes: &[usize], noise: Residuals, detector: &Detector) -> Vec<Candidate> {
        (0..changes.len())
            .map(|i| {
                let (from, to) = self.window(changes, i, detector);
                judge(self, from, changes[i], to, noise, detector)
            })
            .collect()
    }

    /// The points that are compared around change `i`: up to its neighbours, and not too far.
    fn window(&self, changes: &[usize], i: usize, detector: &Detector) -> (usize, usize) {
        let before = if i == 0 { 0 } else { changes[i - 1] };
        let after = changes.get(i + 1).copied().unwrap_or(self.len());
        (before.max(changes[i].saturating_sub(detector.max_before)), after.min(changes[i] + detector.max_after))
    }

    /// Moves each change to the best place between its neighbours, which may have been merged away since.
    fn refine(&self, changes: &mut [usize], detector: &Detector) {
        let shortest = shortest(self.len(), detector);
        for i in 0..changes.len() {
            let (from, to) = self.window(changes, i, detector);
            let places = from + shortest..(to + 1).saturating_sub(shortest);
            let cost = |c: &usize| self.flat_cost.of(from, *c) + self.flat_cost.of(*c, to);
            if let Some(best) = places.min_by(|a, b| cost(a).total_cmp(&cost(b)))
                && cost(&best) < cost(&changes[i])
            {
                changes[i] = best;
            }
        }
    }

    fn steps(&self, changes: &[usize], noise: Residuals, detector: &Detector) -> Vec<Step> {
        let describe = |(i, c): (usize, Candidate)| {
            let (from, to) = self.window(changes, i, detector);
            let (index_low, index_high) = place_interval(&self.flat_cost, from, changes[i], to, noise);
            let z = z_from_t(c.t, noise.df);
            let p_value = scan_p_value(z, to - from, shortest(self.len(), detector));
            Step { index: changes[i], index_low, index_high, shift: c.shift, z, p_value }
        };
        self.judged(changes, noise, detector).into_iter().enumerate().map(describe).collect()
    }
}
