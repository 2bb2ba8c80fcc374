//! Secrets beside their names: in lists, between tags, behind options of one letter.

use super::{MAX_ESCAPES, MAX_URL, Span, bare_length, is_worth_it, key, names::is_sensitive, quoted_end};

/// The text after a quoted name in a list: `('password', 'x')`, `{'name': 'DB_PASSWORD', 'value': 'x'}`, `('key', 'db_password'),
/// ('val', 'x')`.
pub(super) fn after_name(bytes: &[u8], comma: usize) -> Option<Span> {
    let closing = usize::from(comma > 0 && matches!(bytes[comma - 1], b')' | b']'));
    let (name, is_quoted) = key(bytes, comma - closing);
    if !is_quoted || !is_sensitive(name) {
        return None;
    }
    // `Variable(key='db_password', val='x')`
    let rest = bytes[comma + 1..].trim_ascii_start();
    let word = [b"val=".as_slice(), b"value="].into_iter().find(|word| rest.starts_with(word));
    let start = word.map_or(comma + 1, |word| bytes.len() - rest.len() + word.len());
    let (from, to, after) = quoted(bytes, start)?;
    let is_value = [b"value".as_slice(), b"val"].iter().any(|word| bytes[from..to].eq_ignore_ascii_case(word));
    let is_key = bytes.get(after) == Some(&b':');
    let (from, to) = match (is_value, is_key) {
        (true, _) => quoted(bytes, after + 1).map(|(from, to, _)| (from, to))?,
        (false, true) => return None,
        (false, false) => (from, to),
    };
    Some((from, to)).filter(|span| is_worth_it(bytes, *span))
}

/// A quoted text behind brackets and blanks: where it begins and ends, and where the next byte of interest is.
fn quoted(bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let is_between = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'(' | b'[');
    let at = at + bytes.get(at..)?.iter().take_while(is_between).count();
    let rest = &bytes[at..];
    let prefix = usize::from(matches!(rest, [b'b' | b'u' | b'r', b'"' | b'\'', ..]));
    let escapes = rest[prefix..].iter().take_while(|b| **b == b'\\').take(MAX_ESCAPES).count();
    let quote = *rest.get(prefix + escapes).filter(|b| matches!(b, b'"' | b'\''))?;
    let from = at + prefix + escapes + 1;
    let to = quoted_end(bytes, from, quote, escapes);
    let after = (to + escapes + 1).min(bytes.len());
    let spaces = bytes[after..].iter().take_while(|b| **b == b' ').count();
    Some((from, to, after + spaces))
}

/// What stands between `<password>` and the next tag.
pub(super) fn element(bytes: &[u8], end: usize) -> Option<Span> {
    let (name, is_quoted) = key(bytes, end);
    let opens = bytes.get(end.checked_sub(name.len() + 1)?) == Some(&b'<');
    if is_quoted || !opens || !is_sensitive(name) {
        return None;
    }
    let length = bytes[end + 1..].iter().position(|b| *b == b'<')?;
    Some((end + 1, end + 1 + length)).filter(|span| is_worth_it(bytes, *span))
}

/// Options of one letter that well-known programs are given a secret by: `curl -u user:x`, `mysql -px`, `sshpass -p x`,
/// `airflow users create -p x`.
pub(super) fn short_option(bytes: &[u8], at: usize) -> Option<Span> {
    let letter = *bytes.get(at + 1).filter(|b| matches!(b, b'u' | b'p'))?;
    if at == 0 || !matches!(bytes[at - 1], b' ' | b'\'' | b'"') {
        return None;
    }
    // The command stands shortly before, and no other one between.
    let before = &bytes[at.saturating_sub(MAX_URL)..at];
    let before = before.rsplit(|b| matches!(b, b';' | b'|' | b'&' | b'\n')).next().unwrap_or_default();
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let ran = |program: &str| {
        memchr::memmem::find_iter(before, program).any(|start| {
            let (left, right) = (&before[..start], &before[start + program.len()..]);
            !left.last().is_some_and(is_part) && !right.first().is_some_and(is_part)
        })
    };
    let is_between = |b: &&u8| matches!(b, b' ' | b'\'' | b'"' | b',' | b'\\');
    let between = bytes[at + 2..].iter().take_while(is_between).count();
    let from = at + 2 + between;
    let to = from + bare_length(&bytes[from..]);
    let span = match letter {
        b'u' if ran("curl") => (from + memchr::memchr(b':', &bytes[from..to])? + 1, to),
        // `-p` without a user would as well be the beginning of `-port`.
        b'p' if between == 0
            && ["mysql", "mysqldump", "mariadb"].into_iter().any(ran)
            && (ran("-u") || ran("--user")) =>
        {
            (from, to)
        }
        b'p' if between > 0 && (ran("sshpass") || ran("users") && is_create(before)) => (from, to),
        _ => return None,
    };
    Some(span).filter(|span| is_worth_it(bytes, *span))
}

/// `users create`, in this order.
fn is_create(command: &[u8]) -> bool {
    let users = memchr::memmem::find(command, b"users");
    users.is_some_and(|at| memchr::memmem::find(&command[at..], b"create").is_some())
}
