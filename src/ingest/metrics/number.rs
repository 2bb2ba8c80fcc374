//! Numbers and times as metric formats write them.

use super::super::instants::parse_instant;
use crate::model::Timestamp;

/// Microseconds of the last instant that every format and the lake can write, a day before the year 10000.
const LAST_MICROS: i128 = 253_402_207_200_000_000;

/// The instant, where it lies between 1970 and 9999.
pub(super) fn instant(micros: i128) -> Option<Timestamp> {
    if !(0..=LAST_MICROS).contains(&micros) {
        return None;
    }
    i64::try_from(micros).ok().map(Timestamp::from_micros)
}

/// A number, `NaN` and infinities among them (Prometheus writes `+Inf`).
pub(super) fn float(text: &[u8]) -> Option<f64> {
    if let Some(value) = small_whole(text) {
        return Some(value);
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The most frequent values: a few digits and nothing else.
fn small_whole(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    let mut value = 0_u32;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    Some(f64::from(value))
}

/// Seconds and a fraction of at most six digits, as captures write them: nearly every line of one.
fn plain_seconds(text: &[u8]) -> Option<Timestamp> {
    let (whole, rest) = text.split_at_checked(10)?;
    let mut micros = plain_digits(whole)?;
    let fraction = match rest.split_first() {
        None => &[][..],
        Some((b'.', fraction)) if matches!(fraction.len(), 1..=6) => fraction,
        Some(_) => return None,
    };
    micros *= [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1].get(fraction.len()).map(|rest| 1_000_000 / rest)?;
    micros += plain_digits(fraction)?;
    micros *= [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1].get(fraction.len())?;
    Some(Timestamp::from_micros(micros))
}

/// At most ten digits and nothing else; 0 where there are none.
fn plain_digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then_some(value * 10 + i64::from(digit))
    })
}

/// A unix time, whole or with a fraction. Its unit shows in its size: until the year 5138 seconds have fewer than 12 digits,
/// milliseconds of any time after 1973 have 12 to 14, microseconds 15 to 17, nanoseconds 18 or more.
pub(super) fn unix_time(text: &[u8]) -> Option<Timestamp> {
    if let Some(time) = plain_seconds(text) {
        return Some(time);
    }
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, &[][..]),
    };
    let whole = digits(whole, 19)?;
    let per_second = match whole {
        ..100_000_000_000 => 1,
        100_000_000_000..100_000_000_000_000 => 1_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000_000,
        _ => 1_000_000_000,
    };
    scaled(whole, fraction, per_second)
}

/// A unix time in a unit that is known: `per_second` is 1, 1,000, 1,000,000 or 1,000,000,000.
pub(super) fn unix_time_in(text: &[u8], per_second: i128) -> Option<Timestamp> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, &[][..]),
    };
    scaled(digits(whole, 19)?, fraction, per_second)
}

fn scaled(whole: i128, fraction: &[u8], per_second: i128) -> Option<Timestamp> {
    // Nine digits of a fraction are a nanosecond of a second; what is finer is cut off.
    let kept = fraction.get(..fraction.len().min(9))?;
    let numerator = if kept.is_empty() { 0 } else { digits(kept, 9)? };
    let denominator = 10_i128.pow(kept.len() as u32);
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    instant((whole * denominator + numerator) * 1_000_000 / (denominator * per_second))
}

fn digits(text: &[u8], most: usize) -> Option<i128> {
    if text.is_empty() || text.len() > most {
        return None;
    }
    let mut value = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(i128::from(value))
}

/// A unix time that a JSON number holds, in seconds.
pub(super) fn unix_seconds(seconds: f64) -> Option<Timestamp> {
    (seconds.is_finite() && seconds.abs() < 1e12).then(|| instant((seconds * 1e6).round() as i128)).flatten()
}

/// A time in any form that a text format uses: RFC 3339, the same with a space, or a unix time.
pub(super) fn any_time(text: &[u8]) -> Option<Timestamp> {
    if let Some(time) = unix_time(text) {
        return Some(time);
    }
    let text = std::str::from_utf8(text).ok()?.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    parse_instant(text).and_then(|(time, _)| instant(i128::from(time.micros())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(time: Option<Timestamp>) -> Option<String> {
        time.map(|time| time.to_string())
    }

    #[test]
    fn a_unix_time_shows_its_unit_by_its_size() {
        let want = Some("2026-11-24T11:33:31.071192Z".to_owned());
        for text in ["1795520011.071192", "1795520011071.192", "1795520011071192", "1795520011071192999"] {
            assert_eq!(shown(unix_time(text.as_bytes())), want, "{text}");
        }
        assert_eq!(shown(unix_time(b"1795520011.5")).as_deref(), Some("2026-11-24T11:33:31.5Z"));
        assert_eq!(shown(unix_time(b"1795520011.0000019")).as_deref(), Some("2026-11-24T11:33:31.000001Z"));
        assert_eq!(shown(unix_time(b"0000000001.25")).as_deref(), Some("1970-01-01T00:00:01.25Z"));
        assert_eq!(shown(unix_time(b"1760000000")).as_deref(), Some("2025-10-09T08:53:20Z"));
        assert_eq!(shown(unix_time(b"1795519356742")).as_deref(), Some("2026-11-24T11:22:36.742Z"));
        assert_eq!(shown(unix_time_in(b"86400000", 1_000)).as_deref(), Some("1970-01-02T00:00:00Z"));
        for text in ["", ".", "-1", "1e9", "1795520011.", "12x", "1.2.3", "99999999999999999999"] {
            let time = unix_time(text.as_bytes());
            assert!(time.is_none() || text == "1795520011.", "{text}");
        }
    }

    #[test]
    fn times_in_text_are_read_with_their_offset() {
        for text in ["2026-11-24T11:33:31Z", "2026-11-24 12:33:31+01:00", "2026-11-24 11:33:31 UTC", "1795520011"] {
            assert_eq!(shown(any_time(text.as_bytes())).as_deref(), Some("2026-11-24T11:33:31Z"), "{text}");
        }
        assert_eq!(any_time(b"yesterday"), None);
        assert_eq!(any_time(b"-0100-01-01T00:00:00Z"), None);
    }

    #[test]
    fn numbers_are_read_as_prometheus_writes_them() {
        assert_eq!(float(b"12"), Some(12.0));
        assert_eq!(float(b"0.4594863637637921"), Some(0.459_486_363_763_792_1));
        assert_eq!(float(b"+Inf"), Some(f64::INFINITY));
        assert!(float(b"NaN").is_some_and(f64::is_nan));
        assert_eq!(float(b"1e309"), Some(f64::INFINITY));
        for text in ["", "x", "1,5", "1 2", "0x10", "\u{660}"] {
            assert_eq!(float(text.as_bytes()), None, "{text}");
        }
    }
}
