//! Lines of Airflow 3's task logs: one JSON object each, keys in any order. Read without a tree: only the few keys that an
//! entry needs are looked at, and only a text with escapes is copied.

use super::{clock, entry::Entry};
use std::borrow::Cow;

/// The entry that this line is: a JSON object with an `event`.
pub(super) fn entry(line: &[u8]) -> Option<Entry<'_>> {
    let (mut entry, mut file, mut event) = (Entry::default(), Cow::default(), None);
    let whole = members(line, &mut |key, value| match key {
        b"timestamp" => entry.time = text(value).and_then(|text| clock::exactly(&text)),
        b"level" => entry.level = plain(value).unwrap_or_default(),
        b"event" => event = text(value),
        b"logger" => entry.logger = text(value).unwrap_or_default(),
        b"filename" => file = text(value).unwrap_or_default(),
        b"dag_id" | b"run_id" | b"task_id" | b"ti_id" => {
            if let Some(value) = text(value) {
                entry.ids.take(key, value);
            }
        }
        b"map_index" | b"try_number" => entry.ids.take(key, Cow::Borrowed(value)),
        b"error_detail" => entry.exception = exception(value).unwrap_or_default(),
        _ => {}
    })?;
    if !line[whole..].trim_ascii().is_empty() {
        return None;
    }
    if entry.logger.is_empty() {
        entry.logger = file;
    }
    entry.message = event?;
    Some(entry)
}

/// Does `line` begin as such an entry, though it is cut off?
pub(super) fn begins(line: &[u8]) -> bool {
    let mut known = 0;
    let _ =
        members(line, &mut |key, _| known += u32::from(matches!(key, b"event" | b"level" | b"timestamp" | b"logger")));
    known >= 2 && line.windows(7).take(4_096).any(|window| window == b"\"event\"")
}

/// The first exception of `error_detail`: the one that was raised; its causes follow.
fn exception(list: &[u8]) -> Option<Cow<'_, [u8]>> {
    let object = list.strip_prefix(b"[")?.trim_ascii_start();
    let mut kind = None;
    members(object, &mut |key, value| {
        if key == b"exc_type" {
            kind = text(value);
        }
    })?;
    kind
}

/// Calls `visit` for each member of the object at the beginning of `json`, values as written; where the object ends.
pub(super) fn members<'a>(json: &'a [u8], visit: &mut dyn FnMut(&'a [u8], &'a [u8])) -> Option<usize> {
    let mut at = space(json, 0);
    if json.get(at) != Some(&b'{') {
        return None;
    }
    at = space(json, at + 1);
    if json.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    loop {
        let key_end = string(json, at)?;
        let key = &json[at + 1..key_end - 1];
        at = space(json, key_end);
        if json.get(at) != Some(&b':') {
            return None;
        }
        at = space(json, at + 1);
        let end = value(json, at)?;
        visit(key, &json[at..end]);
        at = space(json, end);
        match json.get(at)? {
            b',' => at = space(json, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn space(json: &[u8], at: usize) -> usize {
    let rest = json.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()
}

/// The end of the string that begins at `at`.
fn string(json: &[u8], at: usize) -> Option<usize> {
    if json.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        match json[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The end of the value that begins at `at`. What lies inside lists and objects is not checked.
pub(super) fn value(json: &[u8], at: usize) -> Option<usize> {
    match json.get(at)? {
        b'"' => string(json, at),
        b'{' | b'[' => {
            let (mut at, mut depth) = (at, 0_usize);
            loop {
                match json.get(at)? {
                    b'"' => at = string(json, at)? - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let length =
                json[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')).count();
            (length > 0).then_some(at + length)
        }
    }
}

/// The text of a string, escapes resolved; `None` for anything else.
pub(super) fn text(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inner).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    let text = serde_json::from_slice::<String>(value).ok()?;
    Some(Cow::Owned(text.into_bytes()))
}

fn plain(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAILED: &str = r#"{"timestamp":"2026-11-24T12:15:59.781648Z","level":"error","event":"Task failed with exception","run_id":"scheduled__2026-09-16T02:00:00+00:00","task_id":"email_report","dag_id":"finance_report","map_index":-1,"try_number":1,"logger":"task","filename":"task_runner.py","lineno":1676,"error_detail":[{"exc_type":"ConnectionRefusedError","exc_value":"[Errno 111] \"}","exc_notes":[],"frames":[{"filename":"a.py","lineno":1579}]},{"exc_type":"Cause"}]}"#;

    #[test]
    fn a_failure_with_its_exception() {
        let entry = entry(FAILED.as_bytes()).expect("an entry");
        assert_eq!((entry.level, &*entry.logger), (&b"error"[..], &b"task"[..]));
        assert_eq!(
            (&*entry.message, &*entry.exception),
            (&b"Task failed with exception"[..], &b"ConnectionRefusedError"[..])
        );
        assert_eq!((&*entry.ids.dag_id, &*entry.ids.task_id), (&b"finance_report"[..], &b"email_report"[..]));
        assert_eq!((entry.ids.map_index, entry.ids.try_number), (&b"-1"[..], &b"1"[..]));
        assert!(begins(&FAILED.as_bytes()[..200]));
    }

    #[test]
    fn escapes_order_and_gaps() {
        let found =
            entry(br#" { "event" : "a \"b\"\n\u00e9", "filename":"x.py", "timestamp": null } "#).expect("an entry");
        assert_eq!((&*found.message, &*found.logger, found.time), ("a \"b\"\né".as_bytes(), &b"x.py"[..], None));
        for broken in [
            r#"{"event":"x""#,
            r#"{"event":"x"} y"#,
            r#"{"level":"info"}"#,
            "[1]",
            "",
            "{",
            r#"{"event":1}"#,
            r#"{"event":}"#,
        ] {
            assert_eq!(entry(broken.as_bytes()), None, "{broken}");
        }
        assert!(!begins(br#"{"eventType":"START","eventTime":"2026-11-24T12:15:59Z"}"#));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), text in r#"[{}\[\]":,a\\ 1]{0,60}"#) {
            let _ = (entry(&bytes), entry(text.as_bytes()), begins(&bytes), begins(text.as_bytes()));
        }

        #[test]
        fn finds_what_a_json_parser_finds(event in any::<String>(), dag in any::<String>(), extra in "[a-z]{1,8}") {
            let line = serde_json::json!({ extra.clone(): [{"event": event}], "event": event, "dag_id": dag }).to_string();
            let found = entry(line.as_bytes()).expect("an entry");
            let want = if dag == "None" || dag == "null" { "" } else { &dag };
            let want_event = if extra == "event" { None } else { Some(event.as_bytes()) };
            prop_assert!(want_event.is_none_or(|want| *found.message == *want));
            prop_assert_eq!(&*found.ids.dag_id, want.as_bytes());
        }
    }
}
