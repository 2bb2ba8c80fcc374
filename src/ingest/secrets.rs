//! Secrets in free text, masked before the text is kept: passwords, tokens and keys in `key=value`, JSON and header forms,
//! credentials in URLs, and tokens that are known by how they begin.
//!
//! It errs on the side of masking: a harmless value under the name `token` is lost, a password is not kept.

mod lists;
mod names;
mod tokens;

use lists::{after_name, element, short_option};
use names::is_sensitive;
use std::borrow::Cow;
use tokens::{private_key, token};

/// What stands for a secret.
const MASK: &str = "***";

/// Part of a word.
const WORD: u8 = 1;
/// May begin a token, where a word begins.
const START: u8 = 2;
/// Stands between a name and a secret, or begins an option or a key block.
const MARK: u8 = 4;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut b = 0;
    while b < 256 {
        let word = if (b as u8).is_ascii_alphanumeric() { WORD } else { 0 };
        class[b] = match (b as u8).to_ascii_lowercase() {
            b'a' | b'b' | b'd' | b'e' | b'g' | b'h' | b'n' | b'p' | b'r' | b's' | b'x' | b'y' => word | START,
            b':' | b'=' | b'-' | b',' | b'>' => MARK,
            _ => word,
        };
        b += 1;
    }
    class
};

/// `text` with its secrets masked; borrowed where it holds none. One pass over the bytes.
pub(super) fn mask(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut masked, mut kept, mut at, mut before) = (String::new(), 0, 0, 0);
    while let Some(b) = bytes.get(at) {
        let class = CLASS[usize::from(*b)];
        let begins_word = before & WORD == 0;
        before = class;
        if class & MARK == 0 && (class & START == 0 || !begins_word) {
            at += 1;
            continue;
        }
        let secret = match b {
            b':' | b'=' => after_separator(bytes, at),
            b',' => after_name(bytes, at),
            b'>' => element(bytes, at),
            b'-' if begins_word => {
                private_key(bytes, at).or_else(|| option(bytes, at)).or_else(|| short_option(bytes, at))
            }
            b'-' => None,
            _ => token(bytes, at),
        };
        match secret {
            Some((from, to)) if from < to => {
                // Both ends lie beside ASCII, so that they are boundaries of characters.
                masked.push_str(text.get(kept..from).unwrap_or_default());
                masked.push_str(MASK);
                (kept, at, before) = (to, to, WORD);
            }
            _ => at += 1,
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(masked)
}

/// From and to, in bytes.
type Span = (usize, usize);

fn after_separator(bytes: &[u8], at: usize) -> Option<Span> {
    if bytes[at..].starts_with(b"://") {
        return url(bytes, at + 3);
    }
    let (key, quoted_at) = key(bytes, at);
    if !is_sensitive(key) {
        return None;
    }
    // `=>`, `:=` and `==` separate as well.
    let width = 1 + usize::from(matches!(bytes.get(at + 1), Some(b'=' | b'>')));
    value(bytes, at + width, bytes[at] == b':' || width == 2 || quoted_at, key)
}

/// The user part of a URL: what follows `user:`, or the whole where it is long enough to be a token.
fn url(bytes: &[u8], start: usize) -> Option<Span> {
    let is_end = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'<' | b'>' | b'`');
    let most = &bytes[start..bytes.len().min(start + MAX_URL)];
    let end = start + most.iter().position(is_end).unwrap_or(most.len());
    let whole = &bytes[start..end];
    if whole.starts_with(SLACK_HOOK) {
        return Some((start + SLACK_HOOK.len(), end));
    }
    let authority = whole.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(whole.len());
    let at_sign = match memchr::memrchr(b'@', &whole[..authority]) {
        Some(at_sign) => at_sign,
        None => {
            // A password may hold a slash itself; then what follows the colon is no port.
            let colon = memchr::memchr(b':', &whole[..authority])?;
            let port = &whole[colon + 1..authority];
            if !port.is_empty() && port.iter().all(u8::is_ascii_digit) {
                return None;
            }
            memchr::memrchr(b'@', whole)?
        }
    };
    match memchr::memchr(b':', &whole[..at_sign]) {
        Some(colon) => Some((start + colon + 1, start + at_sign)),
        None if at_sign >= TOKEN_LENGTH => Some((start, start + at_sign)),
        None => None,
    }
}

