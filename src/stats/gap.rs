//! The gap between two means as something that can be asked: how likely beyond an edge, how many more to see a given gap.

use super::distributions::{normal_quantile, t_reach, t_two_sided};
use super::sample::{Sample, moments_of_two};

/// A mean with what a test of it needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Mean, in the unit of the values.
    pub mean: f64,
    /// Variance of the mean.
    pub variance: f64,
    /// Degrees of freedom of that variance.
    pub df: f64,
    /// Values behind it.
    pub n: usize,
}

/// One mean minus another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// After minus before, in the unit of the values.
    pub point: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Degrees of freedom of that (Welch 1947, Biometrika 34, 28).
    pub df: f64,
    /// Harmonic mean of the numbers of values of both sides: what one side counts for.
    pub n: f64,
}

impl Level {
    /// Of `n` independent values of which mean and standard deviation alone are known. `None` under 2 values.
    #[must_use]
    pub fn of_summary(mean: f64, sd: f64, n: usize) -> Option<Self> {
        let usable = n >= 2 && mean.is_finite() && sd.is_finite() && sd >= 0.0;
        usable.then(|| Self { mean, variance: sd * sd / n as f64, df: (n - 1) as f64, n })
    }

    /// On the scale of logarithms, by the delta method (Cramér 1946, section 28.4). `None` unless the mean is above 0.
    #[must_use]
    pub fn ln(self) -> Option<Self> {
        let relative = self.variance / (self.mean * self.mean);
        (self.mean > 0.0).then(|| Self { mean: self.mean.ln(), variance: relative, ..self })
    }
}

/// Levels of values in order of time on both sides, with one autocorrelation and stragglers pulled in: what
/// [`mean_difference`](super::mean_difference) rests on. O(n). `None` as there.
#[must_use]
pub fn levels(before: &[f64], after: &[f64]) -> Option<(Level, Level)> {
    let (before, after) = (Sample::new(before, None)?, Sample::new(after, None)?);
    let (a, b) = moments_of_two(&before, &after)?;
    let level = |m: super::sample::Moments, n| Level { mean: m.mean, variance: m.variance, df: m.df, n };
    Some((level(a, before.n), level(b, after.n)))
}

impl Gap {
    /// Between two levels.
    #[must_use]
    pub fn between(before: &Level, after: &Level) -> Self {
        let (a, b) = (before.variance, after.variance);
        let df = (a + b).powi(2) / (a * a / before.df + b * b / after.df);
        Self {
            point: after.mean - before.mean,
            standard_error: (a + b).sqrt(),
            df: if df.is_finite() { df } else { before.df.min(after.df) },
            n: 2.0 / (1.0 / before.n.max(1) as f64 + 1.0 / after.n.max(1) as f64),
        }
    }

    /// Ends of the two-sided interval at `level` in (0, 1). `None` for any other.
    #[must_use]
    pub fn interval(&self, level: f64) -> Option<(f64, f64)> {
        let reach = t_reach(level, self.df)? * self.standard_error;
        Some((self.point - reach, self.point + reach))
    }

    /// One-sided p-value of the gap being at most `edge`.
    #[must_use]
    pub fn p_at_most(&self, edge: f64) -> f64 {
        let over = self.point - edge;
        if self.standard_error <= 0.0 {
            return if over > 0.0 { 0.0 } else { 1.0 };
        }
        let half = 0.5 * t_two_sided(over / self.standard_error, self.df);
        if over > 0.0 { half } else { 1.0 - half }
    }

    /// Is a gap that is `distance` past an edge seen to be past it with probability `power`, at the one-sided level
    /// `alpha`? By the usual sum of two quantiles (Cohen 1988, Statistical Power Analysis, chapter 2).
    #[must_use]
    pub fn sees(&self, distance: f64, alpha: f64, power: f64) -> bool {
        reach(self.df, alpha, power) * self.standard_error <= distance
    }

