//! Straight lines through values whose precision differs from point to point: creep, as against steps.

use super::distributions::{normal_two_sided, t_reach, z_from_t};
use super::split::{HUBER, MIN_DISPERSION, MIN_POINTS, huber_loss, weights};
use super::{Estimate, Uneven, mad, median, own_spread, weighted_median};

/// Does a straight line over time describe the series better than steps at `places` do? Compares robust losses with the
/// Bayesian information criterion (Schwarz 1978): a line has two parameters, k steps have 2 k + 1.
#[must_use]
pub fn line_beats_steps(time: &[f64], series: Uneven<'_>, places: &[usize]) -> bool {
    let n = series.len();
    if time.len() != n || n < MIN_POINTS {
        return false;
    }
    let mut level = vec![0.0; n];
    let edges: Vec<usize> = std::iter::once(0).chain(places.iter().copied()).chain([n]).collect();
    for edge in edges.windows(2) {
        let Some(middle) = median(&series.value[edge[0]..edge[1]]) else { return false };
        level[edge[0]..edge[1]].fill(middle);
    }
    let weight = weights(series, own_spread(series, &level));
    let Some(line) = fit_line(time, series.value, &weight) else { return false };
    let loss = |fit: &dyn Fn(usize) -> f64| -> f64 {
        (0..n).map(|i| huber_loss((series.value[i] - fit(i)) * weight[i].sqrt())).sum()
    };
    let residuals: Vec<f64> = (0..n).map(|i| (series.value[i] - level[i]) * weight[i].sqrt()).collect();
    let dispersion = mad(&residuals).unwrap_or(1.0).max(MIN_DISPERSION).powi(2);
    let price = (n as f64).ln();
    let steps = loss(&|i| level[i]) / dispersion + (2 * places.len() + 1) as f64 * price;
    let straight = loss(&|i| line.0 + line.1 * time[i]) / dispersion + 2.0 * price;
    straight < steps
}

/// Slope of a straight line through values of known precision, with its interval; in the unit of the values per unit of
/// `time`. Huber's regression, sandwich variance (Huber 1967).
#[must_use]
pub fn uneven_slope(time: &[f64], series: Uneven<'_>, level: f64) -> Option<Estimate> {
    let (slope, se, df) = slope_of(time, series)?;
    let half = t_reach(level, df)? * se;
    Some(Estimate {
        point: slope,
        lower: slope - half,
        upper: slope + half,
        level,
        n: series.len(),
        method: "Huber regression, sandwich variance".into(),
    })
}

/// Two-sided p-value of no slope, from the statistic of [`uneven_slope`].
#[must_use]
pub fn uneven_slope_p_value(time: &[f64], series: Uneven<'_>) -> Option<f64> {
    let (slope, se, df) = slope_of(time, series)?;
    Some(normal_two_sided(z_from_t(slope.abs() / se, df)))
}

/// Slope, standard error, degrees of freedom.
fn slope_of(time: &[f64], series: Uneven<'_>) -> Option<(f64, f64, f64)> {
    let n = series.len();
    if time.len() != n || n < MIN_POINTS {
        return None;
    }
    let rough = fit_line(time, series.value, &weights(series, own_spread(series, &vec![median(series.value)?; n])))?;
    let level: Vec<f64> = time.iter().map(|t| rough.0 + rough.1 * t).collect();
    let weight = weights(series, own_spread(series, &level));
    let line = fit_line(time, series.value, &weight)?;
    let residual = |i: usize| series.value[i] - line.0 - line.1 * time[i];
    let pulled = |i: usize| weight[i] * (HUBER / (residual(i).abs() * weight[i].sqrt()).max(1e-12)).min(1.0);
    let total: f64 = (0..n).map(pulled).sum();
    let centre = (0..n).map(|i| pulled(i) * time[i]).sum::<f64>() / total;
    let spread: f64 = (0..n).map(|i| pulled(i) * (time[i] - centre).powi(2)).sum();
    let seen: f64 = (0..n).map(|i| (pulled(i) * (time[i] - centre) * residual(i)).powi(2)).sum();
    let df = (n as f64 - 2.0).max(1.0);
    let variance = (seen / spread.powi(2) * n as f64 / df).max(MIN_DISPERSION.powi(2) / spread);
    (variance.is_finite() && variance > 0.0).then(|| (line.1, variance.sqrt(), df))
}

/// Intercept and slope by Huber's weights.
fn fit_line(time: &[f64], value: &[f64], weight: &[f64]) -> Option<(f64, f64)> {
    let mut line = (weighted_median(value, weight)?, 0.0);
    for _ in 0..20 {
        let (mut s, mut st, mut sv, mut stt, mut stv) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for ((t, v), w) in time.iter().zip(value).zip(weight) {
            let u = ((v - line.0 - line.1 * t).abs() * w.sqrt()).max(1e-12);
            let h = w * (HUBER / u).min(1.0);
            s += h;
            st += h * t;
            sv += h * v;
            stt += h * t * t;
            stv += h * t * v;
        }
        let determinant = s * stt - st * st;
        if determinant.abs() < 1e-12 * (s * stt).abs().max(f64::MIN_POSITIVE) {
            return None;
        }
        let slope = (s * stv - st * sv) / determinant;
        line = ((sv - slope * st) / s, slope);
    }
    line.1.is_finite().then_some(line)
}
