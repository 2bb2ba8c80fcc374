//! Before against after: how much a level moved, with intervals that stay honest under stragglers and autocorrelation.
//!
//! One construction throughout: pull stragglers in to median ± 3 robust standard deviations, average, and use Student's
//! t with the effective number of independent observations. Welch 1947, Biometrika 34, 28 (unequal variances); Yuen
//! 1974, Biometrika 61, 165 (winsorised t). `tests` measure its coverage.

use super::distributions::{t_reach, t_two_sided};
use super::estimate::Estimate;
use super::sample::{Moments, Sample, moments_of_two, pooled_phi};

/// Winsorised mean with an interval; in the unit of the values, which come in order of time. O(n).
///
/// `None` under 3 finite values or for a level outside (0, 1).
#[must_use]
pub fn location(values: &[f64], level: f64) -> Option<Estimate> {
    one_sided(values, None, level, "winsorised mean, t with AR(1) effective n")
}

/// [`location`] of values whose variances differ: `weights` are inverse variances, known up to a common factor.
///
/// Residuals are standardised by their weights before stragglers are pulled in; the interval rests on Kish's effective
/// sample size times the share that autocorrelation leaves. `None` as there, or if the lengths differ.
#[must_use]
pub fn weighted_location(values: &[f64], weights: &[f64], level: f64) -> Option<Estimate> {
    one_sided(values, Some(weights), level, "weighted winsorised mean, t with AR(1) effective n")
}

/// Mean of `after` minus mean of `before`, both winsorised; in the unit of the values, each side in order of time.
/// O(n).
///
/// Welch's t with AR(1) effective sizes. A side of fewer than 5 observations takes at least the variance of the other
/// side, which assumes that the noise did not shrink. `None` if a side is empty or both hold fewer than 4 together.
#[must_use]
pub fn mean_difference(before: &[f64], after: &[f64], level: f64) -> Option<Estimate> {
    difference((before, None), (after, None), level, "Welch t on winsorised values, AR(1) effective n")
}

/// [`mean_difference`] of values with known relative precision; `weights` as in [`weighted_location`].
#[must_use]
pub fn weighted_difference(
    before: &[f64],
    before_weights: &[f64],
    after: &[f64],
    after_weights: &[f64],
    level: f64,
) -> Option<Estimate> {
    let (b, a) = ((before, Some(before_weights)), (after, Some(after_weights)));
    difference(b, a, level, "Welch t on weighted winsorised values, AR(1) effective n")
}

/// After divided by before, from the difference of mean logs: the ratio of geometric means, no unit. O(n).
///
/// For lognormal durations this is also the ratio of medians. `None` if any value is not above 0, and as in
/// [`mean_difference`].
#[must_use]
pub fn ratio(before: &[f64], after: &[f64], level: f64) -> Option<Estimate> {
    let (b, a) = (logs(before)?, logs(after)?);
    let found = difference((&b, None), (&a, None), level, "Welch t on winsorised logs, AR(1) effective n")?;
    Some(found.map(f64::exp))
}

/// Two-sided p-value of no difference, from the statistic of [`mean_difference`]; no unit. O(n).
///
/// `None` as there. 1 where both sides are constant and equal, 0 where they are constant and differ.
#[must_use]
pub fn p_value_of_difference(before: &[f64], after: &[f64]) -> Option<f64> {
    let (a, b) = moments_of_two(&Sample::new(before, None)?, &Sample::new(after, None)?)?;
    let gap = b.mean - a.mean;
    if gap == 0.0 {
        return Some(1.0);
    }
    Some(t_two_sided(gap / (a.variance + b.variance).sqrt(), welch_df(a, b, 1.0)))
}

