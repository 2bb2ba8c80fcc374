//! The next value of a series of positive numbers, with an interval that follows drift.
//!
//! The point is a mean of several simple forecasts, each weighed by how small its relative errors have lately been: medians of the last
//! few, and exponential smoothings of the logarithm (Holt 1957) at four paces. The interval is made of the logarithms of past errors, of
//! that very procedure, one step ahead (split conformal prediction: Vovk, Gammerman & Shafer 2005; Lei et al., JASA 113, 2018), and
//! its tails are moved so that lately as many values lay outside as should (adaptive conformal inference: Gibbs & Candès, NeurIPS
//! 2021): it holds its level in the long run whatever the series does.
//!
//! Costs: O(window) a value. Limits: values of zero and below are left out; below [`MIN_ERRORS`] errors there is no interval.

use super::{Estimate, quantile, student_quantile};

/// Values that are looked back on.
const WINDOW: usize = 120;
/// Errors without which no interval is given.
const MIN_ERRORS: usize = 8;
/// What an error weighs when the next one comes, in choosing among forecasts.
const MEMORY: f64 = 0.9;
/// A forecast that is a tenth worse than the best weighs less by the exponential of a tenth of this.
const SHARPNESS: f64 = 15.0;
/// Paces of smoothing.
const PACES: [f64; 4] = [0.08, 0.2, 0.4, 0.7];
/// Lengths of medians.
const LENGTHS: [usize; 4] = [3, 5, 9, 21];
/// How fast tails move after a value outside (Gibbs & Candès use 0.005 to 0.05).
const STEP: f64 = 0.02;
/// Half of this share of the values lies outside the interval on each side, when it is of the usual level.
const OUTSIDE: f64 = 0.05;
/// What a logarithm and its exponential may lose: a series that never changes lies inside its interval.
const ROUNDING: f64 = 1e-9;

/// Forecasts of one series; values come one by one.
#[derive(Clone, Debug)]
pub struct Forecaster {
    /// Share outside on each side that is wanted, and what is aimed at for it now.
    wanted: f64,
    aimed: (f64, f64),
    /// Logarithms of the last values, oldest first.
    logs: Vec<f64>,
    smoothed: [f64; PACES.len()],
    /// Weighted sums of relative errors of each forecast.
    errors: [f64; PACES.len() + LENGTHS.len()],
    /// Logarithms of value over forecast.
    residuals: Vec<f64>,
    seen: usize,
}

impl Default for Forecaster {
    /// With intervals of 95 %.
    fn default() -> Self {
        Self::with_level(1.0 - OUTSIDE)
    }
}

impl Forecaster {
    /// Intervals of that level, above 0 and below 1.
    #[must_use]
    pub fn with_level(level: f64) -> Self {
        let wanted = ((1.0 - level) / 2.0).clamp(1e-6, 0.5);
        Self {
            wanted,
            aimed: (wanted, wanted),
            logs: Vec::new(),
            smoothed: [0.0; PACES.len()],
            errors: [0.0; PACES.len() + LENGTHS.len()],
            residuals: Vec::new(),
            seen: 0,
        }
    }

    /// Values that were learnt from.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Mean absolute relative error of the forecasts of late; infinite before there was one.
    #[must_use]
    pub fn recent_error(&self) -> f64 {
        // The weights of past errors, as a geometric series.
        let weight = (1.0 - MEMORY.powi(self.seen.saturating_sub(1).min(1_000) as i32)) / (1.0 - MEMORY);
        if weight > 0.0 { self.least_error() / weight } else { f64::INFINITY }
    }

