//! E-divisive, the classic of performance regression detection: energy distance between the two sides of a place.

use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

/// Points a side, at least.
const MIN_SIDE: usize = 3;

/// First points of new regimes, ascending: where both sides differ most in energy distance, if fewer than a share `alpha`
/// of shuffles give a larger one, then within each side again.
///
/// Matteson & James 2014, JASA 109, 334, exponent 1; as in the tools of MongoDB (Daly et al. 2020) and Hunter. Assumes
/// independent values: autocorrelation and creep are taken for changes (8 to 15 a labelled series, where people see 2),
/// which is why [`detect_steps`](super::detect_steps) exists. Finds changes of spread and shape as well as of level.
/// O(shuffles · n²) a cut. Empty for values that are not finite.
#[must_use]
pub fn e_divisive(values: &[f64], alpha: f64, shuffles: usize, seed: u64) -> Vec<usize> {
    let mut changes = Vec::new();
    if values.iter().all(|v| v.is_finite()) {
        cut(values, 0, alpha, shuffles, seed, &mut changes);
    }
    changes.sort_unstable();
    changes
}

fn cut(values: &[f64], offset: usize, alpha: f64, shuffles: usize, seed: u64, changes: &mut Vec<usize>) {
    let Some((place, seen)) = clearest(values).filter(|(_, seen)| *seen > 0.0) else { return };
    let mut shuffled = values.to_vec();
    let mut rng = Pcg64::new(u128::from(seed), (offset as u128) << 64 | values.len() as u128);
    let mut larger = 0;
    for _ in 0..shuffles {
        shuffled.shuffle(&mut rng);
        larger += usize::from(clearest(&shuffled).is_some_and(|(_, chance)| chance >= seen));
        // No shuffle that is left could change the verdict.
        if (larger + 1) as f64 > alpha * (shuffles + 1) as f64 {
            return;
        }
    }
    changes.push(offset + place);
    let (left, right) = values.split_at(place);
    cut(left, offset, alpha, shuffles, seed, changes);
    cut(right, offset + place, alpha, shuffles, seed, changes);
}

/// The place whose sides are farthest apart, and how far: n m/(n + m) times twice the mean distance across minus the mean
/// distances within.
fn clearest(values: &[f64]) -> Option<(usize, f64)> {
    let n = values.len();
    if n < 2 * MIN_SIDE {
        return None;
    }
    let distance = |from: usize, to: usize, v: f64| values[from..to].iter().map(|w| (w - v).abs()).sum::<f64>();
    let (mut left, mut right, mut across) = (0.0, 0.0, 0.0);
    for (i, v) in values.iter().enumerate() {
        right += distance(i + 1, n, *v);
    }
    let mut best: Option<(usize, f64)> = None;
    for place in 1..=n - MIN_SIDE {
        // One value goes from the right side to the left.
        let moved = values[place - 1];
        let (to_left, to_right) = (distance(0, place - 1, moved), distance(place, n, moved));
        left += to_left;
        right -= to_right;
        across += to_right - to_left;
        if place < MIN_SIDE {
            continue;
        }
        let (a, b) = (place as f64, (n - place) as f64);
        let pairs = |k: f64| k * (k - 1.0) / 2.0;
        let apart = 2.0 * across / (a * b) - left / pairs(a) - right / pairs(b);
        let score = apart * a * b / (a + b);
        if best.is_none_or(|(_, s)| score > s) {
            best = Some((place, score));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};

    #[test]
    fn the_score_is_that_of_the_definition() {
        let y = series(2, 24, Noise::Ar(0.0));
        let mean = |a: &[f64], b: &[f64], pairs: f64| {
            a.iter().flat_map(|x| b.iter().map(move |z| (x - z).abs())).sum::<f64>() / pairs
        };
        let by_definition = |place: usize| {
            let (l, r) = y.split_at(place);
            let (a, b) = (l.len() as f64, r.len() as f64);
            let apart = 2.0 * mean(l, r, a * b) - mean(l, l, a * (a - 1.0)) - mean(r, r, b * (b - 1.0));
            apart * a * b / (a + b)
        };
        let (place, score) = clearest(&y).expect("24 values");
        let best = (3..=21).max_by(|a, b| by_definition(*a).total_cmp(&by_definition(*b))).expect("places");
        assert_eq!(place, best);
        assert!((score - by_definition(best)).abs() < 1e-9);
    }

    #[test]
    fn steps_are_found_and_noise_mostly_is_not() {
        let mut y = series(1, 90, Noise::Ar(0.0));
        y.iter_mut().skip(30).for_each(|v| *v += 4.0);
        y.iter_mut().skip(60).for_each(|v| *v -= 6.0);
        let found = e_divisive(&y, 0.05, 99, 1);
        assert!(found.len() == 2 && found[0].abs_diff(30) <= 1 && found[1].abs_diff(60) <= 1, "{found:?}");
        let alarms = (0..60).filter(|s| !e_divisive(&series(*s, 40, Noise::Ar(0.0)), 0.05, 99, *s).is_empty()).count();
        assert!(alarms <= 9, "{alarms} of 60");
        assert!(e_divisive(&[1.0, f64::NAN], 0.05, 9, 1).is_empty());
        assert!(e_divisive(&[1.0; 30], 0.05, 9, 1).is_empty());
    }
}
