//! Stragglers pulled in before a search for changes, so that a few wild values are no level of their own.

use super::location::{MAD_TO_SD, MEAN_AD_TO_SD, median_in_place};

/// Half the width of the running median: 7 points see through three stragglers in a row and follow a step within one
/// point.
const HALF_WINDOW: usize = 3;

/// Standard deviation from first differences, blind to steps and, unlike `noise_sd`, to nothing else; 0 only for a
/// constant series. In the unit of the values; O(n).
#[must_use]
pub fn difference_sd(values: &[f64]) -> f64 {
    let mut off: Vec<f64> = values.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    let mean = off.iter().sum::<f64>() / off.len().max(1) as f64;
    let spread = match median_in_place(&mut off) {
        Some(m) if m > 1e-9 * mean => MAD_TO_SD * m,
        _ => MEAN_AD_TO_SD * mean,
    };
    spread / std::f64::consts::SQRT_2
}

/// Pulls each value in to its running median (7 points, fewer at the ends) ± `reach` (Hampel's filter).
pub(super) fn winsorise_locally(values: &[f64], reach: f64) -> Vec<f64> {
    if !reach.is_finite() {
        return values.to_vec();
    }
    let n = values.len();
    (0..n)
        .map(|i| {
            let half = HALF_WINDOW.min(i).min(n - 1 - i);
            // A copy on the stack: this runs once per point, and an allocation would be most of its cost.
            let mut window = [0.0; 2 * HALF_WINDOW + 1];
            let window = &mut window[..=2 * half];
            window.copy_from_slice(&values[i - half..=i + half]);
            window.sort_unstable_by(f64::total_cmp);
            let centre = window[half];
            values[i].clamp(centre - reach, centre + reach)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stragglers_are_pulled_in_and_steps_stay() {
        let y: Vec<f64> =
            (0..40).map(|i| if i < 20 { 0.0 } else { 9.0 } + if i % 10 == 4 { 50.0 } else { 0.0 }).collect();
        let pulled = winsorise_locally(&y, 1.0);
        assert!(
            pulled.iter().enumerate().all(|(i, v)| (v - if i < 20 { 0.0 } else { 9.0 }).abs() <= 1.0),
            "{pulled:?}"
        );
        assert_eq!(winsorise_locally(&y, f64::INFINITY), y);
        assert!(winsorise_locally(&[], 1.0).is_empty());
    }

    #[test]
    fn coarse_clocks_have_noise_too() {
        assert_eq!(difference_sd(&[1.0; 9]), 0.0);
        assert!(difference_sd(&[1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]) > 0.0);
    }
}
