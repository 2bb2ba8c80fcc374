//! Times of log lines, read by hand: `2026-11-24T11:26:22.394+0000`, `2026-11-24 12:21:16,889`, `2026-11-24, 01:30:00 UTC`,
//! `2026-11-24T11:52:34.382363Z`, `20261124T122116`.

use crate::model::Timestamp;

const SECOND: i64 = 1_000_000;
const DAY_S: i64 = 86_400;
/// Days from 1970 to 9999-12-28: times after it cannot be written in every zone.
const LAST_DAY: i64 = 2_932_893;

/// A time as a log states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Microseconds since 1970 on the clock that wrote it.
    local: i64,
    /// Seconds east of UTC, where the text says.
    offset_s: Option<i64>,
}

impl Stamp {
    /// The instant; a clock that states no offset runs `offset_s` seconds east of UTC.
    pub(super) fn instant(self, offset_s: i32) -> Timestamp {
        let offset = self.offset_s.unwrap_or(i64::from(offset_s));
        Timestamp::from_micros(self.local.saturating_sub(offset * SECOND))
    }

    /// Does the text state an offset?
    pub(super) fn is_zoned(self) -> bool {
        self.offset_s.is_some()
    }
}

/// Reads the time at the beginning of `text`; also where it ends.
pub(super) fn stamp(text: &[u8]) -> Option<(Stamp, usize)> {
    let date = text.first_chunk::<10>()?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let day = day(number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?)?;
    let mut at = match text.get(10..12)? {
        [b'T' | b' ', _] => 11,
        [b',', b' '] => 12,
        _ => return None,
    };
    let clock = text.get(at..at + 8)?;
    if clock[2] != b':' || clock[5] != b':' {
        return None;
    }
    let second = time(number(&clock[..2])?, number(&clock[3..5])?, number(&clock[6..])?)?;
    at += 8;
    let mut micros = (day * DAY_S + second) * SECOND;
    if let Some(b'.' | b',') = text.get(at) {
        let digits = text[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0 {
            micros += fraction(&text[at + 1..at + 1 + digits]);
            at += 1 + digits;
        }
    }
    let (offset_s, length) = zone(&text[at..]);
    Some((Stamp { local: micros, offset_s }, at + length))
}

/// Reads a whole text as a time.
pub(super) fn exactly(text: &[u8]) -> Option<Stamp> {
    stamp(text).filter(|(_, end)| *end == text.len()).map(|(stamp, _)| stamp)
}

/// Reads `20261124T122116`, the form of `Marking task as ..`: whole seconds of UTC.
pub(super) fn compact(text: &[u8]) -> Option<Timestamp> {
    let text: &[u8; 15] = text.try_into().ok()?;
    if text[8] != b'T' {
        return None;
    }
    let day = day(number(&text[..4])?, number(&text[4..6])?, number(&text[6..8])?)?;
    let second = time(number(&text[9..11])?, number(&text[11..13])?, number(&text[13..])?)?;
    Some(Timestamp::from_micros((day * DAY_S + second) * SECOND))
}

/// Offset from UTC in seconds at the beginning of `text`, and the length of what was read.
fn zone(text: &[u8]) -> (Option<i64>, usize) {
    let (spaces, text) = match text {
        [b' ', rest @ ..] => (1, rest),
        _ => (0, text),
    };
    match text {
        [b'Z', ..] => (Some(0), spaces + 1),
        [b'U', b'T', b'C', ..] => (Some(0), spaces + 3),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let Some(hours) = rest.get(..2).and_then(number).filter(|hours| *hours < 24) else { return (None, 0) };
            let (minutes, length) = match rest.get(2..) {
                Some([b':', a, b, ..]) => (number(&[*a, *b]), 5),
                Some([a, b, ..]) => (number(&[*a, *b]), 4),
                _ => (None, 2),
            };
            let (minutes, length) = minutes.filter(|minutes| *minutes < 60).map_or((0, 2), |minutes| (minutes, length));
            let seconds = hours * 3_600 + minutes * 60;
            (Some(if *sign == b'-' { -seconds } else { seconds }), spaces + 1 + length)
        }
        _ => (None, 0),
    }
}

/// A number of at most four digits, all of them digits.
fn number(digits: &[u8]) -> Option<i64> {
    let mut value = 0;
    for b in digits {
        value = value * 10 + i64::from(b.wrapping_sub(b'0'));
        if !b.is_ascii_digit() {
            return None;
        }
    }
    Some(value)
}

/// Microseconds of a fraction; digits beyond the sixth are cut off, as Airflow's databases keep no more.
fn fraction(digits: &[u8]) -> i64 {
    (0..6).fold(0, |value, place| value * 10 + digits.get(place).map_or(0, |b| i64::from(b - b'0')))
}

fn time(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3_600 + minute * 60 + second)
}

/// Days since 1970 of a date of the proleptic Gregorian calendar: years begin in March, so that the leap day is the last.
fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => 31,
    };
    if !(1..=12).contains(&month) || !(1..=last).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let month = (month + 9) % 12;
    let days =
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day
            - 719_469;
    (days <= LAST_DAY).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        stamp(text.as_bytes()).map(|(stamp, _)| stamp.instant(0).to_string())
    }

    #[test]
    fn every_form_that_airflow_writes() {
        for (text, want, length) in [
            ("2026-11-24T11:26:22.394+0000] x", "2026-11-24T11:26:22.394Z", 28),
            ("2026-11-24T13:26:22.394+0200] x", "2026-11-24T11:26:22.394Z", 28),
            ("2026-11-24 12:21:16,889] x", "2026-11-24T12:21:16.889Z", 23),
            ("2022-10-18, 01:30:00 UTC] x", "2022-10-18T01:30:00Z", 24),
            ("2026-11-24T11:52:34.382363Z [info", "2026-11-24T11:52:34.382363Z", 27),
            ("2026-11-24 12:06:46.714570+00:00 [info", "2026-11-24T12:06:46.71457Z", 32),
            ("2026-11-24 11:33:34 +0000] [1]", "2026-11-24T11:33:34Z", 25),
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z", 20),
            ("1969-12-31T00:00:00Z", "1969-12-31T00:00:00Z", 20),
        ] {
            assert_eq!(read(text).as_deref(), Some(want), "{text}");
            assert_eq!(stamp(text.as_bytes()).map(|(_, end)| end), Some(length), "{text}");
        }
        assert_eq!(compact(b"20261124T122116").map(|t| t.to_string()).as_deref(), Some("2026-11-24T12:21:16Z"));
        for text in
            ["2026-02-29T00:00:00Z", "2026-11-24", "2026-13-01 00:00:00", "2026-11-24T24:00:00", "x", "２026-11"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(compact(b"20261324T122116"), None);
    }

    #[test]
    fn a_clock_without_an_offset_is_read_with_the_one_given() {
        let (stamp, _) = stamp(b"2026-11-24 12:21:16,889").expect("a time");
        assert!(!stamp.is_zoned());
        assert_eq!(stamp.instant(3_600).to_string(), "2026-11-24T11:21:16.889Z");
    }

    proptest! {
        #[test]
        fn agrees_with_the_calendar(micros in -30_000_000_000_000_000_i64..200_000_000_000_000_000) {
            let instant = Timestamp::from_micros(micros);
            let text = instant.to_string();
            prop_assert_eq!(exactly(text.as_bytes()).map(|stamp| stamp.instant(0)), Some(instant));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[0-9T:., +Z-]{0,40}") {
            let _ = (stamp(&bytes), compact(&bytes), stamp(text.as_bytes()), compact(text.as_bytes()));
        }
    }
}
