//! Enough of Rust's grammar to see what a source file names: comments and literals blanked, tokens, whole paths.

/// The text with comments, strings and characters blanked; line breaks stay.
pub(crate) fn strip(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let mut previous = ' ';
    while i < chars.len() {
        let end = match at(i) {
            '/' if at(i + 1) == '/' => (i..chars.len()).find(|&k| at(k) == '\n').unwrap_or(chars.len()),
            '/' if at(i + 1) == '*' => end_of_comment(&chars, i),
            '"' => end_of_string(&chars, i),
            'r' | 'b' | 'c' if !is_word(previous) => match raw_or_prefixed(&chars, i) {
                Some(end) => end,
                None => i,
            },
            '\'' => end_of_char(&chars, i).unwrap_or(i),
            _ => i,
        };
        if end == i {
            out.push(at(i));
            previous = at(i);
            i += 1;
        } else {
            out.extend((i..end).map(|k| if at(k) == '\n' { '\n' } else { ' ' }));
            previous = ' ';
            i = end;
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => {
                (depth, i) = (depth - 1, i + 2);
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], quote: usize) -> usize {
    let mut i = quote + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// `r"`, `r#"`, `b"`, `br#"`, `c"`, `cr"`, `b'`: where it ends, if it is one of them.
fn raw_or_prefixed(chars: &[char], start: usize) -> Option<usize> {
    let mut i = start;
    while i - start < 2 && matches!(chars.get(i), Some('r' | 'b' | 'c')) {
        i += 1;
    }
    let raw = chars[start..i].contains(&'r');
    let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
    match chars.get(i + hashes) {
        Some('"') if raw => {
            let open = i + hashes + 1;
            let closes = |k: &usize| {
                chars[*k] == '"' && chars[k + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
            };
            Some((open..chars.len()).find(closes).map_or(chars.len(), |k| k + 1 + hashes))
        }
        Some('"') if hashes == 0 => Some(end_of_string(chars, i)),
        Some('\'') if hashes == 0 && chars[start] == 'b' => end_of_char(chars, i),
        _ => None,
    }
}

/// A character literal's end; a lifetime is none.
fn end_of_char(chars: &[char], quote: usize) -> Option<usize> {
    if chars.get(quote + 1) == Some(&'\\') {
        return (quote + 3..chars.len()).find(|&k| chars[k] == '\'').map(|k| k + 1);
    }
    (chars.get(quote + 2) == Some(&'\'')).then_some(quote + 3)
}

/// Words, `::` and single signs.
pub(crate) fn tokens(stripped: &str) -> Vec<String> {
    let chars: Vec<char> = stripped.chars().collect();
    let (mut out, mut i) = (Vec::new(), 0);
    while i < chars.len() {
        let start = i;
        if is_word(chars[i]) {
            while i < chars.len() && is_word(chars[i]) {
                i += 1;
            }
            out.push(chars[start..i].iter().collect());
        } else if chars[i] == ':' && chars.get(i + 1) == Some(&':') {
            out.push("::".to_owned());
            i += 2;
        } else {
            if !chars[i].is_whitespace() {
                out.push(chars[i].to_string());
            }
            i += 1;
        }
    }
    out
}

/// Every path that the tokens spell out, from its first word on, groups of `use` taken apart; `super` and `crate` are
/// resolved against `module`, the file's own module path, so that paths of the crate begin with "crate".
pub(crate) fn paths(tokens: &[String], module: &[String]) -> Vec<Vec<String>> {
    let (mut found, mut inline, mut depth) = (Vec::new(), Vec::new(), 0_usize);
    let mut i = 0;
    while i < tokens.len() {
        match tokens[i].as_str() {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.retain(|(_, at): &(String, usize)| *at <= depth);
            }
            "mod" if tokens.get(i + 2).is_some_and(|t| t == "{") => {
                inline.push((tokens[i + 1].clone(), depth + 1));
                i += 1;
            }
            word if is_word(word.chars().next().unwrap_or(' ')) => {
                let leads = tokens.get(i + 1).is_some_and(|t| t == "::");
                let begins = i == 0 || tokens[i - 1] != "::" || !continues(tokens, i - 1);
                let named = i > 0 && matches!(tokens[i - 1].as_str(), "use" | "crate" | "extern");
                if begins && (leads || named) {
                    let here: Vec<String> =
                        module.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone())).collect();
                    let mut all = Vec::new();
                    expand(tokens, i, &[], &mut all);
                    found.extend(all.into_iter().map(|path| resolve(path, &here)));
                }
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// Does the `::` at `i` continue a path (and not begin one, as in `::std`)?
fn continues(tokens: &[String], i: usize) -> bool {
    const KEYWORDS: [&str; 9] = ["use", "as", "in", "return", "mut", "dyn", "impl", "for", "else"];
    let before = i.checked_sub(1).map(|i| tokens[i].as_str());
    before.is_some_and(|t| t == ">" || !KEYWORDS.contains(&t) && is_word(t.chars().next().unwrap_or(' ')))
}

/// Collects the paths that begin at `i`; returns the place behind them.
fn expand(tokens: &[String], mut i: usize, before: &[String], out: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(i).map(String::as_str) {
            Some("{") => {
                i += 1;
                while tokens.get(i).is_some_and(|t| t != "}") {
                    i = if tokens[i] == "," { i + 1 } else { expand(tokens, i, &path, out).max(i + 1) };
                }
                return i + 1;
            }
            Some(word) if word == "*" || is_word(word.chars().next().unwrap_or(' ')) => path.push(word.to_owned()),
            _ => break,
        }
        i += 1;
        if tokens.get(i).is_none_or(|t| t != "::") {
            break;
        }
        i += 1;
    }
    out.push(path);
    if tokens.get(i).is_some_and(|t| t == "as") { i + 2 } else { i }
}

fn resolve(path: Vec<String>, here: &[String]) -> Vec<String> {
    let ups = path.iter().skip_while(|word| *word == "self").take_while(|word| *word == "super").count();
    let rest = path.iter().skip_while(|word| matches!(word.as_str(), "self" | "super")).cloned();
    match path.first().map(String::as_str) {
        Some("self" | "super") => {
            let kept = here.len().saturating_sub(ups);
            std::iter::once("crate".to_owned()).chain(here[..kept].iter().cloned()).chain(rest).collect()
        }
        Some("windtunnel") => std::iter::once("crate".to_owned()).chain(path.into_iter().skip(1)).collect(),
        _ => path,
    }
}
