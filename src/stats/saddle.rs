//! How unlikely a difference of two means is when the noise is skewed: means of a few values have its tails.

use super::location::sort_in_place;
use super::means::dot;

/// Values whose distribution is kept; a longer series is represented by as many of its quantiles.
const KEPT: usize = 128;
/// Newton steps, and where they have arrived, in parts of what is asked for.
const STEPS: usize = 40;
const ARRIVED: f64 = 1e-6;

/// The empirical distribution of noise about 0.
pub(super) struct Shape(Vec<f64>);

/// Cumulant generating function with its first two derivatives.
struct Cumulants {
    value: f64,
    first: f64,
    second: f64,
}

impl Shape {
    /// Of residuals, in any order. O(n log n).
    pub(super) fn new(residuals: &[f64]) -> Self {
        let mut values = residuals.to_vec();
        if values.len() > KEPT {
            sort_in_place(&mut values);
            values = (0..KEPT).map(|i| values[(2 * i + 1) * values.len() / (2 * KEPT)]).collect();
        }
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.iter_mut().for_each(|v| *v -= mean);
        Self(values)
    }

    fn cumulants(&self, t: f64) -> Cumulants {
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for v in &self.0 {
            let e = (t * v).exp();
            sum += e;
            first += e * v;
            second += e * v * v;
        }
        let first = first / sum;
        Cumulants { value: (sum / self.0.len() as f64).ln(), first, second: second / sum - first * first }
    }

    /// Normal deviate that is as unlikely as a difference of at least `shift` between the means of `after` and `before`
    /// independent values; not negative. Infinite where the difference lies beyond what these values can give.
    ///
    /// Saddlepoint approximation of Lugannani & Rice 1980, Advances in Applied Probability 12, 475, in the form of
    /// Barndorff-Nielsen 1986, with the empirical cumulants (Davison & Hinkley 1988, Biometrika 75, 417). O(values · 40) at
    /// most.
    pub(super) fn deviate(&self, shift: f64, before: f64, after: f64) -> f64 {
        let variance = dot(&self.0, &self.0) / self.0.len() as f64;
        let normal = shift / (variance * (1.0 / before + 1.0 / after)).sqrt();
        if !normal.is_finite() || normal.abs() < 1.0 {
            // So near the middle, tails do not matter (and the formula divides nothing by nothing).
            return if normal.is_nan() { f64::INFINITY } else { normal.abs() };
        }
        let both = |t: f64| {
            let (a, b) = (self.cumulants(t / after), self.cumulants(-t / before));
            Cumulants {
                value: after * a.value + before * b.value,
                first: a.first - b.first,
                second: a.second / after + b.second / before,
            }
        };
        let mut t = normal * normal / shift;
        for _ in 0..STEPS {
            let at = both(t);
            if (shift - at.first).abs() <= ARRIVED * shift.abs() {
                let w = (2.0 * (t * shift - at.value)).max(0.0).sqrt();
                let u = (t * at.second.sqrt()).abs();
                let deviate = w + (u / w).ln() / w;
                return if deviate.is_finite() { deviate.max(0.0) } else { normal.abs() };
            }
            // Far out the curve flattens, and a step would lead beyond it.
            let step = (shift - at.first) / at.second;
            t += step.clamp(-t.abs() / 2.0, t.abs());
            if !t.is_finite() {
                break;
            }
        }
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::distributions::{normal_quantile, normal_two_sided};

    /// Exponential noise about 0 as its quantiles.
    fn exponential() -> Shape {
        let n = 4_000;
        Shape((0..n).map(|i| -(1.0 - (f64::from(i) + 0.5) / f64::from(n)).ln() - 1.0).collect())
    }

    #[test]
    fn a_mean_of_exponential_values_has_the_tail_of_the_gamma_distribution() {
        // P(mean of 8 unit exponentials >= x) for shape 8: sum over j < 8 of e^-8x (8x)^j / j!.
        for x in [1.8_f64, 2.2, 2.6] {
            let sum = 8.0 * x;
            let mut term = (-sum).exp();
            let mut tail = term;
            for j in 1..8 {
                term *= sum / f64::from(j);
                tail += term;
            }
            let got = 0.5 * normal_two_sided(exponential().deviate(x - 1.0, 1e9, 8.0));
            assert!((got / tail).ln().abs() < 0.15, "x {x}: {got:e} for {tail:e}");
        }
    }

    #[test]
    fn the_other_side_has_the_shorter_tail_and_symmetric_noise_none_that_matters() {
        let up = exponential().deviate(0.7, 400.0, 8.0);
        let down = exponential().deviate(-0.7, 400.0, 8.0);
        let normal = 0.7 / (1.0_f64 / 8.0 + 1.0 / 400.0).sqrt();
        assert!(up < 0.9 * normal && down > 1.05 * normal, "{up} {down} {normal}");
        let values: Vec<f64> = (0..999).map(|i| normal_quantile((f64::from(i) + 0.5) / 999.0)).collect();
        let deviate = Shape::new(&values).deviate(1.2, 300.0, 12.0);
        let normal = 1.2 / (1.0_f64 / 300.0 + 1.0 / 12.0).sqrt();
        assert!((deviate / normal - 1.0).abs() < 0.03, "{deviate} {normal}");
    }

    #[test]
    fn what_the_values_cannot_give_is_beyond_them() {
        let two = Shape::new(&[-1.0, 1.0, -1.0, 1.0]);
        assert_eq!(two.deviate(9.0, 10.0, 10.0), f64::INFINITY);
        assert_eq!(two.deviate(0.0, 10.0, 10.0), 0.0);
        assert_eq!(Shape::new(&[]).deviate(1.0, 10.0, 10.0), f64::INFINITY);
        assert_eq!(Shape::new(&[0.0; 9]).deviate(1.0, 10.0, 10.0), f64::INFINITY);
    }
}
