//! The one type that carries uncertainty.

use std::borrow::Cow;

/// A number with its interval. What leaves an analysis is one of these, never a bare mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Best guess.
    pub point: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
    /// Probability with which such intervals hold the truth, such as 0.95.
    pub level: f64,
    /// Observations it rests on.
    pub n: usize,
    /// How it was computed, in a few words.
    pub method: Cow<'static, str>,
}

impl Estimate {
    /// With ends `factor` times as far from the point; on the scale of logarithms for a ratio.
    #[must_use]
    pub fn widened(self, factor: f64, is_ratio: bool) -> Self {
        let end = |end: f64| match is_ratio && end > 0.0 && self.point > 0.0 {
            true => self.point * (end / self.point).powf(factor),
            false => self.point + factor * (end - self.point),
        };
        Self { lower: end(self.lower), upper: end(self.upper), ..self }
    }

    /// Applies a monotone function to point and ends (swapping the ends where it decreases).
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        let (a, b) = (f(self.lower), f(self.upper));
        Self { point: f(self.point), lower: a.min(b), upper: a.max(b), ..self.clone() }
    }

    /// Does the interval hold `value`?
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }
}
