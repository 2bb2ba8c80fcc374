//! Exact segmentation by whole distributions, for values with heavy tails and for changes of shape.

/// Change points that minimise the empirical distributions' cost plus `penalty` per change: ED-PELT.
///
/// Haynes, Fearnhead & Eckley 2017, Statistics and Computing 27, 1293: the likelihood of Zou et al. 2014 at K = ⌈4 ln n⌉
/// quantiles, which lie closer together in the tails, with PELT's pruning. Ranks alone count, so no straggler and no scale
/// matters. A penalty of 4 ln n suits independent values; autocorrelated ones are cut too often, and creep into stairs.
/// O(n ln n) with many changes, O(n² ln n) without any; memory O(n ln n). First indices of the new regimes, ascending.
/// Empty for fewer points than two segments, values that are not finite, or a penalty that is no number.
#[must_use]
pub fn ed_pelt(values: &[f64], penalty: f64, min_segment: usize) -> Vec<usize> {
    let (n, least) = (values.len(), min_segment.max(1));
    if n < 2 * least || penalty.is_nan() || values.iter().any(|v| !v.is_finite()) {
        return Vec::new();
    }
    let cost = Ranks::new(values);
    let mut best = vec![f64::INFINITY; n + 1];
    let mut last = vec![0_usize; n + 1];
    best[0] = -penalty;
    // Starts with the end from which on they cannot be best any more.
    let mut open: Vec<(usize, usize)> = vec![(0, usize::MAX)];
    for end in least..=n {
        if end >= 2 * least {
            open.push((end - least, usize::MAX));
        }
        open.retain(|(_, dead_from)| *dead_from > end);
        let mut totals = Vec::with_capacity(open.len());
        for &(start, _) in &open {
            let total = best[start] + cost.of(start, end) + penalty;
            totals.push(total);
            if total < best[end] {
                (best[end], last[end]) = (total, start);
            }
        }
        // Splitting at `end` is at least as good as going on, for every later end that leaves it a full segment.
        for ((_, dead_from), total) in open.iter_mut().zip(&totals) {
            if total - penalty >= best[end] {
                *dead_from = (*dead_from).min(end + least);
            }
        }
    }
    let mut changes = Vec::new();
    let mut end = n;
    while last[end] > 0 {
        end = last[end];
        changes.push(end);
    }
    changes.reverse();
    changes
}

/// How many values before each place lie below each quantile, ties half.
struct Ranks {
    /// By quantile, then by place.
    below: Vec<Vec<f64>>,
    scale: f64,
}

impl Ranks {
    fn new(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quantiles = (4.0 * n.ln()).ceil().max(1.0);
        let tail = -(2.0 * n - 1.0).ln();
        let below = (1..=quantiles as usize)
            .map(|k| {
                let p = 1.0 / (1.0 + (2.0 * n - 1.0) * (tail / quantiles * (2.0 * k as f64 - 1.0)).exp());
                let at = sorted[((n - 1.0) * p) as usize];
                let mut sum = 0.0;
                let side = |v: &f64| {
                    if *v < at {
                        1.0
                    } else if *v == at {
                        0.5
                    } else {
                        0.0
                    }
                };
                std::iter::once(0.0)
                    .chain(values.iter().map(|v| {
                        sum += side(v);
                        sum
                    }))
                    .collect()
            })
            .collect();
        Self { below, scale: -2.0 * tail / quantiles }
    }

    /// Twice the negative log-likelihood of from..to.
    fn of(&self, from: usize, to: usize) -> f64 {
        let n = (to - from) as f64;
        let part = |p: f64| if p > 0.0 { p * p.ln() } else { 0.0 };
        let sum: f64 = self
            .below
            .iter()
            .map(|below| {
                let share = (below[to] - below[from]) / n;
                part(share) + part(1.0 - share)
            })
            .sum();
        -self.scale * n * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};
    use proptest::prelude::*;

    fn optimum(cost: &Ranks, n: usize, penalty: f64, least: usize) -> f64 {
        let mut best = vec![f64::INFINITY; n + 1];
        best[0] = -penalty;
        for end in least..=n {
            for start in 0..=end - least {
                best[end] = best[end].min(best[start] + cost.of(start, end) + penalty);
            }
        }
        best[n]
    }

    #[test]
    fn steps_are_found_among_stragglers() {
        let mut y = series(7, 240, Noise::Heavy);
        y.iter_mut().skip(120).for_each(|v| *v += 2.0);
        let found = ed_pelt(&y, 4.0 * 240_f64.ln(), 5);
        assert!(found.len() == 1 && found[0].abs_diff(120) <= 6, "{found:?}");
        let quiet = |seed: &u64| ed_pelt(&series(*seed, 200, Noise::Heavy), 4.0 * 200_f64.ln(), 5).is_empty();
        let alarms = 80 - (0..80).filter(quiet).count();
        assert!(alarms <= 8, "{alarms} of 80");
        assert!(ed_pelt(&[1.0; 40], 9.0, 5).is_empty() && ed_pelt(&[], 1.0, 1).is_empty());
    }

    proptest! {
        #[test]
        fn as_good_as_the_oracle(
            values in prop::collection::vec(-4i32..5, 4..50),
            penalty in 1.0..20.0f64,
            least in 1usize..5,
        ) {
            let values: Vec<f64> = values.iter().scan(0.0, |level, v| {
                if v.abs() == 4 { *level += f64::from(*v); }
                Some(*level + f64::from(*v) * 0.1)
            }).collect();
            prop_assume!(values.len() >= 2 * least);
            let changes = ed_pelt(&values, penalty, least);
            let ends: Vec<usize> = [0].into_iter().chain(changes.iter().copied()).chain([values.len()]).collect();
            prop_assert!(ends.windows(2).all(|w| w[1] - w[0] >= least));
            let cost = Ranks::new(&values);
            let got: f64 = ends.windows(2).map(|w| cost.of(w[0], w[1]) + penalty).sum::<f64>() - penalty;
            let want = optimum(&cost, values.len(), penalty, least);
            prop_assert!((got - want).abs() < 1e-7 * (1.0 + want.abs()), "{} instead of {}", got, want);
        }

        #[test]
        fn ranks_alone_count(values in prop::collection::vec(-3.0..3.0f64, 10..60)) {
            let bent: Vec<f64> = values.iter().map(|v| v.exp()).collect();
            prop_assert_eq!(ed_pelt(&values, 8.0, 3), ed_pelt(&bent, 8.0, 3));
        }
    }
}
