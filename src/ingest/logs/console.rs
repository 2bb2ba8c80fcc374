//! Lines of Airflow 3 on a console (structlog's console renderer):
//! `2026-11-24T11:52:34.382363Z [info     ] message   [logger] key=value key='value'`.

use super::{
    clock,
    entry::{Entry, Ids},
};
use std::borrow::Cow;

/// The entry that begins with this line, if one does. A message of several lines has its logger and keys on the last.
pub(super) fn entry(line: &[u8]) -> Option<Entry<'_>> {
    if !line.first()?.is_ascii_digit() {
        return None;
    }
    let (time, end) = clock::stamp(line)?;
    let rest = line[end..].strip_prefix(b" [")?;
    let close = memchr::memchr(b']', rest)?;
    let level = rest[..close].trim_ascii_end();
    if level.is_empty() || !level.iter().all(u8::is_ascii_lowercase) {
        return None;
    }
    let rest = rest[close + 1..].strip_prefix(b" ").unwrap_or_default();
    let (message, logger, ids) = tail(rest).unwrap_or((rest, b"", Ids::default()));
    let (time, message) = (Some(time), message.trim_ascii_end().into());
    Some(Entry { time, level, logger: logger.into(), message, ids, ..Entry::default() })
}

/// Splits off ` [logger] key=value ..` at the end of a line.
pub(super) fn tail(line: &[u8]) -> Option<(&[u8], &[u8], Ids<'_>)> {
    memchr::memchr_iter(b'[', line).find_map(|open| {
        if open > 0 && line[open - 1] != b' ' {
            return None;
        }
        let length = line[open + 1..].iter().position(|b| !is_name(*b))?;
        let (logger, rest) = line[open + 1..].split_at(length);
        let rest = rest.strip_prefix(b"]")?;
        let keys = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
        let ids = if keys.is_empty() { Ids::default() } else { ids(keys)? };
        (length > 0).then_some((&line[..open], logger, ids))
    })
}

/// The ids among `key=value key='quoted value'`; `None` where the text does not begin so.
fn ids(mut text: &[u8]) -> Option<Ids<'_>> {
    let (mut ids, mut any) = (Ids::default(), false);
    while !text.is_empty() {
        let key_end = text.iter().position(|b| !is_name(*b)).filter(|end| *end > 0 && text[*end] == b'=');
        let Some(key_end) = key_end else { break };
        let (key, value) = (&text[..key_end], &text[key_end + 1..]);
        let (value, rest) = match value.first() {
            Some(quote @ (b'\'' | b'"')) => {
                let end = memchr::memchr(*quote, &value[1..]).map_or(value.len(), |end| end + 1);
                (&value[1.min(end)..end], value.get(end + 1..).unwrap_or_default())
            }
            _ => value.split_at(memchr::memchr(b' ', value).unwrap_or(value.len())),
        };
        ids.take(key, Cow::Borrowed(value));
        any = true;
        text = rest.trim_ascii_start();
    }
    any.then_some(ids)
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_logger_and_keys() {
        let line = b"2026-11-24 11:53:47.350351+00:00 [info     ] ::group::Post Execute          [task] dag_id=inventory_sync loc=task_runner.py:1580 map_index=0 run_id=scheduled__2026-09-26T00:00:00+00:00 task_id=pull_stock try_number=1";
        let entry = entry(line).expect("an entry");
        assert_eq!(
            (entry.level, &*entry.logger, &*entry.message),
            (b"info".as_slice(), &b"task"[..], &b"::group::Post Execute"[..])
        );
        let ids = Ids {
            dag_id: b"inventory_sync".into(),
            run_id: b"scheduled__2026-09-26T00:00:00+00:00".into(),
            task_id: b"pull_stock".into(),
            map_index: b"0",
            try_number: b"1",
            ..Ids::default()
        };
        assert_eq!(entry.ids, ids);
    }

    #[test]
    fn brackets_of_the_message_are_not_a_logger() {
        let line = b"2026-11-24T11:52:07.002767Z [error    ] [Errno 98] in [queued] [uvicorn.error] loc=server.py:103 dag_id=None";
        let found = entry(line).expect("an entry");
        assert_eq!((&*found.logger, &*found.message), (&b"uvicorn.error"[..], &b"[Errno 98] in [queued]"[..]));
        assert!(found.ids.is_empty());
        let first = entry(b"2026-11-24T11:53:28.77Z [info     ] 2 tasks up for execution:").expect("an entry");
        assert_eq!((&*first.logger, &*first.message), (&b""[..], &b"2 tasks up for execution:"[..]));
        let (_, logger, _) = tail(b"\t<TaskInstance: a.b c [scheduled]> [airflow.jobs.x] loc=x.py:1").expect("a tail");
        assert_eq!(logger, b"airflow.jobs.x");
        for line in [
            &b""[..],
            b"2026-11-24T11:53:28Z",
            b"2026-11-24T11:53:28Z [",
            b"2026-11-24T11:53:28Z [12] x",
            b"x [info] y",
        ] {
            assert_eq!(entry(line), None);
        }
    }
}
