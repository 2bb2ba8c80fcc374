//! Does one sample tend to be larger than another? By ranks, and by shuffling.

use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::distributions::normal_two_sided;

/// Smaller side up to which the distribution is counted out instead of approximated, where no values are tied.
const EXACT_UP_TO: usize = 8;

/// Two-sided p-value of the Mann-Whitney U test; no unit.
///
/// Mann & Whitney 1947, Annals of Mathematical Statistics 18, 50. Exact by counting where a side has at most 8 values and
/// none are tied (their recurrence), else normal with the correction for ties and for continuity (Lehmann 1975,
/// Nonparametrics). Assumes independent values: at an autocorrelation of 0.6 it rejects far too often, so prefer
/// [`p_value_of_difference`](super::p_value_of_difference) for runs. O((n + m) log(n + m)). `None` for an empty side or
/// values that are not finite.
#[must_use]
pub fn mann_whitney_p(before: &[f64], after: &[f64]) -> Option<f64> {
    let (n, m) = (before.len(), after.len());
    if n == 0 || m == 0 || before.iter().chain(after).any(|v| !v.is_finite()) {
        return None;
    }
    let mut all: Vec<(f64, bool)> =
        before.iter().map(|v| (*v, false)).chain(after.iter().map(|v| (*v, true))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut ties, mut below) = (0.0, 0.0, 0.0);
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        let size = tied.len() as f64;
        let own = tied.iter().filter(|v| v.1).count() as f64;
        rank_sum += own * (below + 0.5 * (size + 1.0));
        ties += size * size * size - size;
        below += size;
    }
    let (size_n, size_m) = (n as f64, m as f64);
    let u = rank_sum - 0.5 * size_m * (size_m + 1.0);
    if ties == 0.0 && n.min(m) <= EXACT_UP_TO {
        return Some(exact(n, m, u.min(size_n * size_m - u) as usize));
    }
    let total = size_n + size_m;
    let variance = size_n * size_m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    if variance <= 0.0 {
        return Some(1.0);
    }
    Some(normal_two_sided(((u - 0.5 * size_n * size_m).abs() - 0.5).max(0.0) / variance.sqrt()))
}

/// Twice the probability of a U of at most `u`, at most 1.
fn exact(n: usize, m: usize, u: usize) -> f64 {
    // ways[k][w]: how many sets of k of the first ranks have an excess of w over the least rank sum.
    let most = n * m;
    let mut ways = vec![vec![0.0; most + 1]; m + 1];
    ways[0][0] = 1.0;
    for rank in 0..n + m {
        for k in (1..=m.min(rank + 1)).rev() {
            let excess = rank + 1 - k;
            for w in (excess..=most).rev() {
                let more = ways[k - 1][w - excess];
                ways[k][w] += more;
            }
        }
    }
    let all: f64 = ways[m].iter().sum();
    let tail: f64 = ways[m].iter().take(u + 1).sum();
    (2.0 * tail / all).min(1.0)
}

/// Two-sided p-value of no difference in a statistic, by giving the values to the sides at random; no unit.
///
/// Fisher 1935, The Design of Experiments; the share of shuffles at least as far from zero as the truth, which counts as
/// one of them, so that it is never 0 (Phipson & Smyth 2010). `statistic` is that of after minus that of before. Seeded:
/// the same whatever the thread count. Assumes exchangeable values, so no autocorrelation. O(shuffles · (n + m)). `None`
/// for an empty side or a difference that is not finite.
#[must_use]
pub fn permutation_p(
    before: &[f64],
    after: &[f64],
    statistic: impl Fn(&[f64]) -> f64 + Sync,
    shuffles: usize,
    seed: u64,
) -> Option<f64> {
    let gap = |before: &[f64], after: &[f64]| (statistic(after) - statistic(before)).abs();
    let seen = gap(before, after);
    if before.is_empty() || after.is_empty() || !seen.is_finite() {
        return None;
    }
    let pooled = [before, after].concat();
    let one = |buffer: &mut Vec<f64>, stream: usize| {
        let mut rng = Pcg64::new(u128::from(seed), stream as u128);
        buffer.clear();
        buffer.extend_from_slice(&pooled);
        buffer.shuffle(&mut rng);
        // Equal but for the order of a sum counts as equal.
        gap(&buffer[..before.len()], &buffer[before.len()..]) >= seen * (1.0 - 1e-12)
    };
    let as_far =
        (0..shuffles).into_par_iter().map_init(|| Vec::with_capacity(pooled.len()), one).filter(|f| *f).count();
    Some((as_far + 1) as f64 / (shuffles + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};

    const X: [f64; 10] = [3.1, 4.7, 2.2, 9.6, 5.4, 4.1, 3.9, 6.5, 21.0, 4.4];
    const Y: [f64; 7] = [5.2, 7.7, 6.1, 4.9, 8.8, 6.6, 30.0];

    fn mean(v: &[f64]) -> f64 {
        v.iter().sum::<f64>() / v.len() as f64
    }

    #[test]
    fn references_from_scipy() {
        // tests/reference/stats_reference.py, section rank_test
        let exact = mann_whitney_p(&X, &Y).expect("values");
        assert!((exact - EXACT).abs() < 1e-12, "{exact}");
        let tied = mann_whitney_p(
            &[1.0, 2.0, 2.0, 3.0, 5.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            &[2.0, 3.0, 8.0, 9.0, 9.0, 11.0, 12.0, 13.0, 9.0],
        );
        assert!((tied.expect("values") - TIED).abs() < 1e-9, "{tied:?}");
        assert_eq!(mann_whitney_p(&[1.0; 20], &[1.0; 20]), Some(1.0));
        assert_eq!(mann_whitney_p(&[], &[1.0]), None);
    }

    const EXACT: f64 = 0.08782394076511724;
    const TIED: f64 = 0.026339836064643227;

    #[test]
    fn shuffling_is_seeded_and_holds_its_level() {
        let p = permutation_p(&X, &Y, mean, 999, 3).expect("values");
        assert_eq!(permutation_p(&X, &Y, mean, 999, 3), Some(p));
        let rejected = (0..200)
            .filter(|&s| {
                let (a, b) = (series(s, 15, Noise::Ar(0.0)), series(s + 900, 12, Noise::Ar(0.0)));
                permutation_p(&a, &b, mean, 199, s).expect("values") <= 0.05
            })
            .count();
        assert!((2..=20).contains(&rejected), "{rejected} of 200");
        assert_eq!(permutation_p(&[], &Y, mean, 9, 1), None);
    }
}
