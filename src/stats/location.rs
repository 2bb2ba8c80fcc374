//! Where values lie and how far they scatter, in ways that a few wild values cannot move.

use pulp::bytemuck::cast_slice_mut;

/// Factor that turns a median absolute deviation into the standard deviation of normal data, 1/Φ⁻¹(3/4) (no unit).
pub const MAD_TO_SD: f64 = 1.482_602_218_505_602;

/// Factor that turns a mean absolute deviation into the standard deviation of normal data, √(π/2) (no unit).
pub(super) const MEAN_AD_TO_SD: f64 = 1.253_314_137_315_500_3;

/// Quantile of values sorted upwards, linear between order statistics; in the unit of the values.
///
/// Hyndman & Fan 1996, The American Statistician 50(4), definition 7 (default of R and NumPy). O(1). `None` for no
/// values or a `p` outside \[0, 1\].
#[must_use]
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    let h = last as f64 * p;
    let below = h.floor() as usize;
    let (a, b) = (*sorted.get(below)?, *sorted.get((below + 1).min(last))?);
    let part = h - below as f64;
    // Of equal ones no difference is taken: infinite ones have none.
    Some(if part == 0.0 || a == b { a } else { a + part * (b - a) })
}

/// Median of values in any order; in their unit. O(n), one copy. `None` for no values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    median_in_place(&mut values.to_vec())
}

/// Median absolute deviation from the median, scaled to the standard deviation of normal data; in the unit of the
/// values.
///
/// Hampel 1974, JASA 69, 383. Breaks down only when half of the values are wild; 0 when more than half are equal. O(n).
/// `None` for no values.
#[must_use]
pub fn mad(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    let mut off: Vec<f64> = values.iter().map(|v| (v - centre).abs()).collect();
    Some(MAD_TO_SD * median_in_place(&mut off)?)
}

/// The value at which half of the weight lies on either side; in the unit of the values.
///
/// Edgeworth 1888; where a half falls exactly between two values, their mean, so equal weights give [`median`].
/// Pairs whose weight is not above 0 are left out. O(n): a selection that weighs what it leaves aside. `None` if nothing is
/// left or the lengths differ.
#[must_use]
pub fn weighted_median(values: &[f64], weights: &[f64]) -> Option<f64> {
    if values.len() != weights.len() {
        return None;
    }
    let mut pairs: Vec<(f64, f64)> =
        values.iter().copied().zip(weights.iter().copied()).filter(|p| p.1 > 0.0 && p.1.is_finite()).collect();
    weighted_median_in_place(&mut pairs)
}

/// [`weighted_median`] of pairs with weights above 0, which it may reorder.
pub(super) fn weighted_median_in_place(pairs: &mut [(f64, f64)]) -> Option<f64> {
    let half = 0.5 * pairs.iter().map(|p| p.1).sum::<f64>();
    // The slack keeps the tie of equal weights a tie when the weights are no exact binary numbers.
    let is_half = |sum: f64| (sum - half).abs() <= 1e-12 * half;
    let largest = |part: &[(f64, f64)]| part.iter().map(|p| p.0).max_by(f64::total_cmp);
    let smallest = |part: &[(f64, f64)]| part.iter().map(|p| p.0).min_by(f64::total_cmp);
    // What lies aside: its weight below, and the values next to the rest.
    let (mut below, mut under, mut over) = (0.0, None, None);
    let mut rest = pairs;
    while !rest.is_empty() {
        let middle = rest.len() / 2;
        let (left, &mut (value, weight), right) = rest.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0));
        let before = below + left.iter().map(|p| p.1).sum::<f64>();
        let up_to = before + weight;
        if is_half(before) {
            let lower = largest(left).or(under);
            return Some(lower.map_or(value, |lower| 0.5 * (lower + value)));
        } else if before > half {
            (rest, over) = (left, Some(value));
        } else if is_half(up_to) {
            let upper = smallest(right).or(over);
            return Some(upper.map_or(value, |upper| 0.5 * (value + upper)));
        } else if up_to > half {
            return Some(value);
        } else {
            (rest, below, under) = (right, up_to, Some(value));
        }
    }
    // Rounding: the sums of the parts fell short of half.
    under
}