    /// Learns a value.
    pub fn push(&mut self, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            return;
        }
        let log = value.ln();
        if !self.logs.is_empty() {
            self.learn(log);
        }
        self.smooth(log);
        self.logs.push(log);
        if self.logs.len() > WINDOW {
            self.logs.remove(0);
        }
        self.seen += 1;
    }

    fn learn(&mut self, log: f64) {
        let forecasts = self.forecasts();
        let residual = log - self.mixed(&forecasts);
        if let Some((low, high)) = self.tails() {
            let step = |aimed: f64, outside: bool| {
                let missed = f64::from(u8::from(outside));
                (aimed + STEP * (self.wanted - missed)).clamp(0.0, 0.5)
            };
            self.aimed = (step(self.aimed.0, residual < low), step(self.aimed.1, residual > high));
        }
        self.residuals.push(residual);
        if self.residuals.len() > WINDOW {
            self.residuals.remove(0);
        }
        for (error, forecast) in self.errors.iter_mut().zip(forecasts) {
            // The relative error of the forecast, bounded: one outlier decides nothing.
            *error = *error * MEMORY + ((forecast - log).exp() - 1.0).abs().min(1.0);
        }
    }

    fn smooth(&mut self, log: f64) {
        for (smoothed, pace) in self.smoothed.iter_mut().zip(PACES) {
            // The first value, and a plain mean as long as that forgets more slowly.
            let pace = pace.max(1.0 / (self.seen as f64 + 1.0));
            *smoothed += pace * (log - *smoothed);
        }
    }

    fn forecasts(&self) -> [f64; PACES.len() + LENGTHS.len()] {
        let mut all = [0.0; PACES.len() + LENGTHS.len()];
        all[..PACES.len()].copy_from_slice(&self.smoothed);
        for (forecast, length) in all[PACES.len()..].iter_mut().zip(LENGTHS) {
            let mut last = self.logs[self.logs.len().saturating_sub(length)..].to_vec();
            last.sort_by(f64::total_cmp);
            *forecast = quantile(&last, 0.5).unwrap_or(0.0);
        }
        all
    }

    fn least_error(&self) -> f64 {
        self.errors.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The mean of the forecasts, each weighed by how much worse than the best it lately was.
    fn mixed(&self, forecasts: &[f64]) -> f64 {
        let least = self.least_error().max(f64::MIN_POSITIVE);
        let weight = |error: &f64| (-SHARPNESS * (error / least - 1.0)).exp();
        let (mut sum, mut weights) = (0.0, 0.0);
        for (forecast, error) in forecasts.iter().zip(&self.errors) {
            sum += weight(error) * forecast;
            weights += weight(error);
        }
        sum / weights
    }

    /// Ends of the interval of the logarithm of value over forecast.
    fn tails(&self) -> Option<(f64, f64)> {
        if self.residuals.len() < MIN_ERRORS {
            return None;
        }
        let mut sorted = self.residuals.clone();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        // As long as there are too few errors for the tail, they are taken to be normal (Student's t).
        let squares: f64 = sorted.iter().map(|residual| residual * residual).sum();
        let spread = (squares / n * (1.0 + 1.0 / n)).sqrt();
        let at = |share: f64| quantile(&sorted, ((share * (n + 1.0) - 1.0) / (n - 1.0)).clamp(0.0, 1.0)).unwrap_or(0.0);
        let beyond = |share: f64| spread * student_quantile(1.0 - share.max(self.wanted / 20.0), n - 1.0);
        let few = |share: f64| share * (n + 1.0) < 1.0;
        let (low, high) = self.aimed;
        let low = if few(low) { at(low).min(-beyond(low)) } else { at(low) };
        let high = if few(high) { at(1.0 - high).max(beyond(high)) } else { at(1.0 - high) };
        Some((low.min(0.0), high.max(0.0)))
    }

    /// The value that a share of what may come next lies below, by the errors so far. `None` before there are enough of these.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.residuals.len() < MIN_ERRORS {
            return None;
        }
        let mut sorted = self.residuals.clone();
        sorted.sort_by(f64::total_cmp);
        let log = self.mixed(&self.forecasts()) + quantile(&sorted, share.clamp(0.0, 1.0))?;
        Some(log.exp())
    }

    /// The next value; ends at 0 and infinity as long as too little is known for an interval. `None` before any value.
    #[must_use]
    pub fn forecast(&self) -> Option<Estimate> {
        if self.logs.is_empty() {
            return None;
        }
        let log = self.mixed(&self.forecasts());
        let (low, high) = self.tails().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        Some(Estimate {
            point: log.exp(),
            lower: (log + low).exp() * (1.0 - ROUNDING),
            upper: (log + high).exp() * (1.0 + ROUNDING),
            level: 1.0 - 2.0 * self.wanted,
            n: self.seen,
            method: "mean of forecasts weighed by their recent errors, adaptive conformal interval".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Draw;
    use super::*;

    /// Share of values inside, and mean absolute relative errors of the forecast, of the mean so far and of the last two's.
    fn walk(values: impl Iterator<Item = f64>) -> (f64, [f64; 3]) {
        let mut forecaster = Forecaster::default();
        let (mut inside, mut n, mut errors, mut past) = (0.0, 0.0, [0.0; 3], Vec::new());
        for value in values {
            if let Some(told) = forecaster.forecast().filter(|told| told.lower > 0.0) {
                inside += f64::from(u8::from(told.contains(value)));
                n += 1.0;
                let mean = past.iter().sum::<f64>() / past.len() as f64;
                let two = (past[past.len() - 1] + past[past.len() - 2]) / 2.0;
                for (error, point) in errors.iter_mut().zip([told.point, mean, two]) {
                    *error += (point / value - 1.0).abs();
                }
            }
            forecaster.push(value);
            past.push(value);
        }
        (inside / n, errors.map(|error| error / n))
    }

    #[test]
    fn intervals_hold_their_level_whatever_the_series_does() {
        let mut draw = Draw::new(7);
        let noise: Vec<f64> = (0..6_000).map(|_| draw.log_normal(1.0, 0.2)).collect();
        let steady = |i: usize| 100.0 * noise[i];
        let stepping = |i: usize| if (i / 150).is_multiple_of(2) { 100.0 } else { 180.0 } * noise[i];
        let drifting = |i: usize| 100.0 * (i as f64 / 800.0).exp() * noise[i];
        let wider = |i: usize| 100.0 * if i < 3_000 { noise[i] } else { noise[i].powi(3) };
        let series: [&dyn Fn(usize) -> f64; 4] = [&steady, &stepping, &drifting, &wider];
        for (which, series) in series.iter().enumerate() {
            let (inside, errors) = walk((0..6_000).map(series));
            assert!((0.935..0.97).contains(&inside), "{which}: {inside}");
            assert!(errors[0] < errors[2], "{which}: {errors:?}");
            assert!(which == 0 || which == 3 || errors[0] < errors[1], "{which}: {errors:?}");
        }
    }

    #[test]
    fn little_is_told_of_little() {
        let mut forecaster = Forecaster::default();
        assert_eq!(forecaster.forecast(), None);
        forecaster.push(0.0);
        forecaster.push(f64::NAN);
        assert_eq!(forecaster.forecast(), None);
        forecaster.push(5.0);
        let told = forecaster.forecast().expect("a forecast");
        assert!((told.point - 5.0).abs() < 1e-9 && told.lower == 0.0 && told.upper == f64::INFINITY, "{told:?}");
    }

    #[test]
    fn short_histories_have_wide_intervals() {
        let mut draw = Draw::new(3);
        let (mut inside, mut told) = (0, 0);
        for _ in 0..400 {
            let mut forecaster = Forecaster::default();
            (0..12).for_each(|_| forecaster.push(draw.log_normal(10.0, 0.3)));
            let next = draw.log_normal(10.0, 0.3);
            told += 1;
            inside += i32::from(forecaster.forecast().is_some_and(|interval| interval.contains(next)));
        }
        assert!(f64::from(inside) / f64::from(told) > 0.92, "{inside} of {told}");
    }
}
