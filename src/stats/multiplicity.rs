//! Many tests at once: from p-values to the share of false findings among those reported.

/// q-values: the smallest false discovery rate at which each test would be reported; same order as the input, no unit.
///
/// Benjamini & Hochberg 1995, JRSS B 57, 289. Right for independent tests and those with positive regression
/// dependence. NaN counts as 1. O(m log m).
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    step_up(p_values, 1.0)
}

/// q-values that hold under any dependence between the tests; same order as the input, no unit.
///
/// Benjamini & Yekutieli 2001, Annals of Statistics 29, 1165: the above times 1 + 1/2 + ... + 1/m. NaN counts as 1.
/// O(m log m).
#[must_use]
pub fn benjamini_yekutieli(p_values: &[f64]) -> Vec<f64> {
    step_up(p_values, (1..=p_values.len()).map(|i| 1.0 / i as f64).sum())
}

fn step_up(p_values: &[f64], factor: f64) -> Vec<f64> {
    let p: Vec<f64> = p_values.iter().map(|p| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }).collect();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut q = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (rank, &i) in order.iter().enumerate().rev() {
        // In this order, because the factor of the largest p-value is then exactly 1 and no q falls below its p.
        least = least.min(factor * p[i] * (p.len() as f64 / (rank + 1) as f64));
        q[i] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const P: [f64; 6] = [0.01, 0.04, 0.03, 0.005, 0.8, 0.2];

    #[test]
    fn references_from_scipy() {
        // tests/reference/stats_reference.py, section multiplicity
        let bh = [0.03, 0.06, 0.06, 0.03, 0.8, 0.24];
        let by = [0.0735, 0.147, 0.147, 0.0735, 1.0, 0.588];
        for (got, want) in benjamini_hochberg(&P).iter().zip(bh).chain(benjamini_yekutieli(&P).iter().zip(by)) {
            assert!((got - want).abs() < 1e-12, "{got} instead of {want}");
        }
        assert!(benjamini_hochberg(&[]).is_empty());
        assert_eq!(benjamini_hochberg(&[f64::NAN]), [1.0]);
    }

    proptest! {
        #[test]
        fn order_of_tests_does_not_matter(p in prop::collection::vec(0.0..1.0f64, 1..30)) {
            let q = benjamini_hochberg(&p);
            let mut reversed: Vec<f64> = benjamini_hochberg(&p.iter().rev().copied().collect::<Vec<_>>());
            reversed.reverse();
            prop_assert_eq!(&q, &reversed);
            for ((q, y), p) in q.iter().zip(benjamini_yekutieli(&p)).zip(&p) {
                prop_assert!(q >= p && y >= *q && y <= 1.0);
            }
        }
    }
}
