//! Instants as PostgreSQL, Python and StatsD captures write them.

use super::options::DAY;
use crate::model::Timestamp;

const MICROS: i64 = 1_000_000;
/// Days whose text is kept: rows lie close together in time.
const CACHED: usize = 8;

/// Writes instants; keeps the text of the last days.
pub(super) struct Stamps([(i64, [u8; 10]); CACHED]);

impl Stamps {
    pub(super) fn new() -> Self {
        Self([(i64::MIN, *b"0000-00-00"); CACHED])
    }

    fn date(&mut self, day: i64) -> [u8; 10] {
        let slot = &mut self.0[day.rem_euclid(CACHED as i64) as usize];
        if slot.0 != day {
            let text = Timestamp::from_micros(day * DAY).date_string();
            let mut bytes = *b"0000-00-00";
            bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
            *slot = (day, bytes);
        }
        slot.1
    }

    fn write(&mut self, out: &mut Vec<u8>, instant: i64, between: u8) {
        out.extend_from_slice(&self.date(instant.div_euclid(DAY)));
        let second = instant.rem_euclid(DAY) / MICROS;
        let pair = |n: i64| PAIRS[(n % 100) as usize];
        let ([a, b], [c, d], [e, f]) = (pair(second / 3600), pair(second / 60 % 60), pair(second % 60));
        out.extend_from_slice(&[between, a, b, b':', c, d, b':', e, f]);
    }

    /// `2026-11-24 11:53:46.33595+00`: psql drops the zeros at the end of the fraction.
    pub(super) fn psql(&mut self, out: &mut Vec<u8>, instant: i64) {
        self.write(out, instant, b' ');
        fraction(out, instant.rem_euclid(MICROS));
        out.extend_from_slice(b"+00");
    }

    /// `2026-11-24T11:53:46.335950+00:00`: Python's isoformat.
    pub(super) fn iso(&mut self, out: &mut Vec<u8>, instant: i64) {
        self.write(out, instant, b'T');
        let micros = instant.rem_euclid(MICROS);
        if micros != 0 {
            out.extend_from_slice(&six(micros));
        }
        out.extend_from_slice(b"+00:00");
    }
}

/// `.335951`.
fn six(micros: i64) -> [u8; 7] {
    let pair = |n: i64| PAIRS[(n % 100) as usize];
    let ([a, b], [c, d], [e, f]) = (pair(micros / 10_000), pair(micros / 100), pair(micros));
    [b'.', a, b, c, d, e, f]
}

/// A fraction of a second without the zeros at its end; nothing where it is zero.
fn fraction(out: &mut Vec<u8>, micros: i64) {
    if micros != 0 {
        let text = six(micros);
        let length = text.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        out.extend_from_slice(&text[..length]);
    }
}

/// Microseconds as seconds, in the shortest form: `9.29415`, `3`.
pub(super) fn seconds(out: &mut Vec<u8>, micros: i64) {
    number(out, micros / MICROS);
    fraction(out, micros % MICROS);
}

/// `1795520023.073166`: Unix seconds, six digits behind the point.
pub(super) fn unix(out: &mut Vec<u8>, instant: i64) {
    number(out, instant.div_euclid(MICROS));
    out.extend_from_slice(&six(instant.rem_euclid(MICROS)));
}

/// A whole number.
pub(super) fn number(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn instants_are_written_as_the_tools_do() {
        let instant = 1_795_520_058_335_950;
        let mut stamps = Stamps::new();
        assert_eq!(text(|out| stamps.psql(out, instant)), "2026-11-24 11:34:18.33595+00");
        assert_eq!(text(|out| stamps.psql(out, instant - 335_950)), "2026-11-24 11:34:18+00");
        assert_eq!(text(|out| stamps.iso(out, instant)), "2026-11-24T11:34:18.335950+00:00");
        assert_eq!(text(|out| stamps.iso(out, instant - 335_950)), "2026-11-24T11:34:18+00:00");
        assert_eq!(text(|out| unix(out, instant)), "1795520058.335950");
        // The same slot of the cache, another day.
        assert_eq!(text(|out| stamps.psql(out, instant + 8 * DAY)), "2026-12-02 11:34:18.33595+00");
    }

    #[test]
    fn numbers_are_short() {
        for (micros, want) in [(1_880_715, "1.880715"), (3_000_000, "3"), (60, "0.00006"), (0, "0"), (500_000, "0.5")] {
            assert_eq!(text(|out| seconds(out, micros)), want);
        }
        for value in [0, 7, -1, i64::MAX, i64::MIN] {
            assert_eq!(text(|out| number(out, value)), value.to_string());
        }
    }
}
