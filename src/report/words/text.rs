//! Text from data is hostile: what a reader cannot see is made visible, and names become fit for URLs and files.

/// Longest file stem made from an id.
const MAX_STEM: usize = 60;

/// Text in which control characters, line breaks and marks that reorder or hide text can be seen, in letters that every
/// font has.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() || is_hidden(c) => shown.push_str(&format!("[U+{:04X}]", c as u32)),
            c => shown.push(c),
        }
    }
    shown
}

/// `text`, or its two ends around an ellipsis where it is longer than `max` characters.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    let length = text.chars().count();
    if length <= max || max < 3 {
        return text.to_owned();
    }
    let head = (max - 1) / 2;
    let tail = max - 1 - head;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

/// Text for HTML and SVG, in content and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// An element id that needs no escaping in HTML or in a URL.
pub(crate) fn anchor(id: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let kept: String = id.chars().take(200).map(|c| if safe(c) { c } else { '-' }).collect();
    match kept.chars().next() {
        Some(first) if first.is_ascii_alphanumeric() => kept,
        _ => format!("f{kept}"),
    }
}

/// The stem of a file name: `[a-z0-9-]`, short.
pub(crate) fn file_stem(text: &str) -> String {
    let mut stem = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            stem.push(c);
        } else if !stem.ends_with('-') && !stem.is_empty() {
            stem.push('-');
        }
        if stem.len() >= MAX_STEM {
            break;
        }
    }
    let stem = stem.trim_matches('-');
    if stem.is_empty() { "chart".to_owned() } else { stem.to_owned() }
}

/// Characters that take no room or change the order of others: bidirectional marks, joiners, separators,
/// tags. The joiner of emoji sequences stays.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(visible("a\nb\u{202e}c\u{7}"), "a[U+000A]b[U+202E]c[U+0007]");
        assert_eq!(visible("Bestellung ü 🛒"), "Bestellung ü 🛒");
    }

    #[test]
    fn long_text_keeps_its_ends() {
        assert_eq!(shorten("abcdefghij", 7), "abc…hij");
        assert_eq!(shorten("abc", 7), "abc");
        assert_eq!(shorten(&"ü".repeat(300), 80).chars().count(), 80);
    }

    #[test]
    fn names_are_safe() {
        assert_eq!(anchor("a<b>\"c"), "a-b--c");
        assert_eq!(anchor(""), "f");
        assert_eq!(file_stem("../Etc/passwd\n<x>"), "etc-passwd-x");
        assert_eq!(file_stem("🛒"), "chart");
        assert!(file_stem(&"x-".repeat(300)).len() <= MAX_STEM);
    }
}