/// Winsorised mean of `after` divided by that of `before`, for values that may scatter around zero; no unit. O(n).
///
/// Fieller 1954, JRSS B 16, 175. Both means are taken to have the same sign. Where `before` cannot be told from zero
/// the upper end is infinite, and the lower end is minus infinite if `after` cannot be told from zero either. `None` as
/// in [`mean_difference`], or for a denominator of exactly 0.
#[must_use]
pub fn ratio_of_locations(before: &[f64], after: &[f64], level: f64) -> Option<Estimate> {
    fieller((before, None), (after, None), level, "ratio of winsorised means, Fieller, AR(1) effective n")
}

/// [`ratio_of_locations`] of values with known relative precision; weights as in [`weighted_location`].
#[must_use]
pub fn weighted_ratio_of_locations(
    before: &[f64],
    before_weights: &[f64],
    after: &[f64],
    after_weights: &[f64],
    level: f64,
) -> Option<Estimate> {
    let (b, a) = ((before, Some(before_weights)), (after, Some(after_weights)));
    fieller(b, a, level, "ratio of weighted winsorised means, Fieller, AR(1) effective n")
}

type Side<'a> = (&'a [f64], Option<&'a [f64]>);

fn one_sided(values: &[f64], weights: Option<&[f64]>, level: f64, method: &'static str) -> Option<Estimate> {
    let sample = Sample::new(values, weights).filter(|s| s.n >= 3)?;
    let m = sample.moments(pooled_phi(&[&sample]));
    let reach = t_reach(level, m.df)? * m.variance.sqrt();
    let (lower, upper) = (m.mean - reach, m.mean + reach);
    Some(Estimate { point: m.mean, lower, upper, level, n: sample.n, method: method.into() })
}

fn difference(before: Side<'_>, after: Side<'_>, level: f64, method: &'static str) -> Option<Estimate> {
    let (before, after) = (Sample::new(before.0, before.1)?, Sample::new(after.0, after.1)?);
    let (a, b) = moments_of_two(&before, &after)?;
    let point = b.mean - a.mean;
    let reach = t_reach(level, welch_df(a, b, 1.0))? * (a.variance + b.variance).sqrt();
    let n = before.n + after.n;
    Some(Estimate { point, lower: point - reach, upper: point + reach, level, n, method: method.into() })
}

fn fieller(before: Side<'_>, after: Side<'_>, level: f64, method: &'static str) -> Option<Estimate> {
    let (before, after) = (Sample::new(before.0, before.1)?, Sample::new(after.0, after.1)?);
    let (a, b) = moments_of_two(&before, &after)?;
    if a.mean == 0.0 {
        return None;
    }
    let point = b.mean / a.mean;
    let t2 = t_reach(level, welch_df(a, b, point))?.powi(2);
    // The ratios r with (b - r a)² <= t² (var b + r² var a): A r² - 2 B r + C <= 0.
    let (qa, qb, qc) = (a.mean * a.mean - t2 * a.variance, a.mean * b.mean, b.mean * b.mean - t2 * b.variance);
    let root = (qb * qb - qa * qc).max(0.0).sqrt();
    let (point, lower, upper) = if qa > 0.0 {
        (point, (qb - root) / qa, (qb + root) / qa)
    } else if qc > 0.0 {
        // Two open ends, of which the means' common sign leaves the positive one: C / (B + root) is its stable form.
        let lower = qc / (qb.abs() + root).max(f64::MIN_POSITIVE);
        (if point > 0.0 { point } else { f64::INFINITY }, lower, f64::INFINITY)
    } else {
        (point, f64::NEG_INFINITY, f64::INFINITY)
    };
    Some(Estimate { point, lower, upper, level, n: before.n + after.n, method: method.into() })
}

/// Welch-Satterthwaite degrees of freedom of `after - r · before`.
fn welch_df(before: Moments, after: Moments, r: f64) -> f64 {
    let (a, b) = (r * r * before.variance, after.variance);
    let df = (a + b).powi(2) / (a * a / before.df + b * b / after.df);
    if df.is_finite() { df } else { before.df.min(after.df) }
}

fn logs(values: &[f64]) -> Option<Vec<f64>> {
    values.iter().map(|&v| (v > 0.0 && v.is_finite()).then(|| v.ln())).collect()
}