    /// Values a side with which [`Gap::sees`] holds, were they like these. The standard error of a small pilot may be
    /// too small by chance: its upper 80 % limit is planned with (Browne 1995, Statistics in Medicine 14, 1933), of
    /// which the chi-square quantile is that of Wilson & Hilferty 1931. `None` beyond a billion.
    #[must_use]
    pub fn needed(&self, distance: f64, alpha: f64, power: f64) -> Option<usize> {
        if distance.is_nan() || distance <= 0.0 || !self.standard_error.is_finite() {
            return None;
        }
        let (z, d) = (normal_quantile(0.2), 2.0 / (9.0 * self.df));
        let low = (1.0 - d + z * d.sqrt()).powi(3).max(0.01);
        let error = self.standard_error / low.sqrt();
        let mut factor: f64 = 1.0;
        // The degrees of freedom grow with n, which is what is looked for: a few rounds settle it.
        for _ in 0..20 {
            let next = (reach((self.df * factor).max(1.0), alpha, power) * error / distance).powi(2).max(1e-6);
            if (next / factor - 1.0).abs() < 1e-3 {
                break;
            }
            factor = next;
        }
        let n = (self.n * factor).ceil();
        (n < MOST).then(|| (n as usize).max(2))
    }
}

/// More values than anyone will measure.
const MOST: f64 = 1e9;

/// Standard errors that a gap must be past an edge.
fn reach(df: f64, alpha: f64, power: f64) -> f64 {
    let one_sided = |p: f64| t_reach(1.0 - 2.0 * p, df).unwrap_or(f64::INFINITY);
    one_sided(alpha) + one_sided(1.0 - power)
}

#[cfg(test)]
mod tests {
    use super::super::mean_difference;
    use super::super::simulation::{Noise, series};
    use super::*;

    fn gap(before: &[f64], after: &[f64]) -> Gap {
        let (a, b) = levels(before, after).expect("enough");
        Gap::between(&a, &b)
    }

    #[test]
    fn the_interval_is_that_of_the_difference() {
        let (a, b) = (series(1, 30, Noise::Ar(0.3)), series(2, 12, Noise::Heavy));
        let want = mean_difference(&a, &b, 0.95).expect("enough");
        let (lower, upper) = gap(&a, &b).interval(0.95).expect("a level");
        assert!((lower - want.lower).abs() < 1e-12 && (upper - want.upper).abs() < 1e-12);
    }

    #[test]
    fn an_end_of_the_interval_has_the_p_value_of_its_tail() {
        let gap = gap(&series(3, 20, Noise::Ar(0.0)), &series(4, 20, Noise::Ar(0.0)));
        let (lower, upper) = gap.interval(0.95).expect("a level");
        assert!((gap.p_at_most(lower) - 0.025).abs() < 1e-9 && (gap.p_at_most(upper) - 0.975).abs() < 1e-9);
    }

    #[test]
    fn constants() {
        let gap = gap(&[1.0; 8], &[2.0; 8]);
        assert_eq!((gap.p_at_most(0.5), gap.p_at_most(1.0), gap.p_at_most(3.0)), (0.0, 1.0, 1.0));
    }

    #[test]
    fn by_hand() {
        // Two summaries of sd 1 and n 50: standard error 0.2, df 98; t .975 is 1.98447, t .9 is 1.29025.
        let level = |mean| Level::of_summary(mean, 1.0, 50).expect("two and more");
        let gap = Gap::between(&level(10.0), &level(10.0));
        assert!((gap.standard_error - 0.2).abs() < 1e-12 && (gap.df - 98.0).abs() < 1e-9 && gap.n == 50.0);
        assert!(gap.sees(0.2 * 3.2748, 0.025, 0.9) && !gap.sees(0.2 * 3.2746, 0.025, 0.9));
    }

    #[test]
    fn with_what_it_asks_for_it_sees() {
        // A pilot of 12, then as many as it asks for: nine in ten steps of 2 past an edge of 1 must be seen.
        let (mut seen, rounds) = (0, 300);
        for seed in 0..rounds {
            let (a, b) = (series(seed, 12, Noise::Ar(0.3)), series(seed + 1000, 12, Noise::Ar(0.3)));
            let n = gap(&a, &b).needed(1.0, 0.025, 0.9).expect("a number");
            let (a, b) = (series(seed + 2000, n, Noise::Ar(0.3)), series(seed + 3000, n, Noise::Ar(0.3)));
            let b: Vec<f64> = b.iter().map(|v| v + 2.0).collect();
            seen += usize::from(gap(&a, &b).p_at_most(1.0) <= 0.025);
        }
        assert!(seen as f64 >= 0.9 * rounds as f64, "{seen} of {rounds}");
    }
}
