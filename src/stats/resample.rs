//! Intervals by resampling, for statistics that have no formula. Seeded: the same numbers whatever the thread count.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use super::distributions::{normal_cdf, normal_quantile};
use super::draw::mix;
use super::estimate::Estimate;
use super::location::quantile_in_place;
use super::places::{self, Places};

/// Moving-block bootstrap with percentile ends, for values in order of time; in the unit of the statistic.
///
/// Künsch 1989, Annals of Statistics 17, 1217: blocks of `block` neighbours keep short memory alive. Covers well only
/// from about 100 values on (`research/detection.md`, section 4); prefer [`ratio`](super::ratio) where it applies.
/// Resamples for which the statistic is not finite are left out. O(resamples · n). `None` under 2 values, for no
/// resamples, or a statistic that is not finite on the values themselves.
#[must_use]
pub fn moving_block_bootstrap(
    values: &[f64],
    statistic: impl Fn(&[f64]) -> f64 + Sync,
    block: usize,
    resamples: usize,
    seed: u64,
    level: f64,
) -> Option<Estimate> {
    let point = point(values, &statistic, level)?;
    let mut drawn = distribution(values, &statistic, block, resamples, seed);
    let (low, high) = (0.5 - 0.5 * level, 0.5 + 0.5 * level);
    let (lower, upper) = (quantile_in_place(&mut drawn, low)?, quantile_in_place(&mut drawn, high)?);
    let method = "moving-block bootstrap, percentile".into();
    Some(Estimate { point, lower: lower.min(point), upper: upper.max(point), level, n: values.len(), method })
}

/// Bias-corrected and accelerated bootstrap of independent values; in the unit of the statistic.
///
/// Efron 1987, JASA 82, 171, acceleration from the jackknife. Ignores autocorrelation: at 0.6 it covers 60 to 80 %.
/// O((resamples + n) · n). `None` as in [`moving_block_bootstrap`].
#[must_use]
pub fn bca(
    values: &[f64],
    statistic: impl Fn(&[f64]) -> f64 + Sync,
    resamples: usize,
    seed: u64,
    level: f64,
) -> Option<Estimate> {
    let point = point(values, &statistic, level)?;
    let mut drawn = distribution(values, &statistic, 1, resamples, seed);
    let below = drawn
        .iter()
        .map(|&v| {
            if v < point {
                1.0
            } else if v == point {
                0.5
            } else {
                0.0
            }
        })
        .sum::<f64>();
    let draws = drawn.len() as f64;
    // Half a draw from the ends, so that the correction stays finite.
    let bias = normal_quantile((below / draws).clamp(0.5 / draws, 1.0 - 0.5 / draws));
    let acceleration = acceleration(values, &statistic);
    let mut end = |p: f64| {
        let z = bias + normal_quantile(p);
        quantile_in_place(&mut drawn, normal_cdf(bias + z / (1.0 - acceleration * z)).clamp(0.0, 1.0))
    };
    let (lower, upper) = (end(0.5 - 0.5 * level)?, end(0.5 + 0.5 * level)?);
    Some(Estimate { point, lower, upper, level, n: values.len(), method: "bootstrap, BCa".into() })
}

fn point(values: &[f64], statistic: &impl Fn(&[f64]) -> f64, level: f64) -> Option<f64> {
    if values.len() < 2 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    Some(statistic(values)).filter(|p| p.is_finite())
}

/// Statistic of each resample.
fn distribution(
    values: &[f64],
    statistic: &(impl Fn(&[f64]) -> f64 + Sync),
    block: usize,
    resamples: usize,
    seed: u64,
) -> Vec<f64> {
    match block {
        0 | 1 if values.len() <= places::MOST => singles(values, statistic, resamples, seed),
        _ => blocks(values, statistic, block.clamp(1, values.len()), resamples, seed),
    }
}

/// Resamples that share a stream: setting one up takes as long as drawing some of them.
const A_STREAM: usize = 64;