/// Values with the wild ones pulled in to median ± `k` · MAD; order and unit are kept.
///
/// Tukey & McLaughlin 1963, Sankhyā A 25, with fences by scale instead of by rank. Where the MAD is 0 (more than half
/// of the values equal) the scaled mean absolute deviation takes its place, Iglewicz & Hoaglin 1993. O(n).
#[must_use]
pub fn winsorise(values: &[f64], k: f64) -> Vec<f64> {
    let Some(centre) = median(values) else {
        return Vec::new();
    };
    let reach = k * robust_scale_around(values, centre);
    if !reach.is_finite() || reach <= 0.0 {
        return values.to_vec();
    }
    values.iter().map(|v| v.clamp(centre - reach, centre + reach)).collect()
}

/// Hodges-Lehmann shift: the median of all differences `after - before`; in the unit of the values.
///
/// Hodges & Lehmann 1963, Annals of Mathematical Statistics 34, 598. Exact and without the n·m differences in memory:
/// a search over the bit patterns of doubles, O((n + m)(64 + log)). `None` if a side is empty.
#[must_use]
pub fn hodges_lehmann(before: &[f64], after: &[f64]) -> Option<f64> {
    let (mut a, mut b) = (before.to_vec(), after.to_vec());
    a.retain(|v| v.is_finite());
    b.retain(|v| v.is_finite());
    let pairs = a.len().checked_mul(b.len()).filter(|&n| n > 0)?;
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let upper = difference_of_rank(&a, &b, pairs / 2);
    Some(if pairs % 2 == 1 { upper } else { 0.5 * (upper + difference_of_rank(&a, &b, pairs / 2 - 1)) })
}

/// Median that may reorder its input.
pub(super) fn median_in_place(values: &mut [f64]) -> Option<f64> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (low, &mut upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return Some(upper);
    }
    let lower = low.iter().copied().max_by(f64::total_cmp)?;
    Some(0.5 * (lower + upper))
}

/// Sorts upwards, as [`f64::total_cmp`] does: the bits as integers that are in the same order are compared in half the time.
pub(super) fn sort_in_place(values: &mut [f64]) {
    // What is negative counts down: all of its bits but the sign turn. Done twice, nothing has happened.
    let turn = |bits: &mut i64| *bits ^= i64::MAX & (*bits >> 63);
    let bits: &mut [i64] = cast_slice_mut(values);
    bits.iter_mut().for_each(turn);
    bits.sort_unstable();
    bits.iter_mut().for_each(turn);
}

/// [`quantile`] of values in any order, which it may reorder. O(n).
pub(super) fn quantile_in_place(values: &mut [f64], p: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    let h = last as f64 * p;
    let (_, &mut a, above) = values.select_nth_unstable_by(h.floor() as usize, f64::total_cmp);
    let b = above.iter().copied().min_by(f64::total_cmp).unwrap_or(a);
    quantile(&[a, b], h - h.floor())
}

/// MAD around a given centre, or the scaled mean absolute deviation where the MAD is 0.
pub(super) fn robust_scale_around(values: &[f64], centre: f64) -> f64 {
    let mut off: Vec<f64> = values.iter().map(|v| (v - centre).abs()).collect();
    let mean = off.iter().sum::<f64>() / off.len().max(1) as f64;
    match median_in_place(&mut off) {
        Some(m) if m > 1e-9 * mean => MAD_TO_SD * m,
        _ => MEAN_AD_TO_SD * mean,
    }
}

/// The difference b - a of the given rank (0 = smallest); both sides sorted upwards.
fn difference_of_rank(a: &[f64], b: &[f64], rank: usize) -> f64 {
    let (mut low, mut high) = (0_u64, u64::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        if count_up_to(a, b, from_ordered(middle)) > rank { high = middle } else { low = middle + 1 }
    }
    // A zero may come out with its sign bit set; adding 0 makes it the plain one.
    from_ordered(low) + 0.0
}

/// How many differences b - a are at most `x`.
fn count_up_to(a: &[f64], b: &[f64], x: f64) -> usize {
    if x.is_nan() {
        // The bit patterns beyond the infinities: negative ones lie below every number.
        return if x.is_sign_negative() { 0 } else { a.len() * b.len() };
    }
    let mut up_to = 0;
    let mut count = 0;
    for &low in a {
        while up_to < b.len() && b[up_to] - low <= x {
            up_to += 1;
        }
        count += up_to;
    }
    count
}

