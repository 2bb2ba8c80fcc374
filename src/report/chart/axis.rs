//! Scales and ticks: round numbers in the unit a reader thinks in, and the starts of days, weeks or months.

use crate::{model::Timestamp, report::words};

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// Steps of time shorter than a month, in seconds, between two ticks.
const STEPS: [f64; 16] = [
    1.0,
    5.0,
    15.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1800.0,
    3600.0,
    7200.0,
    21_600.0,
    43_200.0,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
];

/// Steps of seconds and minutes that are round on a clock.
const CLOCK_STEPS: [f64; 9] = [10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0];

/// An axis stays with the smaller unit this much longer than a number in a text does.
const UNIT_PATIENCE: f64 = 2.5;

/// A linear map from data to pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// Maps `from..to` to the pixels `start..end`. A range of no length is widened, an impossible one replaced.
    pub(crate) fn new(from: f64, to: f64, start: f64, end: f64) -> Self {
        let usable = from.is_finite() && to.is_finite() && (to - from).is_finite();
        let (from, to) = if usable { (from, to) } else { (0.0, 1.0) };
        let (from, to) = if to > from { (from, to) } else { (from - 0.5, from + 0.5) };
        let (from, to) = if to > from { (from, to) } else { (0.0, from.max(1.0)) };
        Self { from, to, start, end }
    }

    /// Pixel of `value`, kept within the chart.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let share = ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        if share.is_nan() { self.start } else { self.start + share * (self.end - self.start) }
    }

    /// Is `value` inside of the range?
    pub(crate) fn holds(&self, value: f64) -> bool {
        self.from <= value && value <= self.to
    }

    /// About `count` round numbers in the range; steps above five are taken from `clock` where it has one.
    fn round_numbers(from: f64, to: f64, count: f64, clock: &[f64]) -> Vec<f64> {
        let rough = (to - from) / count;
        if !(rough > 0.0 && rough.is_finite()) {
            return Vec::new();
        }
        let power = 10_f64.powf(rough.log10().floor());
        let decimal = [1.0, 2.0, 2.5, 5.0, 10.0].map(|s| s * power);
        let clock = clock.iter().copied().filter(|_| rough > 5.0);
        let step = clock.chain(decimal).find(|step| *step >= rough).unwrap_or(rough);
        let first = (from / step).ceil();
        let ticks = (0..40).map(|i| (first + f64::from(i)) * step);
        ticks.take_while(|tick| *tick <= to + step * 1e-9).map(|t| if t == 0.0 { 0.0 } else { t }).collect()
    }

    /// Ticks for seconds, labelled in one unit.
    pub(crate) fn second_ticks(&self, count: f64) -> Vec<(f64, String)> {
        let (size, name) = words::unit_for(self.to.abs().max(self.from.abs()) / UNIT_PATIENCE);
        let steps: &[f64] = if matches!(name, "s" | "min") { &CLOCK_STEPS } else { &[] };
        let rounds = Self::round_numbers(self.from / size, self.to / size, count, steps);
        rounds.into_iter().map(|v| (v * size, format!("{} {name}", words::number(v)))).collect()
    }

    /// Ticks for shares.
    pub(crate) fn percent_ticks(&self, count: f64) -> Vec<(f64, String)> {
        let rounds = Self::round_numbers(self.from * 100.0, self.to * 100.0, count, &[]);
        rounds.into_iter().map(|v| (v / 100.0, format!("{} %", words::number(v)))).collect()
    }

    /// Ticks for counts.
    pub(crate) fn count_ticks(&self, count: f64) -> Vec<(f64, String)> {
        let rounds = Self::round_numbers(self.from, self.to, count, &[]);
        rounds.into_iter().filter(|v| v.fract() == 0.0).map(|v| (v, words::number(v))).collect()
    }

    /// At most `most` ticks for instants given as seconds since the epoch.
    pub(crate) fn time_ticks(&self, most: usize) -> Vec<(f64, String)> {
        let length = self.to - self.from;
        match STEPS.into_iter().find(|step| length / step <= most as f64) {
            Some(step) => self.even_ticks(step),
            None if length < 40.0 * 366.0 * DAY => self.month_ticks(most),
            None => (0..3).map(|i| self.from + length * (0.1 + 0.4 * f64::from(i))).map(|at| (at, date(at))).collect(),
        }
    }

    /// Ticks at multiples of `step`; weeks begin on Monday.
    fn even_ticks(&self, step: f64) -> Vec<(f64, String)> {
        let offset = if step >= 7.0 * DAY { 4.0 * DAY } else { 0.0 }; // 1970-01-05 was a Monday
        let first = ((self.from - offset) / step).ceil();
        let instants = (0..60).map(|i| (first + f64::from(i)) * step + offset).take_while(|at| *at <= self.to);
        let one_day = date(self.from) == date(self.to);
        let label = |at: f64| match step {
            s if s >= DAY => date(at),
            s if s >= 60.0 && one_day => minute(at)[11..].to_owned(),
            s if s >= 60.0 => minute(at)[5..].to_owned(),
            _ => format!("{}:{:02}", &minute(at)[11..], at.rem_euclid(60.0)),
        };
        instants.map(|at| (at, label(at))).collect()
    }

    /// Ticks at the start of every month, of every second, ... as many as fit.
    fn month_ticks(&self, most: usize) -> Vec<(f64, String)> {
        let days = (self.from / DAY).ceil() as i64..=(self.to / DAY).floor() as i64;
        let starts =
            days.map(|day| day as f64 * DAY).map(|at| (at, date(at))).filter(|(_, text)| text.ends_with("-01"));
        let months: Vec<_> = starts.map(|(at, text)| (at, text[..text.len() - 3].to_owned())).collect();
        let every = months.len().div_ceil(most.max(1)).max(1);
        months.into_iter().step_by(every).collect()
    }
}

