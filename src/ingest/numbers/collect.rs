//! Values come one at a time and leave as series.

use crate::{
    ingest::{Error, instants::parse_instant},
    model::{NumberSeries, Numbers, Text, Timestamp},
};
use std::{collections::HashMap, path::Path};

/// Epoch numbers of at least this size are milliseconds: as seconds they lie beyond the year 5138.
const MILLIS_FROM: f64 = 1e11;
/// The same for microseconds and nanoseconds.
const MICROS_FROM: f64 = 1e14;
const NANOS_FROM: f64 = 1e17;
/// Longest piece of a wrong value that is shown.
const SHOWN: usize = 40;

/// Series by id as their values come.
pub(super) struct Collector<'a> {
    path: &'a Path,
    series: Vec<NumberSeries>,
    places: HashMap<Text, usize>,
    missing: u64,
    /// Columns that stand for nothing here.
    pub(super) unused: Vec<Text>,
}

/// One value with what stands beside it.
pub(super) struct Entry<'a> {
    /// Where it stands, such as `line 3`.
    pub(super) place: (&'static str, u64),
    pub(super) value: &'a str,
    /// `None` where the file has no times at all.
    pub(super) time: Option<&'a str>,
    pub(super) id: &'a str,
}

impl<'a> Collector<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self { path, series: Vec::new(), places: HashMap::new(), missing: 0, unused: Vec::new() }
    }

    pub(super) fn unrecognised(&self, reason: String) -> Error {
        Error::Unrecognised { path: self.path.into(), reason }
    }

    /// Takes a value in.
    pub(super) fn push(&mut self, entry: &Entry<'_>) -> Result<(), Error> {
        let (unit, number) = entry.place;
        let wrong = |what: String| self.unrecognised(format!("{unit} {number}: {what}"));
        let text = entry.value.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("nan") || text.eq_ignore_ascii_case("null") {
            self.missing += 1;
            return Ok(());
        }
        let Some(value) = text.parse::<f64>().ok().filter(|v| v.is_finite()) else {
            return Err(wrong(format!("`{}` is no number", shown(text))));
        };
        let time = match entry.time.map(str::trim) {
            Some("") => return Err(wrong("no time, but the file has a column of times".into())),
            Some(time) => Some(instant(time).ok_or_else(|| {
                wrong(format!("`{}` is no time; wanted RFC 3339, a date or seconds since 1970", shown(time)))
            })?),
            None => None,
        };
        let place = match self.places.get(entry.id) {
            Some(&place) => place,
            None => {
                let id = Text::from(entry.id);
                self.places.insert(id.clone(), self.series.len());
                self.series.push(NumberSeries { id, times: time.map(|_| Vec::new()), values: Vec::new() });
                self.series.len() - 1
            }
        };
        let series = &mut self.series[place];
        match (&mut series.times, time) {
            (Some(times), Some(time)) => times.push(time),
            (None, None) => {}
            _ => {
                let what = format!("{unit} {number}: some values of a series have a time and some have none");
                return Err(self.unrecognised(what));
            }
        }
        series.values.push(value);
        Ok(())
    }

    /// The series, each in order of time.
    pub(super) fn finish(mut self) -> Result<Numbers, Error> {
        if self.series.is_empty() {
            return Err(self.unrecognised("no values".into()));
        }
        let (mut unsorted, mut crowded) = (0, 0);
        for series in &mut self.series {
            let Some(times) = &mut series.times else { continue };
            if !times.is_sorted() {
                unsorted += 1;
                let mut pairs: Vec<(Timestamp, f64)> =
                    times.iter().copied().zip(series.values.iter().copied()).collect();
                // Stable: values of one instant keep their order.
                pairs.sort_by_key(|pair| pair.0);
                (*times, series.values) = pairs.into_iter().unzip();
            }
            let repeated = times.windows(2).filter(|pair| pair[0] == pair[1]).count();
            crowded += u64::from(2 * repeated >= times.len().max(2));
        }
        Ok(Numbers { series: self.series, missing: self.missing, unsorted, crowded, unused: self.unused })
    }
}

/// RFC 3339, a civil date with or without time (UTC), or a number since 1970 whose size tells its unit.
fn instant(text: &str) -> Option<Timestamp> {
    if let Some((instant, _)) = parse_instant(text) {
        return Some(instant);
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        let midnight = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?;
        return Some(Timestamp::from_micros(midnight.as_microsecond()));
    }
    let number: f64 = text.parse().ok()?;
    let micros = match number.abs() {
        n if n < MILLIS_FROM => number * 1e6,
        n if n < MICROS_FROM => number * 1e3,
        n if n < NANOS_FROM => number,
        _ => number / 1e3,
    };
    let limit = jiff::Timestamp::MAX.as_microsecond() as f64;
    (micros.abs() < limit).then(|| Timestamp::from_micros(micros.round() as i64))
}

pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    crate::ingest::secrets::mask(&short).into_owned()
}
