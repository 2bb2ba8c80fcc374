//! What a comparison could have seen at all.

use super::autocorrelation::effective_sample_size;

/// Smallest ratio after/before (above 1, no unit) whose log is `z` standard errors from 0.
///
/// exp(z · `sd_log` · √(1/n₁ + 1/n₂)) with the effective sizes of both sides; Cohen 1988, Statistical Power Analysis,
/// chapter 2. `z` is the threshold for a power of one half; add 0.84 for a power of 80 %. Infinite if a side is empty.
#[must_use]
pub fn minimum_detectable_ratio(sd_log: f64, n_before: usize, n_after: usize, phi: f64, z: f64) -> f64 {
    let (a, b) = (effective_sample_size(n_before, phi), effective_sample_size(n_after, phi));
    if a <= 0.0 || b <= 0.0 {
        return f64::INFINITY;
    }
    (z.abs() * sd_log.abs() * (1.0 / a + 1.0 / b).sqrt()).exp()
}

/// Runs needed after the change until an effect of `effect_log` (log of the ratio, either sign) is `z` standard errors.
///
/// The smallest n for which [`minimum_detectable_ratio`] is at most the effect; O(log n). `None` if no number suffices,
/// because the history before the change is too short or too noisy, or the effect is 0.
#[must_use]
pub fn runs_needed(effect_log: f64, sd_log: f64, n_before: usize, phi: f64, z: f64) -> Option<usize> {
    let enough = |n: usize| minimum_detectable_ratio(sd_log, n_before, n, phi, z) <= effect_log.abs().exp();
    if !effect_log.is_finite() || effect_log == 0.0 || !enough(MAX_RUNS) {
        return None;
    }
    let (mut low, mut high) = (0, MAX_RUNS);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// More runs than any pipeline has; what it takes more for is never seen.
const MAX_RUNS: usize = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // sd 0.1, 50 a side: 4.8 * 0.1 * sqrt(0.04) = 0.096
        assert!((minimum_detectable_ratio(0.1, 50, 50, 0.0, 4.8) - 0.096_f64.exp()).abs() < 1e-12);
        assert_eq!(runs_needed(0.096, 0.1, 50, 0.0, 4.8), Some(50));
        assert_eq!(runs_needed(0.05, 0.1, 50, 0.0, 4.8), None);
        assert_eq!(runs_needed(0.0, 0.1, 50, 0.0, 4.8), None);
        assert_eq!(minimum_detectable_ratio(0.1, 0, 5, 0.0, 2.0), f64::INFINITY);
    }

    proptest! {
        #[test]
    fn the_number_is_the_smallest(
        effect in 0.02..1.0f64,
        sd in 0.02..0.5f64,
        before in 5usize..400,
        phi in 0.0..0.8f64,
    ) {
            if let Some(n) = runs_needed(-effect, sd, before, phi, 3.0) {
                prop_assert!(minimum_detectable_ratio(sd, before, n, phi, 3.0) <= effect.exp());
                prop_assert!(n == 1 || minimum_detectable_ratio(sd, before, n - 1, phi, 3.0) > effect.exp());
            }
        }
    }
}