/// Bytes of a URL that are looked at for credentials.
const MAX_URL: usize = 2_048;

/// Who knows the rest of such a URL may post.
const SLACK_HOOK: &[u8] = b"hooks.slack.com/services/";

/// Shortest text that passes for a token where nothing else says so.
const TOKEN_LENGTH: usize = 16;

/// The name before a separator, and whether it stands in quotes, as in JSON.
fn key(bytes: &[u8], separator: usize) -> (&[u8], bool) {
    let is_quote = |b: &&u8| matches!(b, b'"' | b'\'' | b'\\' | b'`');
    let before = &bytes[..separator];
    let spaces = before.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).take(2).count();
    let before = &before[..separator - spaces];
    let quotes = before.iter().rev().take_while(is_quote).take(4).count();
    let before = &before[..before.len() - quotes];
    let is_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let length = before.iter().rev().take_while(is_name).take(64).count();
    (&before[before.len() - length..], quotes > 0)
}

/// The value after a separator: quoted, in brackets, or up to the next space.
fn value(bytes: &[u8], start: usize, may_be_spaced: bool, key: &[u8]) -> Option<Span> {
    let spaces = bytes[start..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    // `password= x` names an empty password, `password = x` and `password: x` do not.
    let is_spaced = may_be_spaced || start >= 2 && bytes[start - 2] == b' ';
    let from = if is_spaced || spaces == 0 { start + spaces } else { return None };
    let rest = &bytes[from..];
    let escapes = rest.iter().take_while(|b| **b == b'\\').take(MAX_ESCAPES).count();
    let prefix = usize::from(matches!(rest, [b'b' | b'u' | b'r', b'"' | b'\'', ..]));
    let to = match rest.get(escapes.max(prefix)) {
        Some(quote @ (b'"' | b'\'')) => {
            let from = from + escapes.max(prefix) + 1;
            return Some((from, quoted_end(bytes, from, *quote, escapes))).filter(|span| is_worth_it(bytes, *span));
        }
        Some(b'[' | b'{' | b'(') if bracket_end(bytes, from).is_some() => {
            return bracket_end(bytes, from).map(|to| (from, to));
        }
        // The option that follows a name without a value has one of its own.
        Some(b'-') if option_name(bytes, from).is_some() => return None,
        // `token: Bearer x` is a scheme and a secret.
        _ => token(bytes, from).map_or(0, |(_, to)| to).max(from + bare_length(rest)),
    };
    let to = if is_header(key) { header_end(bytes, from, to) } else { to };
    // `max_tokens: 4096` counts.
    if key.ends_with(b"s") && bytes[from..to].iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((from, to)).filter(|span| is_worth_it(bytes, *span))
}

/// Backslashes before a quote, as of JSON within JSON within JSON.
const MAX_ESCAPES: usize = 8;

fn is_worth_it(bytes: &[u8], (from, to): Span) -> bool {
    let value = bytes.get(from..to).unwrap_or_default();
    // A task named `refresh_token` has states, too.
    let is_state = [b"success".as_slice(), b"failed", b"running", b"queued", b"skipped"]
        .iter()
        .any(|state| value.eq_ignore_ascii_case(state));
    !is_state && !matches!(value, b"" | b"None" | b"null" | b"True" | b"False" | b"true" | b"false" | b"***")
}

fn quoted_end(bytes: &[u8], from: usize, quote: u8, escapes: usize) -> usize {
    let mut at = from;
    while let Some(b) = bytes.get(at) {
        let slashes = bytes[at..].iter().take_while(|b| **b == b'\\').take(escapes + 1).count();
        if slashes > escapes {
            at += slashes + 1;
        } else if escapes == 0 && at > from && *b == quote && bytes.get(at + 1) == Some(&quote) {
            // SQL and CSV double a quote that is part of the text.
            at += 2;
        } else if *b == quote || slashes == escapes && slashes > 0 && bytes.get(at + slashes) == Some(&quote) {
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// Bytes in which a bracket must close: a key file of a cloud's service account has 2.4 KB.
const MAX_BRACKET: usize = 16 << 10;

/// Behind the bracket that closes the one at `from`, or as far as that is looked for; nothing where it never closes.
fn bracket_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, b) in bytes.iter().enumerate().skip(from).take(MAX_BRACKET) {
        match b {
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' if depth <= 1 => return Some(at + 1),
            b']' | b'}' | b')' => depth -= 1,
            _ => {}
        }
    }
    let is_boundary = |at: &usize| bytes[*at] & 0xc0 != 0x80;
    (from + MAX_BRACKET..bytes.len()).find(is_boundary)
}

/// A value without quotes ends at a space, a quote or a separator of a URL; what merely closes it is not part of it.
fn bare_length(rest: &[u8]) -> usize {
    let is_end = |(at, b): (usize, &u8)| match b {
        b'&' | b';' => begins_pair(&rest[at + 1..]),
        b => b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'<' | b'>'),
    };
    let length = rest.iter().enumerate().position(is_end).unwrap_or(rest.len());
    let closing = rest[..length]
        .iter()
        .rev()
        .take_while(|b| matches!(b, b',' | b')' | b']' | b'}' | b'.' | b':' | b'\\'))
        .count();
    length - closing
}

/// Nothing, or the next `name=` of a URL's query or a connection string: what stands before it ends the value.
fn begins_pair(rest: &[u8]) -> bool {
    let length =
        rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).take(64).count();
    match rest.get(length) {
        None => length == 0,
        Some(next) => *next == b'=' || length == 0 && next.is_ascii_whitespace(),
    }
}

