//! Instants as Airflow's exports write them. One form stands in nearly every field and is read by hand, forty times as fast
//! as the general parser, which reads all others.

use crate::model::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// The instant, and whether the text states an offset. Without one it is UTC: SQLite and MySQL keep UTC and say nothing.
pub(super) fn parse_instant(text: &str) -> Option<(Timestamp, bool)> {
    if let Some(known) = parse_common(text.as_bytes()) {
        return Some(known);
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some((Timestamp::from_micros(instant.as_microsecond()), true));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let instant = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
    Some((Timestamp::from_micros(instant.as_microsecond()), false))
}

/// `2026-11-24 11:53:46[.335951][+00|+00:00|+0000|Z]`, with a space or a `T`. `None` where the general parser must judge.
fn parse_common(text: &[u8]) -> Option<(Timestamp, bool)> {
    parse_near(text, &mut Day::default())
}

/// The date read last: neighbouring instants mostly share it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    text: [u8; 10],
    /// From 1970-01-01.
    number: i64,
}

impl Default for Day {
    fn default() -> Self {
        Self { text: *b"1970-01-01", number: 0 }
    }
}

/// [`parse_common`] for an instant that is likely to lie on a known day.
pub(super) fn parse_near(text: &[u8], day: &mut Day) -> Option<(Timestamp, bool)> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    if *date != day.text {
        *day = Day { text: *date, number: day_number(date)? };
    }
    let (time, rest) = rest.split_first_chunk::<9>()?;
    if !matches!(time[0], b' ' | b'T') {
        return None;
    }
    let [hour, _, _, minute, _, _, second, _] = pairs(time.last_chunk()?, b"00:00:00", 0x0000_FF00_00FF_0000)?;
    // Leap seconds are judged elsewhere.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (micros, rest) = fraction(rest)?;
    let (offset, stated) = offset(rest)?;
    let of_day = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    let seconds = day.number * 86_400 + of_day - offset;
    // Later ones cannot be written in every zone.
    if seconds > jiff::Timestamp::MAX.as_second() {
        return None;
    }
    Some((Timestamp::from_micros(seconds * MICROS_PER_SECOND + micros), stated))
}

/// Eight bytes of digits, but for those under `others`, which must be as in `pattern`: at each place the number that the digit
/// there makes with the one behind it.
#[inline]
fn pairs(text: &[u8; 8], pattern: &[u8; 8], others: u64) -> Option<[u8; 8]> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let values = u64::from_le_bytes(*text) ^ u64::from_le_bytes(*pattern);
    // A byte of ten or more reaches its highest bit when 118 is added to it.
    let digits = (values | values.wrapping_add(0x7676_7676_7676_7676)) & HIGH == 0;
    (digits && values & others == 0).then(|| (values.wrapping_mul(10).wrapping_add(values >> 8)).to_le_bytes())
}

fn day_number(date: &[u8; 10]) -> Option<i64> {
    let [year, month, day] = [&date[..4], &date[5..7], &date[8..]];
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let year = two(year, 0)? * 100 + two(year, 2)?;
    let (month, day) = (two(month, 0)?, two(day, 0)?);
    // Years before 1000 are judged elsewhere.
    if year < 1000 || day == 0 || day > 28 && day > days_in(year, month)? || !(1..=12).contains(&month) {
        return None;
    }
    Some(days_since_epoch(year, month, day))
}

fn two(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    })
}

/// Up to six digits; more are for the general parser.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    // Six digits and an offset behind them, as PostgreSQL and Python write it.
    if let Some(([head @ .., next], _)) = text.split_first_chunk::<8>()
        && !next.is_ascii_digit()
        && let Some(pairs) =
            pairs(&[head[0], head[1], head[2], head[3], head[4], head[5], head[6], b'0'], b".0000000", 0xFF)
    {
        let [_, first, _, second, _, third, ..] = pairs.map(i64::from);
        return Some((first * 10_000 + second * 100 + third, &text[7..]));
    }
    let Some(digits) = text.strip_prefix(b".") else { return Some((0, text)) };
    let count = digits.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || count > 6 {
        return None;
    }
    let value = digits[..count].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    let micros = (count..6).fold(value, |value, _| value * 10);
    Some((micros, &digits[count..]))
}

fn offset(text: &[u8]) -> Option<(i64, bool)> {
    let (sign, digits) = match text {
        [] => return Some((0, false)),
        [b'Z'] => return Some((0, true)),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (two(digits, 0)?, 0),
        4 => (two(digits, 0)?, two(digits, 2)?),
        5 if digits[2] == b':' => (two(digits, 0)?, two(digits, 3)?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some((sign * (hours * 3_600 + minutes * 60), true))
}

/// Days from 1970-01-01 in the Gregorian calendar: years are counted from March, so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_instant_in_every_form_that_airflow_exports() {
        let want = Some("2026-11-24T11:53:46.335951Z".to_owned());
        for text in [
            "2026-11-24 11:53:46.335951+00",
            "2026-11-24 12:53:46.335951+01",
            "2026-11-24 11:53:46.335951+00:00",
            "2026-11-24T11:53:46.335951Z",
            "2026-11-24T11:53:46.335951+00:00",
            "2026-11-24 17:23:46.335951+05:30",
            "2026-11-24 11:53:46.335951",
        ] {
            assert_eq!(parse_instant(text).map(|(t, _)| t.to_string()), want, "{text}");
        }
        for (text, want) in
            [("2026-11-24 02:00:00", "2026-11-24T02:00:00Z"), ("2026-11-24 02:00:00.5+00", "2026-11-24T02:00:00.5Z")]
        {
            assert_eq!(parse_instant(text).map(|(t, _)| t.to_string()).as_deref(), Some(want), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01 00:00:00", "12", "2026-11-24 25:00:00", "2026-02-29 00:00:00+00"] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    proptest! {
        /// What the fast parser reads, the general one reads likewise.
        #[test]
        fn both_parsers_agree(
            (year, month, day) in (1000..2400i64, 0..14u8, 0..33u8),
            (hour, minute, second) in (0..25u8, 0..61u8, 0..61u8),
            fraction in "(\\.[0-9]{1,7})?",
            offset in "(|Z|[+-][0-2][0-9]|[+-][0-2][0-9]:[0-6][0-9])",
            separator in "[ T]",
        ) {
            let text = format!(
                "{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{fraction}{offset}"
            );
            if let Some((fast, stated)) = parse_common(text.as_bytes()) {
                let instant = text.parse::<jiff::Timestamp>().ok().map(|t| t.as_microsecond());
                let civil = || text.parse::<jiff::civil::DateTime>().ok()
                    .and_then(|c| jiff::tz::Offset::UTC.to_timestamp(c).ok()).map(|t| t.as_microsecond());
                let slow = if stated { instant } else { civil() };
                prop_assert_eq!(Some(fast.micros()), slow, "{}", text);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}", digits in "[0-9:+. TZ-]{15,32}") {
            let _ = (parse_instant(&text), parse_instant(&digits));
        }
    }
}
