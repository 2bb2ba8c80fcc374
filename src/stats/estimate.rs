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
