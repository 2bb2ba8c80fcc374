//! Stragglers pulled in before a search for changes, so that a few wild values are no level of their own.

use super::location::{MAD_TO_SD, MEAN_AD_TO_SD, median_in_place};
use super::means::mean;
use pulp::{
    Simd, WithSimd,
    bytemuck::{cast_slice, pod_read_unaligned},
};

/// Half the width of the running median: 7 points see through three stragglers in a row and follow a step within one
/// point.
const HALF_WINDOW: usize = 3;

/// Standard deviation from first differences, blind to steps and, unlike `noise_sd`, to nothing else; 0 only for a
/// constant series. In the unit of the values; O(n).
#[must_use]
pub fn difference_sd(values: &[f64]) -> f64 {
    let mut off: Vec<f64> = values.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    spread_of(&mut off) / std::f64::consts::SQRT_2
}

/// Standard deviation from absolute distances, which it may reorder: from their median, or from their mean where that is 0 or
/// where too many are far out, as in a task that now and then finds its work cached: those are no stragglers, and to pull
/// them in would leave a noise much smaller than what means of such values have. O(n).
pub(super) fn spread_of(off: &mut [f64]) -> f64 {
    let mean = mean(off);
    match median_in_place(off) {
        Some(middle) if middle > 1e-9 * mean => {
            let far = off.iter().filter(|v| **v > FAR * MAD_TO_SD * middle).count();
            if far as f64 > MOST_FAR * off.len() as f64 { MEAN_AD_TO_SD * mean } else { MAD_TO_SD * middle }
        }
        Some(_) => MEAN_AD_TO_SD * mean,
        None => 0.0,
    }
}

/// Standard deviations from which a value is far out, and the share of stragglers that is usual: of Cauchy's distribution a
/// seventh lies so far out.
const FAR: f64 = 3.0;
const MOST_FAR: f64 = 0.15;

/// Exchanges of the smallest network that brings the median of seven to the middle (Devillard 1998, Fast median search): no
/// branch depends on the values, so that a processor does several windows at a time.
const EXCHANGES: [(usize, usize); 13] =
    [(0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)];

/// Pulls each value in to its running median (7 points, fewer at the ends) ± `reach` (Hampel's filter).
pub(super) fn winsorise_locally(values: &[f64], reach: f64) -> Vec<f64> {
    if !reach.is_finite() {
        return values.to_vec();
    }
    let n = values.len();
    let alone = |i: usize| {
        let half = HALF_WINDOW.min(i).min(n - 1 - i);
        let mut window = [0.0; 2 * HALF_WINDOW + 1];
        let window = &mut window[..=2 * half];
        window.copy_from_slice(&values[i - half..=i + half]);
        window.sort_unstable_by(f64::total_cmp);
        values[i].clamp(window[half] - reach, window[half] + reach)
    };
    let mut all: Vec<f64> = (0..HALF_WINDOW.min(n)).map(alone).collect();
    pulp::Arch::new().dispatch(WholeWindows { values, reach, all: &mut all });
    all.extend((all.len()..n).map(alone));
    all
}

/// Appends the values from the first on that has a whole window, as many as fill registers.
struct WholeWindows<'a> {
    values: &'a [f64],
    reach: f64,
    all: &'a mut Vec<f64>,
}

impl WithSimd for WholeWindows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { values, reach, all } = self;
        let reach = simd.splat_f64s(reach);
        // The windows of as many neighbours as a register holds, side by side.
        for stretch in values.windows(2 * HALF_WINDOW + S::F64_LANES).step_by(S::F64_LANES) {
            let from = |first: usize| pod_read_unaligned(cast_slice(&stretch[first..first + S::F64_LANES]));
            let mut rows: [S::f64s; 2 * HALF_WINDOW + 1] = std::array::from_fn(from);
            for (a, b) in EXCHANGES {
                (rows[a], rows[b]) = (simd.min_f64s(rows[a], rows[b]), simd.max_f64s(rows[a], rows[b]));
            }
            let (low, high) = (simd.sub_f64s(rows[HALF_WINDOW], reach), simd.add_f64s(rows[HALF_WINDOW], reach));
            let pulled = simd.max_f64s(low, simd.min_f64s(high, from(HALF_WINDOW)));
            all.extend_from_slice(cast_slice(&[pulled]));
        }
    }
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
