//! `key=value, key=value` as Airflow's schedulers write their records. A value may hold commas itself:
//! `executor=LocalExecutor(parallelism=8)`, and 3.x forgets the space after one comma.

/// The pairs of a record, in order. A comma parts two pairs only where it stands outside brackets and before `key=`.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (key, after) = split_at_sign(rest)?;
        let (value, next) = value(after);
        rest = next;
        Some((key.trim_ascii(), value.trim_ascii()))
    })
}

fn split_at_sign(text: &str) -> Option<(&str, &str)> {
    let at = memchr::memchr(b'=', text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

/// A value, and what follows its comma.
fn value(text: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    for (at, b) in text.bytes().enumerate() {
        // Nearly every byte is a letter or a digit.
        if b.is_ascii_alphanumeric() {
            continue;
        }
        match b {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 && begins_pair(&text[at + 1..]) => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    let text = text.trim_ascii_end();
    let commas = text.bytes().rev().take_while(|b| *b == b',').count();
    (&text[..text.len() - commas], "")
}

fn begins_pair(text: &str) -> bool {
    let text = text.trim_ascii_start();
    let length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    length > 0 && text.as_bytes().get(length) == Some(&b'=')
}

/// The value of one key; `None` is Python's, and empty.
pub(super) fn get<'a>(pairs: &[(&'a str, &'a str)], key: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, value)| *value)
        .filter(|value| !value.is_empty() && *value != "None")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commas_inside_values() {
        let text =
            "dag_id=a, run_id=x, y, executor=Local(p=8, q=9), queued=None, at=2026-11-24 11:52:13+00:00,by=3, end=,";
        let found: Vec<_> = pairs(text).collect();
        let want = [
            ("dag_id", "a"),
            ("run_id", "x, y"),
            ("executor", "Local(p=8, q=9)"),
            ("queued", "None"),
            ("at", "2026-11-24 11:52:13+00:00"),
            ("by", "3"),
            ("end", ""),
        ];
        assert_eq!(found, want);
        assert_eq!(
            (get(&found, "by"), get(&found, "queued"), get(&found, "end"), get(&found, "x")),
            (Some("3"), None, None, None)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), near in "[a=,() é]{0,40}") {
            let _ = (pairs(&text).count(), pairs(&near).count());
        }

        #[test]
        fn what_is_written_is_read(values in prop::collection::vec("[a-z0-9:+ ]{0,8}", 1..8)) {
            let text = values.iter().enumerate().map(|(n, value)| format!("k{n}={value}")).collect::<Vec<_>>().join(", ");
            let found: Vec<String> = pairs(&text).map(|(_, value)| value.to_owned()).collect();
            let want: Vec<String> = values.iter().map(|value| value.trim().to_owned()).collect();
            prop_assert_eq!(found, want);
        }
    }
}
