//! Instants, months and ranges. Everything is UTC; microseconds are what Airflow's databases keep.

use std::fmt;

/// Microseconds in a second.
const MICROS_PER_SECOND: i64 = 1_000_000;

/// An instant: microseconds since 1970-01-01T00:00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / MICROS_PER_SECOND as f64
    }

    /// Seconds from `earlier` to `self`; negative when `self` comes first.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 as i128 - earlier.0 as i128) as f64 / MICROS_PER_SECOND as f64
    }

    /// This instant moved by `seconds` (negative: into the past); saturates at the ends of the range.
    pub fn plus_seconds(self, seconds: f64) -> Self {
        let micros = (seconds * MICROS_PER_SECOND as f64).round();
        Self(self.0.saturating_add(micros as i64))
    }

    /// The calendar month (UTC) this instant falls in.
    pub fn month(self) -> Month {
        let date = self.civil().date();
        Month::new(date.year(), date.month())
    }

    /// Days since 1970-01-01 (UTC), rounded down.
    pub fn day_number(self) -> i64 {
        self.0.div_euclid(86_400 * MICROS_PER_SECOND)
    }

    /// `YYYY-MM-DD` in UTC.
    pub fn date_string(self) -> String {
        self.civil().date().to_string()
    }

    /// `YYYY-MM-DD HH:MM` in UTC.
    pub fn minute_string(self) -> String {
        self.civil().strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn civil(self) -> jiff::civil::DateTime {
        let instant = jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        jiff::tz::Offset::UTC.to_datetime(instant)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, without trailing zeros of the fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// A calendar month, as in `2026-09`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// From a year and a month number 1..=12.
    pub fn new(year: i16, month: i8) -> Self {
        Self(i32::from(year) * 12 + i32::from(month) - 1)
    }

    /// Months since year 0.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The month that has this [`Month::number`].
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        if year.len() != 4 || month.len() != 2 {
            return None;
        }
        let (year, month) = (year.parse().ok()?, month.parse::<i8>().ok()?);
        (1..=12).contains(&month).then(|| Self::new(year, month))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// A half-open range of time: `from` is inside, `to` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First instant inside.
    pub from: Timestamp,
    /// First instant after.
    pub to: Timestamp,
}

impl TimeRange {
    /// Is `instant` inside?
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.from <= instant && instant < self.to
    }

    /// Length in days.
    pub fn days(&self) -> f64 {
        self.to.seconds_since(self.from) / 86_400.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_read_and_print_the_same_text() {
        for text in ["1970-01", "2026-09", "2026-12"] {
            assert_eq!(Month::parse(text).expect("valid").to_string(), text);
        }
        for text in ["2026-13", "2026-00", "26-01", "2026-1", "x"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_knows_its_month_and_text() {
        let instant = Timestamp::from_micros(1_795_520_058_335_951);
        assert_eq!(instant.month().to_string(), "2026-11");
        assert_eq!(instant.to_string(), "2026-11-24T11:34:18.335951Z");
        assert_eq!(instant.minute_string(), "2026-11-24 11:34");
        assert_eq!(instant.plus_seconds(-1.5).seconds_since(instant), -1.5);
    }

    #[test]
    fn no_instant_panics() {
        for micros in [i64::MIN, i64::MAX, 0] {
            let instant = Timestamp::from_micros(micros);
            let _ = (instant.month(), instant.to_string(), instant.plus_seconds(f64::INFINITY));
        }
    }
}
