//! Values as people write them: versions, dates, lengths of time, sizes.

use crate::{
    gate::{Floor, Limit},
    synth,
};

/// `+02:00`, `-0530` or `+2`, to seconds east of UTC.
pub(in crate::cli) fn parse_offset(text: &str) -> Result<i32, String> {
    let bad = || format!("`{text}` is no offset: write +02:00");
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return Err(bad()),
    };
    let digits = digits.replace(':', "");
    let (hours, minutes) = if digits.len() > 2 { digits.split_at(digits.len() - 2) } else { (&*digits, "0") };
    match (hours.parse::<u8>(), minutes.parse::<u8>()) {
        (Ok(hours @ 0..=14), Ok(minutes @ 0..=59)) => Ok(sign * (i32::from(hours) * 3_600 + i32::from(minutes) * 60)),
        _ => Err(bad()),
    }
}

/// `2`, `2.10` or `2.10.5`: the major version.
pub(in crate::cli) fn parse_major(text: &str) -> Result<u8, String> {
    let numbers: Result<Vec<u8>, _> = text.split('.').map(str::parse).collect();
    match numbers.as_deref() {
        Ok([major @ 1..=3, ..]) => Ok(*major),
        _ => {
            Err(format!("`{text}` is no version of Airflow that is known: write 1, 2, 3 or all of it, such as 2.10.5"))
        }
    }
}

pub(in crate::cli) fn parse_date(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse().map_err(|_| format!("`{text}` is no date: write YYYY-MM-DD"))
}

/// A date (its end is meant: the day counts) or an instant.
pub(in crate::cli) fn parse_time(text: &str) -> Result<crate::model::Timestamp, String> {
    let instant = text.parse::<jiff::Timestamp>().or_else(|_| {
        let date: jiff::civil::Date = text.parse()?;
        jiff::tz::Offset::UTC.to_timestamp(date.tomorrow()?.to_datetime(jiff::civil::Time::midnight()))
    });
    instant
        .map(|instant| crate::model::Timestamp::from_micros(instant.as_microsecond()))
        .map_err(|_| format!("`{text}` is no time: write YYYY-MM-DD or RFC 3339, such as 2026-11-24T12:00:00Z"))
}

/// The first instant of a date, or an instant.
pub(in crate::cli) fn parse_start(text: &str) -> Result<crate::model::Timestamp, String> {
    let instant = text.parse::<jiff::Timestamp>().or_else(|_| {
        let date: jiff::civil::Date = text.parse()?;
        jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
    });
    instant
        .map(|instant| crate::model::Timestamp::from_micros(instant.as_microsecond()))
        .map_err(|_| format!("`{text}` is no time: write YYYY-MM-DD or RFC 3339, such as 2026-11-24T12:00:00Z"))
}

/// `7d`, `4w` or a plain number of days.
pub(in crate::cli) fn parse_days(text: &str) -> Result<f64, String> {
    let (number, factor) = match text.trim_end_matches(['d', 'w']) {
        number if text.ends_with('w') => (number, 7.0),
        number => (number, 1.0),
    };
    match number.parse::<f64>() {
        Ok(days) if days.is_finite() && days > 0.0 && days * factor <= 36_500.0 => Ok(days * factor),
        _ => Err(format!("`{text}` is no length of time: write 7d or 4w")),
    }
}

/// Seconds of `30m`, `2h`, `90` or `-1.5h`.
pub(in crate::cli) fn parse_span(text: &str) -> Result<f64, String> {
    let (number, unit) =
        text.split_at(text.len() - text.chars().last().filter(|c| c.is_alphabetic()).map_or(0, char::len_utf8));
    let unit = match unit {
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("`{text}`: write s, m or h behind the number, such as 30m")),
    };
    let seconds = number.parse::<f64>().ok().map(|number| number * unit).filter(|seconds| seconds.abs() < 1e8);
    seconds.ok_or_else(|| format!("`{text}`: write a time such as 30m or 2h"))
}