fn is_header(key: &[u8]) -> bool {
    let ends = |name: &[u8]| key.len() >= name.len() && key[key.len() - name.len()..].eq_ignore_ascii_case(name);
    ends(b"authorization") || ends(b"cookie")
}

/// A header goes on to the end of the line or of the quotes that it stands in.
fn header_end(bytes: &[u8], from: usize, to: usize) -> usize {
    let is_end = |b: &u8| matches!(b, b'\n' | b'\r' | b'"' | b'\'');
    bytes[from..].iter().position(is_end).map_or(bytes.len(), |length| from + length).max(to)
}

/// The end of `--password`, an option whose value is a secret.
fn option_name(bytes: &[u8], at: usize) -> Option<usize> {
    let name = bytes[at..].strip_prefix(b"--")?;
    let length = name.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).take(64).count();
    is_sensitive(&name[..length]).then_some(at + 2 + length)
}

/// `--password x`, `--password 'x y'` and `'--token', 'x'`.
fn option(bytes: &[u8], at: usize) -> Option<Span> {
    let after = option_name(bytes, at)?;
    let is_between = |b: &&u8| matches!(b, b' ' | b'\'' | b'"' | b',' | b'\\');
    let from = after + bytes[after..].iter().take_while(is_between).count();
    if from == after || bytes.get(from) == Some(&b'-') {
        return None;
    }
    let opened = bytes[after..from].iter().rev().take_while(|b| **b != b' ').find(|b| matches!(b, b'"' | b'\''));
    let closed = opened.and_then(|quote| bytes[from..].iter().position(|b| b == quote));
    let to = closed.map_or_else(|| from + bare_length(&bytes[from..]), |length| from + length);
    let slashes = bytes[from..to].iter().rev().take_while(|b| **b == b'\\').count();
    Some((from, to - slashes)).filter(|span| is_worth_it(bytes, *span))
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
