//! New series like a given one: its autocorrelation and the shape of its noise, another draw of chance.

use super::autocorrelation::ar1_residual;
use super::draw::Draw;

/// What is drawn from.
#[derive(Clone, Debug)]
pub struct Sieve {
    phi: f64,
    /// Innovations around 0 whose variance is that of the series times 1 - φ².
    innovations: Vec<f64>,
    /// Of the kernel that smooths them.
    bandwidth: f64,
    mean: f64,
}

impl Sieve {
    /// Fits an AR(1) to values in order of time. O(n). `None` under 3 values or where one is not finite.
    ///
    /// Sieve bootstrap (Bühlmann 1997, Bernoulli 3, 123), smoothed by a normal kernel and scaled back to the variance of
    /// the values (Silverman & Young 1987, Biometrika 74, 469): of 5 values a plain resample is too often 5 equal ones.
    #[must_use]
    pub fn fit(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        if values.len() < 3 || values.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let phi = ar1_residual(values);
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let mut innovations: Vec<f64> =
            values.windows(2).map(|w| (w[1] - mean) - phi * (w[0] - mean)).chain([values[0] - mean]).collect();
        let off = innovations.iter().sum::<f64>() / n;
        innovations.iter_mut().for_each(|e| *e -= off);
        // Silverman's rule for a normal density.
        let relative = 1.06 * n.powf(-0.2);
        let own = innovations.iter().map(|e| e * e).sum::<f64>() / n;
        let wanted = variance * (1.0 - phi * phi);
        let scale = if own > 0.0 { (wanted / (own * (1.0 + relative * relative))).sqrt() } else { 0.0 };
        innovations.iter_mut().for_each(|e| *e *= scale);
        Some(Self { phi, innovations, bandwidth: relative * own.sqrt() * scale, mean })
    }

    /// `n` values in order of time, their deviations from the mean multiplied by `scale`. O(n).
    pub fn draw(&self, n: usize, scale: f64, draw: &mut Draw) -> Vec<f64> {
        let mut innovation = || {
            let at = draw.below(self.innovations.len() as u64) as usize;
            self.innovations[at] + self.bandwidth * draw.normal()
        };
        let mut state = innovation() / (1.0 - self.phi * self.phi).sqrt();
        (0..n)
            .map(|_| {
                let now = state;
                state = self.phi * state + innovation();
                self.mean + scale * now
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulation::{Noise, series};
    use super::*;

    #[test]
    fn it_is_like_what_it_was_fitted_to() {
        for phi in [0.0, 0.5] {
            let sieve = Sieve::fit(&series(3, 2000, Noise::Ar(phi))).expect("enough");
            let drawn = sieve.draw(40_000, 1.0, &mut Draw::new(1));
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let sd = (drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / drawn.len() as f64).sqrt();
            assert!((mean - sieve.mean).abs() < 0.06 && (sd - 1.0).abs() < 0.06, "{mean} {sd}");
            assert!((ar1_residual(&drawn) - phi).abs() < 0.05);
        }
    }

    #[test]
    fn a_few_values_are_never_repeated_and_constants_stay() {
        let drawn = Sieve::fit(&[1.0, 2.0, 4.0]).expect("3").draw(50, 1.0, &mut Draw::new(1));
        assert!(drawn.windows(2).all(|w| w[0] != w[1]));
        assert_eq!(Sieve::fit(&[2.0; 4]).expect("4").draw(3, 1.0, &mut Draw::new(1)), [2.0; 3]);
        assert!(Sieve::fit(&[1.0, 2.0]).is_none() && Sieve::fit(&[1.0, f64::NAN, 2.0]).is_none());
    }
}
