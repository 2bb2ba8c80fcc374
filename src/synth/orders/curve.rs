//! How many orders come when.

use super::OrderOptions;
use crate::stats::Draw;

/// Seconds in an hour, a day and a week.
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;
const WEEK: f64 = 7.0 * DAY;

/// Orders by the hour of the day, as a share of the mean: quiet nights, a plateau by day, most in the evening.
const BY_HOUR: [f64; 24] = [
    0.40, 0.25, 0.18, 0.15, 0.16, 0.25, 0.45, 0.75, 0.95, 1.05, 1.15, 1.25, 1.35, 1.25, 1.15, 1.15, 1.20, 1.30, 1.45,
    1.70, 1.95, 1.85, 1.45, 0.86,
];
/// Orders by weekday from Monday, as a share of the mean.
const BY_WEEKDAY: [f64; 7] = [1.02, 0.95, 0.93, 0.95, 0.97, 1.05, 1.13];

/// Rates over time.
pub(super) struct Curve {
    per_second: f64,
    flash_factor: f64,
    /// From when to when, in seconds.
    flashes: Vec<(f64, f64)>,
}

impl Curve {
    /// Time is counted in seconds from a Monday's midnight.
    pub(super) fn new(options: &OrderOptions) -> Self {
        let mut draw = Draw::keyed(options.seed, &[1]);
        let (mut flashes, mut at) = (Vec::new(), 0.0);
        let end = options.days * DAY;
        while options.flash_sales > 0.0 && flashes.len() < 100_000 {
            at += draw.exponential(WEEK / options.flash_sales);
            if at >= end {
                break;
            }
            // They begin on the hour.
            let from = (at / HOUR).floor() * HOUR;
            flashes.push((from, from + options.flash_hours * HOUR));
        }
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        let per_second = options.orders_per_day / DAY / mean(&BY_HOUR) / mean(&BY_WEEKDAY);
        Self { per_second, flash_factor: options.flash_factor, flashes }
    }

    /// Orders a second.
    pub(super) fn rate(&self, at: f64) -> f64 {
        let hour = (at / HOUR).max(0.0);
        let (now, next) = (hour.floor() as usize % 24, (hour.floor() as usize + 1) % 24);
        // From the middle of an hour to that of the next, without steps.
        let by_hour = BY_HOUR[now] + (BY_HOUR[next] - BY_HOUR[now]) * hour.fract();
        let by_weekday = BY_WEEKDAY[(at / DAY).max(0.0) as usize % 7];
        self.per_second * by_hour * by_weekday * if self.is_flash(at) { self.flash_factor } else { 1.0 }
    }

    pub(super) fn is_flash(&self, at: f64) -> bool {
        let begun = self.flashes.partition_point(|(from, _)| *from <= at);
        // They may overlap: one that began earlier may last longer only if all last equally long, which they do.
        self.flashes[..begun].last().is_some_and(|(_, until)| at < *until)
    }

    /// No rate is above it.
    pub(super) fn highest(&self) -> f64 {
        let most = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
        let flash = if self.flashes.is_empty() { 1.0 } else { self.flash_factor };
        self.per_second * most(&BY_HOUR) * most(&BY_WEEKDAY) * flash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_what_was_asked_for_and_no_rate_is_above_the_highest() {
        let options = OrderOptions { flash_sales: 0.0, days: 7.0, ..OrderOptions::default() };
        let curve = Curve::new(&options);
        let mean = (0..7 * 1440).map(|minute| curve.rate(f64::from(minute) * 60.0)).sum::<f64>() / (7.0 * 1440.0);
        assert!((mean * DAY / options.orders_per_day - 1.0).abs() < 0.01, "{}", mean * DAY);
        let options = OrderOptions { flash_sales: 20.0, days: 14.0, ..OrderOptions::default() };
        let curve = Curve::new(&options);
        let rates: Vec<f64> = (0..14 * 1440).map(|minute| curve.rate(f64::from(minute) * 60.0)).collect();
        assert!(rates.iter().all(|rate| *rate > 0.0 && *rate <= curve.highest()));
        let flash = (0..14 * 1440).filter(|minute| curve.is_flash(f64::from(*minute) * 60.0)).count() as f64 / 60.0;
        assert!((15.0..65.0).contains(&flash), "{flash} of about 40 hours");
    }
}
