//! Where the failure rate of a task changed.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::distributions::scan_p_value;

/// A change of a failure rate.
#[derive(Clone, Debug, PartialEq)]
pub struct RateChange {
    /// First trial of the new regime, best guess.
    pub index: usize,
    /// Earliest trial that may be the first of the new regime, at about 95 %.
    pub index_low: usize,
    /// Latest trial that may be the first of the new regime, at about 95 %.
    pub index_high: usize,
    /// p-value of no change anywhere, corrected for having searched all places.
    pub p_value: f64,
}

/// The split that divides the trials best, whether or not it is significant: look at `p_value`.
///
/// Likelihood-ratio scan for a Bernoulli rate with at least 5 trials a side (Hinkley & Hinkley 1970, Biometrika 57,
/// 477); the p-value from up to 1999 seeded permutations, stopped early once 20 beat the data (Besag & Clifford 1991,
/// Biometrika 78, 301). Where none beats it, the tail formula of the maximal likelihood ratio refines it below 1/2000.
/// Permutation takes trials as exchangeable: an outage that fails many runs in a row looks like a change. The places
/// whose log likelihood ratio lies within 3.7 of the best form the interval (half the 7.35 of `locate`). O(1999 · n)
/// where there is a change, O(20 to 100 · n) where not. `None` under 10 trials or if all have the same outcome.
#[must_use]
pub fn detect_rate_change(outcomes: &[bool]) -> Option<RateChange> {
    let n = outcomes.len();
    let failures = outcomes.iter().filter(|&&o| o).count();
    if n < 2 * MARGIN || failures == 0 || failures == n {
        return None;
    }
    // m ln m for all counts, because it is asked for a million times.
    let table: Vec<f64> = (0..=n).map(|m| if m == 0 { 0.0 } else { m as f64 * (m as f64).ln() }).collect();
    let (index, best) = scan(outcomes, failures, &table);
    let fits: Vec<usize> =
        gains(outcomes, failures, &table).filter(|&(_, gain)| gain >= best - CUT).map(|(place, _)| place).collect();
    Some(RateChange {
        index,
        index_low: fits.first().copied().unwrap_or(index),
        index_high: fits.last().copied().unwrap_or(index),
        p_value: p_value(outcomes, failures, &table, best),
    })
}

/// Fewest trials on a side.
const MARGIN: usize = 5;
/// Permutations at most, and the number of better ones at which they stop.
const PERMUTATIONS: usize = 1999;
const ENOUGH: usize = 20;
/// Log likelihood ratio that a place may lose against the best.
const CUT: f64 = 3.675;

/// Log likelihood ratio of each split.
fn gains<'a>(outcomes: &'a [bool], failures: usize, table: &'a [f64]) -> impl Iterator<Item = (usize, f64)> + 'a {
    let n = outcomes.len();
    let side = |k: usize, m: usize| table[k] + table[m - k] - table[m];
    let base = side(failures, n);
    let mut before = 0;
    outcomes
        .iter()
        .enumerate()
        .map(move |(i, &failed)| {
            before += usize::from(failed);
            (i + 1, side(before, i + 1) + side(failures - before, n - i - 1) - base)
        })
        .filter(move |&(place, _)| place >= MARGIN && place + MARGIN <= n)
}

fn scan(outcomes: &[bool], failures: usize, table: &[f64]) -> (usize, f64) {
    gains(outcomes, failures, table).fold((MARGIN, f64::NEG_INFINITY), |best, g| if g.1 > best.1 { g } else { best })
}

fn p_value(outcomes: &[bool], failures: usize, table: &[f64], best: f64) -> f64 {
    let mut rng = Pcg64::seed_from_u64(0x5EED);
    let mut shuffled = outcomes.to_vec();
    let (mut better, mut done) = (0, 0);
    while done < PERMUTATIONS && better < ENOUGH {
        shuffled.shuffle(&mut rng);
        better += usize::from(scan(&shuffled, failures, table).1 >= best - 1e-9);
        done += 1;
    }
    if better == ENOUGH {
        return better as f64 / done as f64;
    }
    let permuted = (better + 1) as f64 / (done + 1) as f64;
    if better > 0 { permuted } else { permuted.min(scan_p_value((2.0 * best).sqrt(), outcomes.len(), MARGIN)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::generator;
    use rand::RngExt;

    fn trials(seed: u64, n: usize, change: usize, before: f64, after: f64) -> Vec<bool> {
        let mut rng = generator(seed);
        (0..n).map(|i| rng.random::<f64>() < if i < change { before } else { after }).collect()
    }

    #[test]
    fn level_is_held() {
        let found = (0..300)
            .filter_map(|s| detect_rate_change(&trials(s, 120, 0, 0.1, 0.1)))
            .filter(|c| c.p_value <= 0.05)
            .count();
        assert!(found <= 24, "{found} of 300 at 5 %");
    }

    #[test]
    fn changes_are_found_and_placed() {
        let (mut found, mut covered) = (0, 0);
        for s in 0..60 {
            let c = detect_rate_change(&trials(s, 120, 70, 0.03, 0.45)).expect("both outcomes");
            found += usize::from(c.p_value < 0.001);
            covered += usize::from(c.index_low <= 70 && 70 <= c.index_high);
        }
        assert!(found >= 57 && covered >= 56, "found {found}, covered {covered} of 60");
    }

    #[test]
    fn useless_input_gives_nothing() {
        assert_eq!(detect_rate_change(&[]), None);
        assert_eq!(detect_rate_change(&[true; 30]), None);
    }
}
