//! Lines of Airflow 1.10 to 2.x: `[time] {file.py:123} LEVEL - message`, and gunicorn's between them: `[time] [pid] [LEVEL] message`.

use super::{clock, entry::Entry};
use std::borrow::Cow;

/// What the module that catches output as log lines is called; what it caught may be a whole line of its own.
const CAUGHT: &[u8] = b"logging_mixin.py";

/// The entry that begins with this line, if one does.
pub(super) fn entry(line: &[u8]) -> Option<Entry<'_>> {
    let entry = airflow(line).or_else(|| gunicorn(line))?;
    if *entry.logger == *CAUGHT
        && let Cow::Borrowed(message) = entry.message
        && let Some(inner) = airflow(message)
    {
        return Some(Entry { time: entry.time, ..inner });
    }
    Some(entry)
}

/// A line as Airflow's own formatter writes it.
pub(super) fn airflow(line: &[u8]) -> Option<Entry<'_>> {
    let (time, rest) = time(line)?;
    let rest = rest.strip_prefix(b" {")?;
    let close = memchr::memchr(b'}', rest)?;
    let place = &rest[..close];
    let logger = memchr::memrchr(b':', place).map_or(place, |colon| &place[..colon]);
    let (level, rest) = word(rest[close + 1..].strip_prefix(b" ")?);
    let message = rest.strip_prefix(b" -")?;
    if level.is_empty() || !level.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    Some(Entry {
        time: Some(time),
        level,
        logger: logger.into(),
        message: message.trim_ascii_start().into(),
        ..Entry::default()
    })
}

fn gunicorn(line: &[u8]) -> Option<Entry<'_>> {
    let (time, rest) = time(line)?;
    let rest = rest.strip_prefix(b" [")?;
    let close = memchr::memchr(b']', rest)?;
    let rest = rest[..close].iter().all(u8::is_ascii_digit).then_some(&rest[close + 1..])?.strip_prefix(b" [")?;
    let close = memchr::memchr(b']', rest)?;
    let (level, message) = (&rest[..close], rest[close + 1..].trim_ascii_start());
    let is_level = level.iter().all(u8::is_ascii_uppercase);
    is_level.then(|| Entry { time: Some(time), level, message: message.into(), ..Entry::default() })
}

fn time(line: &[u8]) -> Option<(clock::Stamp, &[u8])> {
    let rest = line.strip_prefix(b"[")?;
    let (time, end) = clock::stamp(rest)?;
    Some((time, rest[end..].strip_prefix(b"]")?))
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Option<(String, String, String, String)> {
        let entry = entry(line.as_bytes())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let time = entry.time.map(|time| time.instant(0).to_string()).unwrap_or_default();
        Some((time, text(&entry.logger), text(entry.level), text(&entry.message)))
    }

    #[test]
    fn lines_of_every_version() {
        let want = |time: &str, logger: &str, level: &str, message: &str| {
            Some((time.to_owned(), logger.to_owned(), level.to_owned(), message.to_owned()))
        };
        for (line, time, logger, level, message) in [
            (
                "[2026-11-24T12:18:10.129+0000] {taskinstance.py:2867} INFO - Starting attempt 1 of 2",
                "2026-11-24T12:18:10.129Z",
                "taskinstance.py",
                "INFO",
                "Starting attempt 1 of 2",
            ),
            (
                "[2026-11-24 12:21:17,435] {taskinstance.py:880} INFO - ",
                "2026-11-24T12:21:17.435Z",
                "taskinstance.py",
                "INFO",
                "",
            ),
            (
                "[2026-11-24 12:21:17,435] {taskinstance.py:880} INFO -",
                "2026-11-24T12:21:17.435Z",
                "taskinstance.py",
                "INFO",
                "",
            ),
            (
                "[2022-10-18, 01:30:00 UTC] {taskinstance.py:1165} WARNING - x - y",
                "2022-10-18T01:30:00Z",
                "taskinstance.py",
                "WARNING",
                "x - y",
            ),
            (
                "[2026-11-24 11:33:34 +0000] [21220] [INFO] Starting gunicorn 23.0.0",
                "2026-11-24T11:33:34Z",
                "",
                "INFO",
                "Starting gunicorn 23.0.0",
            ),
            (
                "[2026-11-24T11:34:12.781+0000] {logging_mixin.py:190} INFO - [2026-11-24T11:34:12.780+0000] {dagbag.py:588} ERROR - Filling",
                "2026-11-24T11:34:12.781Z",
                "dagbag.py",
                "ERROR",
                "Filling",
            ),
        ] {
            assert_eq!(shown(line), want(time, logger, level, message), "{line}");
        }
        for line in
            ["", "[", "[2026-11-24T12:18:10Z]", "[2026-11-24T12:18:10Z] {a} info - x", "Traceback", "[12] {a} INFO - x"]
        {
            assert_eq!(shown(line), None, "{line}");
        }
    }
}
