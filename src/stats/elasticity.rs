//! How much longer something takes for more of what it handles: log on log, from how both go up and down together.

use super::{Estimate, MAD_TO_SD, median};

/// Pairs of neighbours without which nothing is said.
const MIN_PAIRS: usize = 20;
/// Differences of the volume beyond this many standard deviations are jumps.
const JUMP: f64 = 5.0;
/// Differences of the volume that must carry what is known of its effect: with fewer, one coincidence tells.
const MIN_INFORMATIVE: f64 = 10.0;
/// Residuals beyond this many standard deviations are pulled in (Huber 1964): the pair across a step is one of them.
const HUBER: f64 = 1.5;
/// Rounds of reweighting.
const ROUNDS: usize = 30;
/// Standard errors of the normal distribution to either side of a 95 % interval.
const NORMAL_95: f64 = 1.959_964;

/// Relative change of `values` for a relative change of `volumes`, both given as logarithms, in order of time; no unit.
///
/// Regression of the differences between neighbours through the origin, Huber's weights, variance after Hansen & Hodrick 1980,
/// Journal of Political Economy 88, 829, with one lag, as differences of neighbours share a value. A step of the level is one difference
/// among many, and creep is hardly any, so that neither is taken for the volume's doing. O(n). `None` under 20 pairs, for
/// lengths that differ, values that are not finite, or volumes of which fewer than ten differences count.
#[must_use]
pub fn elasticity(values: &[f64], volumes: &[f64]) -> Option<Estimate> {
    let usable = |v: &[f64]| v.iter().all(|v| v.is_finite());
    if values.len() != volumes.len() || values.len() <= MIN_PAIRS || !usable(values) || !usable(volumes) {
        return None;
    }
    let differences = |of: &[f64]| of.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<f64>>();
    let (y, x) = (differences(values), differences(volumes));
    // A jump of the volume may have come with anything else, and lies beyond what is usual.
    let usual = JUMP * MAD_TO_SD * median(&x.iter().map(|x| x.abs()).collect::<Vec<_>>())?;
    let (y, x): (Vec<f64>, Vec<f64>) = y.into_iter().zip(x).filter(|(_, x)| x.abs() <= usual).unzip();
    if x.len() < MIN_PAIRS {
        return None;
    }
    let squares: f64 = x.iter().map(|x| x * x).sum();
    let fourths: f64 = x.iter().map(|x| x.powi(4)).sum();
    // A few large changes of the volume could have come with anything else (Kish 1965: their number, weighed).
    if squares <= 0.0 || squares * squares < MIN_INFORMATIVE * fourths {
        return None;
    }
    let mut slope = x.iter().zip(&y).map(|(x, y)| x * y).sum::<f64>() / squares;
    let mut reach = f64::INFINITY;
    for _ in 0..ROUNDS {
        let off: Vec<f64> = x.iter().zip(&y).map(|(x, y)| (y - slope * x).abs()).collect();
        reach = HUBER * (MAD_TO_SD * median(&off)?).max(f64::MIN_POSITIVE);
        let weight = |off: f64| if off > reach { reach / off } else { 1.0 };
        let (mut over, mut under) = (0.0, 0.0);
        for ((x, y), off) in x.iter().zip(&y).zip(&off) {
            over += weight(*off) * x * y;
            under += weight(*off) * x * x;
        }
        let next = over / under;
        let arrived = (next - slope).abs() <= 1e-9;
        slope = next;
        if arrived {
            break;
        }
    }
    let pulled = |(x, y): (&f64, &f64)| (y - slope * x).clamp(-reach, reach);
    let inside = |(x, y): (&f64, &f64)| if (y - slope * x).abs() <= reach { x * x } else { 0.0 };
    let scores: Vec<f64> = x.iter().zip(&y).map(|pair| pair.0 * pulled(pair)).collect();
    let own: f64 = scores.iter().map(|s| s * s).sum();
    let shared: f64 = scores.windows(2).map(|pair| pair[0] * pair[1]).sum();
    // Nothing is left beyond the lag that differences share, so that it counts in full; a sum that falls far below its first
    // part does so by chance.
    let seen = (own + 2.0 * shared).max(0.5 * own) * y.len() as f64 / (y.len() - 2) as f64;
    let variance = seen / x.iter().zip(&y).map(inside).sum::<f64>().powi(2);
    let half = NORMAL_95 * variance.sqrt();
    let estimate = Estimate {
        point: slope,
        lower: slope - half,
        upper: slope + half,
        level: 0.95,
        n: values.len(),
        method: "Huber regression of differences of logs, Hansen-Hodrick variance".into(),
    };
    (slope.is_finite() && half.is_finite()).then_some(estimate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};

    /// Volumes that scatter by a tenth, and values with `slope`, noise of a tenth and a step halfway.
    fn both(seed: u64, slope: f64, step: f64) -> (Vec<f64>, Vec<f64>) {
        let volumes: Vec<f64> = series(seed, 120, Noise::Ar(0.3)).iter().map(|v| 9.0 + 0.1 * v).collect();
        let noise = series(seed + 1_000, 120, Noise::Ar(0.3));
        let value = |i: usize| slope * volumes[i] + 0.1 * noise[i] + if i < 60 { 0.0 } else { step };
        ((0..120).map(value).collect(), volumes)
    }

    #[test]
    fn intervals_hold_the_slope_as_often_as_they_say_beside_a_step() {
        let held = (0..400).filter(|seed| {
            let (values, volumes) = both(*seed, 0.8, 0.5);
            elasticity(&values, &volumes).is_some_and(|e| e.contains(0.8))
        });
        let held = held.count();
        assert!((360..=396).contains(&held), "{held} of 400");
    }

    #[test]
    fn a_step_of_both_at_once_does_not_hide_the_slope_of_the_rest() {
        let (mut values, mut volumes) = both(7, 0.0, 0.0);
        for i in 60..120 {
            values[i] += 1.0;
            volumes[i] += 0.5;
        }
        let found = elasticity(&values, &volumes).expect("enough");
        assert!(found.point < 0.5, "{found:?}");
    }

    #[test]
    fn few_changes_of_the_volume_tell_nothing() {
        let value: Vec<f64> = series(3, 70, Noise::Ar(0.0)).iter().map(|v| 4.0 + 0.05 * v).collect();
        for changes in [&[62][..], &[20, 50], &[9, 10], &[10, 25, 40, 55]] {
            let volume = |i: usize| changes.iter().filter(|at| i >= **at).count() as f64 * 0.4;
            let both: Vec<f64> = value.iter().enumerate().map(|(i, v)| v + volume(i)).collect();
            assert_eq!(elasticity(&both, &(0..70).map(volume).collect::<Vec<_>>()), None, "{changes:?}");
        }
    }

    #[test]
    fn nothing_to_say() {
        assert_eq!(elasticity(&[1.0; 40], &[2.0; 40]), None);
        assert_eq!(elasticity(&[1.0; 10], &[2.0; 10]), None);
        assert_eq!(elasticity(&[1.0; 40], &[2.0; 39]), None);
        assert_eq!(elasticity(&[f64::NAN; 40], &[2.0; 40]), None);
    }
}
