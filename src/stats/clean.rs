//! Stragglers pulled in before a search for changes, so that a few wild values are no level of their own.

use super::location::{MAD_TO_SD, MEAN_AD_TO_SD, median_in_place};
use wide::f64x4;

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

/// Exchanges of the smallest network that brings the median of seven to the middle (Devillard 1998, Fast median search): no
/// branch depends on the values, so that a processor does several windows at a time.
const EXCHANGES: [(usize, usize); 13] =
    [(0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)];

/// Windows whose medians are found side by side.
const LANES: usize = 4;

/// Medians of the windows of seven that begin with each of the first values of `of`.
#[inline(always)]
fn medians_of_seven(of: &[f64; 6 + LANES]) -> [f64; LANES] {
    let mut rows: [f64x4; 7] =
        std::array::from_fn(|first| f64x4::from([of[first], of[first + 1], of[first + 2], of[first + 3]]));
    for (a, b) in EXCHANGES {
        (rows[a], rows[b]) = (rows[a].fast_min(rows[b]), rows[a].fast_max(rows[b]));
    }
    rows[3].to_array()
}

/// Pulls each value in to its running median (7 points, fewer at the ends) ± `reach` (Hampel's filter).
pub(super) fn winsorise_locally(values: &[f64], reach: f64) -> Vec<f64> {
    if !reach.is_finite() {
        return values.to_vec();
    }
    let n = values.len();
    let pulled = |centre: f64, value: f64| value.clamp(centre - reach, centre + reach);
    let alone = |i: usize| {
        let half = HALF_WINDOW.min(i).min(n - 1 - i);
        let mut window = [0.0; 2 * HALF_WINDOW + 1];
        let window = &mut window[..=2 * half];
        window.copy_from_slice(&values[i - half..=i + half]);
        window.sort_unstable_by(f64::total_cmp);
        pulled(window[half], values[i])
    };
    let mut all: Vec<f64> = (0..HALF_WINDOW.min(n)).map(alone).collect();
    while let Some(windows) = values[all.len().saturating_sub(HALF_WINDOW)..].first_chunk() {
        let own = &values[all.len()..];
        all.extend(medians_of_seven(windows).iter().zip(own).map(|(centre, value)| pulled(*centre, *value)));
    }
    all.extend((all.len()..n).map(alone));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_meets_the_median_of_its_window(values in prop::collection::vec(-9.0..9.0_f64, 0..40)) {
            let n = values.len();
            let want: Vec<f64> = (0..n)
                .map(|i| {
                    let half = HALF_WINDOW.min(i).min(n - 1 - i);
                    let centre = crate::stats::median(&values[i - half..=i + half]).unwrap_or(f64::NAN);
                    values[i].clamp(centre - 1.5, centre + 1.5)
                })
                .collect();
            prop_assert_eq!(winsorise_locally(&values, 1.5), want);
        }
    }

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
