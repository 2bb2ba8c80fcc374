//! A series ready for detection, and the changes that segmentation proposes for it.

use super::clean::{Residuals, difference_sd, residuals, robust_drift, winsorise_locally};
use super::cost::Cost;
use super::detect::Detector;
use super::segment::pelt_on_grid;

/// Fewest points in which a change is looked for.
const MIN_POINTS: usize = 5;

/// Places at which PELT may put a change, at most: its work grows with the square where nothing changes.
const MAX_GRID: usize = 1000;

/// A series with stragglers pulled in.
pub(super) struct Series {
    /// Values as they came.
    pub(super) raw: Vec<f64>,
    /// Values, stragglers pulled in.
    pub(super) values: Vec<f64>,
    /// Weights with mean 1.
    pub(super) weights: Vec<f64>,
    /// Squared errors of the values.
    pub(super) cost: Cost,
    /// Squared errors of the values without drift, if drift explains them better than steps do.
    pub(super) flat_cost: Cost,
    flat: Vec<f64>,
    /// Changes in `flat`, proposed with the noise of first differences.
    first: Vec<usize>,
    /// Noise from first differences, at unit weight.
    sd: f64,
}

impl Series {
    /// `None` where there is nothing to detect.
    pub(super) fn new(values: &[f64], weights: Option<&[f64]>, detector: &Detector) -> Option<Self> {
        let n = values.len();
        // `Cost` refuses what is not finite and weights that do not fit.
        Cost::new(values, weights).filter(|_| n >= MIN_POINTS)?;
        let mean_weight = weights.map_or(1.0, |w| w.iter().sum::<f64>() / n as f64);
        let weights: Vec<f64> = weights.map_or_else(|| vec![1.0; n], |w| w.iter().map(|w| w / mean_weight).collect());
        let sd = difference_sd(values, &weights);
        if !sd.is_finite() || sd <= 0.0 {
            return None;
        }
        let raw = values.to_vec();
        let values = winsorise_locally(&raw, &weights, sd);
        let cost = Cost::new(&values, Some(&weights))?;
        // Twice the usual penalty, because this noise knows nothing of autocorrelation yet.
        let penalty = 2.0 * detector.penalty_factor * (n as f64).ln() * sd * sd;
        let propose = |cost: &Cost| pelt_on_grid(cost, &grid(n), penalty, shortest(n, detector));
        let level = propose(&cost);
        let drift = robust_drift(&values);
        let flat: Vec<f64> = values.iter().enumerate().map(|(i, v)| v - drift * i as f64).collect();
        let flat_cost = Cost::new(&flat, Some(&weights))?;
        let sloped = if drift == 0.0 { level.clone() } else { propose(&flat_cost) };
        // A late step can look like drift to a median of differences. The simpler account wins, drift costing one
        // change.
        let price = |cost: &Cost, changes: &[usize]| cost.of_segments(changes) + penalty * changes.len() as f64;
        if drift == 0.0 || price(&cost, &level) <= price(&flat_cost, &sloped) + penalty {
            let flat_cost = Cost::new(&values, Some(&weights))?;
            return Some(Self { raw, flat: values.clone(), values, weights, cost, flat_cost, first: level, sd });
        }
        Some(Self { raw, values, weights, cost, flat_cost, flat, first: sloped, sd })
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Changes that PELT proposes with the long-run noise around the levels of its first proposal.
    pub(super) fn candidates(&self, detector: &Detector) -> Vec<usize> {
        let n = self.len();
        let sd = self.noise(&self.first).long_run_sd;
        let penalty = detector.penalty_factor * (n as f64).ln() * sd * sd;
        pelt_on_grid(&self.flat_cost, &grid(n), penalty, shortest(n, detector))
    }

    /// Noise around the levels between `changes`.
    pub(super) fn noise(&self, changes: &[usize]) -> Residuals {
        residuals(&self.flat, &self.weights, changes, 1e-3 * self.sd)
    }
}

/// Shortest regime that is proposed at all, in points.
pub(super) fn shortest(n: usize, detector: &Detector) -> usize {
    detector.min_segment.clamp(1, if n < 6 { 2 } else { 3 })
}

fn grid(n: usize) -> Vec<usize> {
    (0..n).step_by(n.div_ceil(MAX_GRID).max(1)).chain([n]).collect()
}
