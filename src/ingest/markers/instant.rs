//! Instants as people and git write them.

use super::super::fields::parse_instant;
use crate::model::Timestamp;

/// Forms of git's dates that are no ISO 8601: its default, and `--date=rfc`.
const GIT: [&str; 2] = ["%a %b %d %H:%M:%S %Y %z", "%a, %d %b %Y %H:%M:%S %z"];

/// The instant that `text` states, and whether it states an offset.
///
/// ISO 8601 with or without a time, git's forms, and seconds or milliseconds since 1970 (10 or 13 digits, as `--date=unix`
/// and `--date=raw` write them).
pub(super) fn parse(text: &str) -> Option<(Timestamp, bool)> {
    let text = text.trim();
    let (seconds, zone) = text.split_once(' ').unwrap_or((text, ""));
    if seconds.bytes().all(|byte| byte.is_ascii_digit()) && (zone.is_empty() || is_zone(zone)) {
        let number: i64 = seconds.parse().ok()?;
        return match seconds.len() {
            10 => Some((Timestamp::from_micros(number.checked_mul(1_000_000)?), true)),
            13 => Some((Timestamp::from_micros(number.checked_mul(1_000)?), true)),
            _ => None,
        };
    }
    if let Some(found) = parse_instant(text) {
        return Some(found);
    }
    // `2026-11-24 20:22:36 +0000`, `--date=iso`: ISO 8601 has no space before the offset.
    if let Some((civil, offset)) = text.rsplit_once(' ')
        && is_zone(offset)
    {
        let joined = format!("{civil}{offset}");
        if let Some(found) = parse_instant(&joined) {
            return Some(found);
        }
    }
    GIT.iter().find_map(|form| {
        let zoned = jiff::fmt::strtime::parse(form, text).ok()?.to_timestamp().ok()?;
        Some((Timestamp::from_micros(zoned.as_microsecond()), true))
    })
}

/// `+0100`
fn is_zone(text: &str) -> bool {
    text.len() == 5 && text.starts_with(['+', '-']) && text.bytes().skip(1).all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_in_every_form() {
        for text in [
            "2026-11-24T20:22:36Z",
            "2026-11-24T21:22:36+01:00",
            "2026-11-24 21:22:36 +0100",
            "Tue Nov 24 21:22:36 2026 +0100",
            "Tue, 24 Nov 2026 21:22:36 +0100",
            "1795551756",
            "1795551756 +0100",
            "1795551756000",
        ] {
            let (time, offset) = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((time.to_string().as_str(), offset), ("2026-11-24T20:22:36Z", true), "{text}");
        }
        assert_eq!(
            parse("2026-11-24").map(|(t, offset)| (t.to_string(), offset)),
            Some(("2026-11-24T00:00:00Z".to_owned(), false))
        );
        assert_eq!(parse("2026-11-24 08:00").map(|(t, _)| t.to_string()).as_deref(), Some("2026-11-24T08:00:00Z"));
        for none in ["", "3 days ago", "24/11/2026", "12", "Tue Nov 24 21:22:36 2026", "1795551756 Raise"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }
}