/// The double at a place in the order of all doubles.
fn from_ordered(place: u64) -> f64 {
    f64::from_bits(if place >> 63 == 1 { place & (u64::MAX >> 1) } else { !place })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const X: [f64; 10] = [3.1, 4.7, 2.2, 9.6, 5.4, 4.1, 3.9, 6.5, 21.0, 4.4];
    const Y: [f64; 7] = [5.2, 7.7, 6.1, 4.9, 8.8, 6.6, 30.0];

    fn close(got: Option<f64>, want: f64) {
        let got = got.expect("enough values");
        assert!((got - want).abs() <= 1e-11 * want.abs().max(1e-3), "{got} instead of {want}");
    }

    #[test]
    fn references_from_scipy() {
        // tests/reference/stats_reference.py, section location
        let mut sorted = X;
        sorted.sort_by(f64::total_cmp);
        close(quantile(&sorted, 0.1), 3.01);
        close(quantile(&sorted, 0.9), 10.74);
        assert_eq!(quantile(&[1.0, f64::INFINITY, f64::INFINITY], 0.9), Some(f64::INFINITY));
        close(median(&X), 4.55);
        close(mad(&X), 1.70499255128);
        close(hodges_lehmann(&X, &Y), 2.15);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[1.0], 1.5), None);
        assert_eq!(median(&[]), None);
        assert_eq!(mad(&[]), None);
        assert_eq!(weighted_median(&[1.0], &[0.0]), None);
        assert_eq!(weighted_median(&[1.0], &[]), None);
        assert!(winsorise(&[], 3.0).is_empty());
        assert_eq!(hodges_lehmann(&[], &[1.0]), None);
        assert_eq!(winsorise(&[2.0, f64::NAN], 3.0).len(), 2);
    }

    #[test]
    fn winsorising_pulls_in_only_the_wild() {
        let w = winsorise(&X, 3.0);
        assert_eq!(w[0], X[0]);
        assert!((w[8] - 9.66497765384).abs() < 1e-9);
        assert_eq!(winsorise(&[1.0, 1.0, 1.0, 1.0, 2.0], 3.0)[0], 1.0);
    }

    proptest! {
        #[test]
        fn bits_sort_as_values(values in prop::collection::vec(prop::num::f64::ANY, 0..60)) {
            let (mut sorted, mut want) = (values.clone(), values);
            sort_in_place(&mut sorted);
            want.sort_unstable_by(f64::total_cmp);
            let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&sorted), bits(&want));
        }

        #[test]
        fn weighted_medians_are_those_of_a_sum_over_sorted_values(
            pairs in prop::collection::vec((-4..4_i32, 1..4_i32), 1..40),
        ) {
            let (values, weights): (Vec<f64>, Vec<f64>) =
                pairs.iter().map(|(v, w)| (f64::from(*v), f64::from(*w))).unzip();
            // Each value as often as its weight says: whole weights make it a plain median.
            let many: Vec<f64> = pairs.iter().flat_map(|(v, w)| vec![f64::from(*v); *w as usize]).collect();
            prop_assert_eq!(weighted_median(&values, &weights), median(&many));
        }

        #[test]
        fn medians_move_with_the_values(
            v in prop::collection::vec(-1e3..1e3f64, 1..40),
            shift in -1e3..1e3f64,
            scale in 0.1..10.0f64,
        ) {
            let moved: Vec<f64> = v.iter().map(|x| scale * x + shift).collect();
            let (m, s) = (median(&v).expect("not empty"), mad(&v).expect("not empty"));
            prop_assert!((median(&moved).expect("not empty") - (scale * m + shift)).abs() < 1e-9);
            prop_assert!((mad(&moved).expect("not empty") - scale * s).abs() < 1e-9);
            prop_assert!((weighted_median(&v, &vec![0.3; v.len()]).expect("not empty") - m).abs() < 1e-12);
        }

        #[test]
        fn quantiles_do_not_need_an_order(values in prop::collection::vec(-9.0..9.0_f64, 1..40), p in 0.0..=1.0_f64) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let (got, want) = (quantile_in_place(&mut values.clone(), p), quantile(&sorted, p));
            prop_assert!((got.expect("values") - want.expect("values")).abs() < 1e-12);
        }

        #[test]
        fn shift_is_the_median_of_all_differences(
            a in prop::collection::vec(-9.0..9.0f64, 1..12),
            b in prop::collection::vec(-9.0..9.0f64, 1..12),
        ) {
            let all: Vec<f64> = b.iter().flat_map(|y| a.iter().map(move |x| y - x)).collect();
            prop_assert!((hodges_lehmann(&a, &b).expect("not empty") - median(&all).expect("not empty")).abs() < 1e-12);
        }
    }
}