/// Values drawn one by one. Every few resamples have a stream of their own, so that threads cannot change the result.
fn singles(values: &[f64], statistic: &(impl Fn(&[f64]) -> f64 + Sync), resamples: usize, seed: u64) -> Vec<f64> {
    // As long as a place can be large, so that no place needs to be checked.
    let mut table = vec![0.0; 1 << 16];
    table[..values.len()].copy_from_slice(values);
    let Ok(table) = <Box<[f64; 1 << 16]>>::try_from(table.into_boxed_slice()) else { return Vec::new() };
    let some = |buffer: &mut Vec<f64>, stream: usize| -> Vec<f64> {
        let Some(mut places) = Places::new(values.len(), mix(seed) ^ stream as u64) else { return Vec::new() };
        let from = stream * A_STREAM;
        let one = |_| {
            places.draw(&table, buffer);
            statistic(buffer)
        };
        (from..resamples.min(from + A_STREAM)).map(one).filter(|v| v.is_finite()).collect()
    };
    let streams = (0..resamples.div_ceil(A_STREAM)).into_par_iter();
    let drawn: Vec<Vec<f64>> = streams.map_init(|| vec![0.0; values.len()], some).collect();
    drawn.concat()
}

/// Blocks of neighbours. Every resample has a stream of its own.
fn blocks(
    values: &[f64],
    statistic: &(impl Fn(&[f64]) -> f64 + Sync),
    block: usize,
    resamples: usize,
    seed: u64,
) -> Vec<f64> {
    let n = values.len();
    let one = |buffer: &mut Vec<f64>, stream: usize| {
        let mut rng = Pcg64Mcg::new(mixed(seed, stream as u64));
        for piece in buffer.chunks_mut(block) {
            let start = rng.random_range(0..=n - block);
            piece.copy_from_slice(&values[start..start + piece.len()]);
        }
        statistic(buffer)
    };
    (0..resamples).into_par_iter().map_init(|| vec![0.0; n], one).filter(|v| v.is_finite()).collect()
}

/// A state for each stream of a seed.
fn mixed(seed: u64, stream: u64) -> u128 {
    let high = mix(mix(seed) ^ stream);
    u128::from(high) << 64 | u128::from(mix(high))
}

/// A sixth of the skewness of the jackknife influence values.
fn acceleration(values: &[f64], statistic: &(impl Fn(&[f64]) -> f64 + Sync)) -> f64 {
    let without = |i: usize| statistic(&[&values[..i], &values[i + 1..]].concat());
    let left: Vec<f64> = (0..values.len()).into_par_iter().map(without).collect();
    let mean = left.iter().sum::<f64>() / left.len() as f64;
    let (mut squares, mut cubes) = (0.0, 0.0);
    for off in left.iter().map(|v| mean - v) {
        squares += off * off;
        cubes += off * off * off;
    }
    let a = cubes / (6.0 * squares.powf(1.5));
    if a.is_finite() { a } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};

    fn mean(v: &[f64]) -> f64 {
        v.iter().sum::<f64>() / v.len() as f64
    }

    #[test]
    fn the_same_on_one_thread_and_on_three() {
        let y = series(1, 80, Noise::Ar(0.3));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| (moving_block_bootstrap(&y, mean, 8, 400, 7, 0.9), bca(&y, mean, 400, 7, 0.9)))
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn bca_is_near_that_of_scipy() {
        // tests/reference/stats_reference.py, section resample; two generators differ by sampling error.
        let x = [3.1, 4.7, 2.2, 9.6, 5.4, 4.1, 3.9, 6.5, 21.0, 4.4];
        let got = bca(&x, mean, 20_000, 5, 0.95).expect("10 values");
        assert!((got.lower / 4.37 - 1.0).abs() < 0.02 && (got.upper / 12.079 - 1.0).abs() < 0.03, "{got:?}");
    }

    #[test]
    fn coverage_under_memory() {
        let covered = (0..150)
            .filter(|&s| {
                let y = series(s, 200, Noise::Ar(0.4));
                moving_block_bootstrap(&y, mean, 12, 300, s, 0.95).is_some_and(|e| e.contains(0.0))
            })
            .count();
        assert!(covered >= 130, "{covered} of 150");
    }

    #[test]
    fn useless_input_gives_nothing() {
        assert_eq!(bca(&[1.0], mean, 100, 1, 0.9), None);
        assert_eq!(moving_block_bootstrap(&[1.0, 2.0], mean, 1, 0, 1, 0.9), None);
        assert_eq!(moving_block_bootstrap(&[1.0, 2.0], |_| f64::NAN, 1, 10, 1, 0.9), None);
        assert!(bca(&[2.0; 9], mean, 50, 1, 0.9).is_some());
    }
}