/// `last-week`, or a length of time.
pub(in crate::cli) fn parse_against(text: &str) -> Result<f64, String> {
    if text == "last-week" {
        Ok(7.0)
    } else {
        parse_days(text).map_err(|_| format!("`{text}`: write last-week, 14d or 4w"))
    }
}

/// `5%` or `0.05`.
pub(in crate::cli) fn parse_share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 0.01),
        None => (text, 1.0),
    };
    match number.trim().parse::<f64>() {
        Ok(share) if unit == 1.0 && share > 1.0 => Err(format!("`{text}` is a share above 1: did you mean {text}%?")),
        Ok(share) if share.is_finite() && share >= 0.0 && share * unit <= 1e3 => Ok(share * unit),
        _ => Err(format!("`{text}` is no share: write 5% or 0.05")),
    }
}

/// `5ms`, or a number in the benchmark's own unit.
pub(in crate::cli) fn parse_floor(text: &str) -> Result<Floor, String> {
    let text = text.trim();
    let (number, seconds) = [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("", 0.0)]
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))
        .unwrap_or((text, 0.0));
    match number.trim().parse::<f64>() {
        Ok(size) if size.is_finite() && size >= 0.0 && seconds > 0.0 => Ok(Floor::Seconds(size * seconds)),
        Ok(size) if size.is_finite() && size >= 0.0 => Ok(Floor::Units(size)),
        _ => Err(format!("`{text}` is no size: write 5ms, 200ns or a number in the benchmark's unit")),
    }
}

/// `sched/*=8%` or `sched/*=8%,5ms`.
pub(in crate::cli) fn parse_limit(text: &str) -> Result<(glob::Pattern, Limit), String> {
    // Names may hold an equals sign; what is tolerated does not.
    let (pattern, limit) =
        text.rsplit_once('=').ok_or_else(|| format!("`{text}`: write PATTERN=8% or PATTERN=8%,5ms"))?;
    let (share, floor) = match limit.split_once(',') {
        Some((share, floor)) => (share, Some(parse_floor(floor)?)),
        None => (limit, None),
    };
    Ok((parse_pattern(pattern)?, Limit { tolerance: parse_share(share)?, floor }))
}

pub(in crate::cli) fn parse_pattern(text: &str) -> Result<glob::Pattern, String> {
    glob::Pattern::new(text).map_err(|error| format!("`{text}` is no pattern: {error}"))
}

/// Threads.
pub(in crate::cli) fn parse_threads(text: &str) -> Result<usize, String> {
    // More gain nothing, and to start thousands of them takes minutes.
    const MOST: usize = 256;
    parse_count(text)
        .and_then(|count| if count <= MOST { Ok(count) } else { Err(format!("{count}: write {MOST} or less")) })
}

/// A number, 1 or more.
pub(in crate::cli) fn parse_count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| format!("`{text}`: write a number, 1 or more"))
}

/// Bytes, or a number with K, M, G (powers of 1024) and an optional B.
pub(in crate::cli) fn parse_size(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is no size: write 256MB or 1G");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text.get(digits.len()..).unwrap_or("").to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        _ => return Err(bad()),
    };
    let number: u64 = digits.trim().parse().map_err(|_| bad())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(bad)
}

pub(in crate::cli) fn airflow_version(text: &str) -> Result<synth::Airflow, String> {
    synth::Airflow::parse(text).ok_or_else(|| "1.10, 2.10 and 3.3 are known".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_lengths_read_as_people_write_them() {
        for (text, bytes) in [("1024", 1024), ("256MB", 256 << 20), ("1g", 1 << 30), ("4 KiB", 4096)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for (text, days) in [("7d", 7.0), ("4w", 28.0), ("10", 10.0)] {
            assert_eq!(parse_days(text), Ok(days), "{text}");
        }
        for text in ["", "MB", "-1G", "99999999999G", "1X", "ü"] {
            assert!(parse_size(text).is_err(), "{text}");
            assert!(parse_days(text).is_err(), "{text}");
        }
    }
}
