//! Labels of one series, and the JSON object they are kept as.

use super::super::reading::Fault;
use std::borrow::Cow;

/// Longest JSON text of one series' labels. Prometheus itself refuses far less.
const MAX_BYTES: usize = 16_384;

/// Most labels of one series; the most that exporters give is a few dozen.
const MAX_LABELS: usize = 256;

/// Labels, in the order in which the source gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Labels<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Labels<'a> {
    /// Adds a label. Of two with one name the first stands; a label without a value says nothing.
    pub(super) fn add(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        let (name, value) = (name.into(), value.into());
        // One more than allowed is kept, by which `write` sees that there were too many.
        if !value.is_empty() && self.0.len() <= MAX_LABELS && self.get(&name).is_none() {
            self.0.push((name, value));
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// Takes a label out.
    pub(super) fn take(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// Gives a label another name.
    pub(super) fn rename(&mut self, from: &str, to: &'static str) {
        if let Some(value) = self.take(from) {
            self.add(to, value);
        }
    }

    /// Does `other` say all of this and nothing else of it?
    pub(super) fn within(&self, other: &Labels<'_>) -> bool {
        self.0.iter().all(|(name, value)| other.get(name) == Some(value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Free of its source.
    pub(super) fn into_owned(self) -> Labels<'static> {
        let own = |(name, value): (Cow<'a, str>, Cow<'a, str>)| (name.into_owned().into(), value.into_owned().into());
        Labels(self.0.into_iter().map(own).collect())
    }

    /// Writes the JSON object, its keys sorted, into `json`.
    pub(super) fn write(&mut self, json: &mut String) -> Result<(), Fault> {
        if self.0.len() > MAX_LABELS {
            return Err(Fault::new("the series has more than 256 labels"));
        }
        self.0.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        json.clear();
        json.push('{');
        for (name, value) in &self.0 {
            if json.len() > 1 {
                json.push(',');
            }
            push_text(json, name);
            json.push(':');
            push_text(json, &without_password(value));
        }
        json.push('}');
        if json.len() > MAX_BYTES {
            return Err(Fault::of("the labels are longer than 16 KiB", json));
        }
        Ok(())
    }
}

fn push_text(json: &mut String, text: &str) {
    json.push('"');
    // Runs without special characters, the common case, are copied whole.
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(at);
        json.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('"') => json.push_str("\\\""),
            Some('\\') => json.push_str("\\\\"),
            Some('\n') => json.push_str("\\n"),
            Some('\t') => json.push_str("\\t"),
            Some('\r') => json.push_str("\\r"),
            Some(other) => json.push_str(&format!("\\u{:04x}", u32::from(other))),
            None => {}
        }
        rest = characters.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

/// An address such as `postgresql://user:secret@host/db` loses its password.
fn without_password(value: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = value.split_once("://") else { return Cow::Borrowed(value) };
    let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or(rest);
    match authority.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            let name = user.split(':').next().unwrap_or_default();
            let tail = rest.get(authority.len()..).unwrap_or_default();
            Cow::Owned(format!("{scheme}://{name}:***@{host}{tail}"))
        }
        _ => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(pairs: &[(&'static str, &'static str)]) -> String {
        let mut labels = Labels::default();
        for (name, value) in pairs {
            labels.add(*name, *value);
        }
        let mut json = String::new();
        labels.write(&mut json).expect("short");
        json
    }

    #[test]
    fn the_object_is_sorted_and_escaped() {
        assert_eq!(json(&[]), "{}");
        assert_eq!(json(&[("task_id", "t"), ("dag_id", "d")]), r#"{"dag_id":"d","task_id":"t"}"#);
        let text = json(&[("a", "q\"b\\s\nn\u{1}ü")]);
        assert_eq!(text, "{\"a\":\"q\\\"b\\\\s\\nn\\u0001ü\"}");
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read["a"], "q\"b\\s\nn\u{1}ü");
    }

    #[test]
    fn the_first_of_two_labels_stands_and_an_empty_one_is_none() {
        assert_eq!(json(&[("a", "1"), ("a", "2"), ("b", "")]), r#"{"a":"1"}"#);
    }

    #[test]
    fn passwords_in_addresses_do_not_get_through() {
        let kept = json(&[("uri", "postgresql://me:s3cret@host:5432/db"), ("server", "127.0.0.1:55432")]);
        assert_eq!(kept, r#"{"server":"127.0.0.1:55432","uri":"postgresql://me:***@host:5432/db"}"#);
        assert_eq!(json(&[("u", "https://x/a@b:c")]), r#"{"u":"https://x/a@b:c"}"#);
    }

    #[test]
    fn labels_without_end_are_a_fault() {
        let mut labels = Labels::default();
        labels.add("a", "x".repeat(20_000));
        assert!(labels.write(&mut String::new()).is_err());
        let mut many = Labels::default();
        (0..300).for_each(|n| many.add(n.to_string(), "x"));
        assert!(many.write(&mut String::new()).is_err());
    }
}