/// `YYYY-MM-DD` of seconds since the epoch.
fn date(seconds: f64) -> String {
    Timestamp::from_micros(0).plus_seconds(seconds).date_string()
}

/// `YYYY-MM-DD HH:MM` of seconds since the epoch.
fn minute(seconds: f64) -> String {
    Timestamp::from_micros(0).plus_seconds(seconds).minute_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(ticks: Vec<(f64, String)>) -> String {
        ticks.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Scale::new(0.0, 4.3, 0.0, 1.0).second_ticks(5.0)), "0 s | 1 s | 2 s | 3 s | 4 s");
        assert_eq!(
            labels(Scale::new(0.0, 5400.0 * 2.0, 0.0, 1.0).second_ticks(4.0)),
            "0 min | 60 min | 120 min | 180 min"
        );
        let weeks = Scale::new(1_790_553_600.0, 1_790_553_600.0 + 30.0 * DAY, 0.0, 1.0);
        assert_eq!(labels(weeks.time_ticks(6)), "2026-09-28 | 2026-10-05 | 2026-10-12 | 2026-10-19 | 2026-10-26");
    }

    #[test]
    fn months_are_cut_off_their_days() {
        let year = Scale::new(1_767_225_600.0, 1_767_225_600.0 + 364.0 * DAY, 0.0, 1.0);
        assert_eq!(labels(year.time_ticks(6)), "2026-01 | 2026-03 | 2026-05 | 2026-07 | 2026-09 | 2026-11");
    }

    proptest! {
        #[test]
        fn no_range_panics(a in any::<f64>(), b in any::<f64>(), v in any::<f64>()) {
            let scale = Scale::new(a, b, 0.0, 100.0);
            prop_assert!((0.0..=100.0).contains(&scale.at(v)));
            let _ = (scale.second_ticks(5.0), scale.percent_ticks(5.0), scale.time_ticks(7), scale.count_ticks(3.0));
        }
    }
}
