//! The smallest step that detection would have found.

use super::autocorrelation::long_run_sd;
use super::detect::MIN_POINTS;
use super::detector::Detector;
use super::distributions::z_from_t;
use super::noise::{MAX_PHI, variance_df};
use super::step_scan::{Elsewhere, StepScan};
use super::validate::evidence_needed;

impl Detector {
    /// Smallest step that is found with a probability of 80 % once `after` points lie behind it, in noise standard
    /// deviations of one point; `phi` is the autocorrelation.
    ///
    /// Cohen 1988, Statistical Power Analysis, chapter 2: the threshold plus 0.84. O(n). Infinite if the series is too
    /// short, or so autocorrelated that no step of any size would do.
    #[must_use]
    pub fn smallest_step(&self, times: &[f64], after: usize, phi: f64) -> f64 {
        let n = times.len();
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return f64::INFINITY };
        if n < MIN_POINTS || after == 0 || after >= n || last <= first {
            return f64::INFINITY;
        }
        // Memory looks longer than it is in one case of five by this much (Bartlett 1946): the step must be found even so.
        let phi = (phi + POWER_80 * ((1.0 - phi * phi) / n as f64).sqrt()).min(MAX_PHI);
        let spacing = (last - first) / (n - 1) as f64;
        let step: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i >= n - after))).collect();
        let scan = StepScan::new(&step, times);
        let wanted = evidence_needed(self, n, n - after, after);
        let evidence = |height: f64, noise: f64, inflation: f64| {
            let creep = self.creep(inflation, spacing).within_reach(scan.within(0, n), noise * inflation / height);
            scan.evidence((0, n - after, n), noise * inflation / height, creep, Elsewhere::default()).abs()
        };
        let with_df = |evidence: f64, phi: f64| z_from_t(evidence, variance_df(n, 2, phi));
        let share = after as f64 / n as f64;
        // So does the noise that the differences show.
        let loud = 1.0 + POWER_80 * DIFFERENCE_SPREAD / (n as f64).sqrt();
        let seen = |height: f64| {
            if evidence(height, loud, 1.0) >= self.z_obvious {
                return with_df(evidence(height, 1.0, long_run_sd(1.0, phi)), phi);
            }
            // Before it is known to be a step it passes for noise, and for memory.
            let taken = share * (1.0 - share) * height * height;
            let phi = ((phi + taken) / (1.0 + taken)).min(MAX_PHI);
            with_df(evidence(height, (1.0 + taken).sqrt(), long_run_sd(1.0, phi)), phi)
        };
        let (mut low, mut high) = (0.0, LARGEST_STEP);
        if seen(high) < wanted {
            return f64::INFINITY;
        }
        while high - low > 1e-4 * high {
            let middle = 0.5 * (low + high);
            if seen(middle) < wanted { low = middle } else { high = middle }
        }
        // Half of such steps are found; the height that is measured scatters by its standard error beside a slope.
        let inflation = long_run_sd(1.0, phi);
        let precision = self.creep(inflation, spacing).precision;
        let per_height = scan.beside_slope(0, n - after, n, precision, Elsewhere::default());
        high + POWER_80 * inflation / per_height
    }
}

/// Normal deviate exceeded with a probability of 20 %.
const POWER_80: f64 = 0.841_621;

/// By how much the spread of differences is out, times the square root of their number: 1.3 is its relative standard error; this
/// much makes 75 to 95 % of such steps in 15 to 400 simulated points found.
const DIFFERENCE_SPREAD: f64 = 1.8;

/// Noise standard deviations beyond which a step is not called small any more.
const LARGEST_STEP: f64 = 1e4;
