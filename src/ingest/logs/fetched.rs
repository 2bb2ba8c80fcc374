//! A log as Airflow's REST API hands it out: one JSON object around the lines.
//!
//! * v1 (2.x): `{"content": "[('host', 'line\\nline')]", ..}`, the text of a Python list within a JSON string.
//! * v2 (3.x): `{"content": [{"timestamp": .., "event": ..}, ..], ..}`.

use super::{Format, json};
use std::io::{self, BufRead, Read};

/// Longest document that is read: it has no lines to read it by.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// Does an input begin as such a document?
pub(super) fn begins(head: &[u8]) -> bool {
    let after = |text: &[u8], mark: &[u8]| text.trim_ascii_start().strip_prefix(mark).map(<[u8]>::to_vec);
    let content = after(head, b"{").and_then(|rest| after(&rest, b"\"content\"")).and_then(|rest| after(&rest, b":"));
    content.is_some_and(|content| {
        let content = content.trim_ascii_start();
        let is_v2 = content.strip_prefix(b"[").is_some_and(|list| {
            list.trim_ascii_start().starts_with(b"{") && memchr::memmem::find(list, b"\"event\"").is_some()
        });
        content.starts_with(b"\"[('") || is_v2
    })
}

/// The lines of a document and how they are written; `None` where it is no such document, or too long.
pub(super) fn lines(input: &mut dyn BufRead) -> io::Result<Option<(Format, Vec<u8>)>> {
    let mut document = Vec::new();
    input.take(MAX_BYTES + 1).read_to_end(&mut document)?;
    if document.len() as u64 > MAX_BYTES {
        return Ok(None);
    }
    Ok(of(&document))
}

fn of(document: &[u8]) -> Option<(Format, Vec<u8>)> {
    let mut content = None;
    json::members(document, &mut |key, value| {
        if key == b"content" {
            content = Some(value);
        }
    })?;
    let content = content?;
    match json::text(content) {
        Some(list) => Some((Format::Text, texts(&list))),
        None => Some((Format::Json, elements(content)?)),
    }
}

/// The objects of a list, one a line.
fn elements(list: &[u8]) -> Option<Vec<u8>> {
    let mut rest = list.strip_prefix(b"[")?.trim_ascii_start();
    let mut lines = Vec::with_capacity(list.len());
    while rest.first() == Some(&b'{') {
        let end = json::value(rest, 0)?;
        // A line end can stand between two members only, where a space does as well.
        lines.extend(rest[..end].iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }));
        lines.push(b'\n');
        rest = rest[end..].trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    }
    Some(lines)
}

/// The second text of each pair of a Python list of pairs, with its escapes resolved.
fn texts(list: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(list.len());
    let (mut rest, mut number) = (list, 0);
    while let Some(open) = memchr::memchr2(b'\'', b'"', rest) {
        let quote = rest[open];
        rest = &rest[open + 1..];
        let is_text = number % 2 == 1;
        while let Some((first, tail)) = rest.split_first() {
            rest = tail;
            let b = match (first, tail.first()) {
                (b'\\', Some(escaped)) => {
                    rest = &tail[1..];
                    match escaped {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        other => *other,
                    }
                }
                (b, _) if *b == quote => break,
                (b, _) => *b,
            };
            if is_text {
                lines.push(b);
            }
        }
        if is_text {
            lines.push(b'\n');
        }
        number += 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const V1: &[u8] = br#"{
  "content": "[('vm', \" INFO - x\\n[2026-11-24T11:51:29.091+0000] {a.py:1} INFO - it's\\\\n\"), ('w2', 'y')]",
  "continuation_token": "a"
}"#;

    #[test]
    fn both_versions() {
        assert!(begins(V1));
        let want = b" INFO - x\n[2026-11-24T11:51:29.091+0000] {a.py:1} INFO - it's\\n\ny\n";
        assert_eq!(of(V1), Some((Format::Text, want.to_vec())));
        let v2 = br#"{"content":[{"event":"a"},
  {"timestamp":"2026-11-24T11:51:29Z",
   "event":"b\n"}],"continuation_token":null}"#;
        assert!(begins(v2));
        let want = b"{\"event\":\"a\"}\n{\"timestamp\":\"2026-11-24T11:51:29Z\",    \"event\":\"b\\n\"}\n";
        assert_eq!(of(v2), Some((Format::Json, want.to_vec())));
        for other in [r#"{"content":"hello"}"#, r#"{"content":[1]}"#, r#"{"task_instances":[]}"#, "", "{"] {
            assert!(!begins(other.as_bytes()), "{other}");
        }
        assert_eq!(of(b"{\"content\":3}"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), text in r#"[{}\[\]":,a\\ '()n]{0,60}"#) {
            let near = format!("{{\"content\":{text}");
            let _ = (begins(&bytes), of(&bytes), of(near.as_bytes()), begins(near.as_bytes()), texts(text.as_bytes()));
        }
    }
}
