//! Secrets that are known by how they begin.

use super::{Span, TOKEN_LENGTH};

/// A token that begins as those of a known service, or follows the name of a scheme.
pub(super) fn token(bytes: &[u8], at: usize) -> Option<Span> {
    const PREFIXES: [(&str, usize); 28] = [
        ("sk-", 32),
        ("hf_", 20),
        ("hvs.", 20),
        ("dop_v1_", 20),
        ("AKIA", 16),
        ("ASIA", 16),
        ("ghp_", 20),
        ("gho_", 20),
        ("ghu_", 20),
        ("ghs_", 20),
        ("ghr_", 20),
        ("github_pat_", 20),
        ("glpat-", 16),
        ("xoxb-", 10),
        ("xoxp-", 10),
        ("xoxa-", 10),
        ("xoxr-", 10),
        ("xoxs-", 10),
        ("xapp-", 10),
        ("eyJ", 17),
        ("sk_live_", 16),
        ("rk_live_", 16),
        ("AIza", 30),
        ("ya29.", 16),
        ("SG.", 20),
        ("npm_", 20),
        ("pypi-", 20),
        ("dapi", 32),
    ];
    const SCHEMES: [&str; 2] = ["bearer ", "basic "];
    let rest = &bytes[at..];
    // Few words begin like any of them.
    let (first, second) = (rest.first()?.to_ascii_lowercase(), rest.get(1)?.to_ascii_lowercase());
    let may_be = match first {
        b'a' => matches!(second, b'k' | b's' | b'i'),
        b'b' => matches!(second, b'e' | b'a'),
        b'g' => matches!(second, b'h' | b'i' | b'l'),
        b'x' => matches!(second, b'o' | b'a'),
        b's' => matches!(second, b'k' | b'g'),
        _ => matches!(
            (first, second),
            (b'e' | b'p', b'y')
                | (b'r', b'k')
                | (b'y' | b'd', b'a')
                | (b'n', b'p')
                | (b'h', b'f' | b'v')
                | (b'd', b'o')
        ),
    };
    if !may_be {
        return None;
    }
    let is_token = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b'+' | b'=' | b'~');
    let length = |from: usize| rest[from..].iter().take_while(is_token).count();
    for (prefix, least) in PREFIXES {
        if rest.starts_with(prefix.as_bytes()) {
            let length = length(0);
            return (length >= prefix.len() + least).then_some((at, at + length));
        }
    }
    for scheme in SCHEMES {
        if rest.get(..scheme.len()).is_some_and(|word| word.eq_ignore_ascii_case(scheme.as_bytes())) {
            let length = length(scheme.len());
            let value = &rest[scheme.len()..scheme.len() + length];
            // `basic authentication` is prose, what follows `Basic` as a scheme is base64.
            let is_prose = scheme == "basic " && value.iter().all(u8::is_ascii_lowercase);
            return (length >= TOKEN_LENGTH / 2 && !is_prose)
                .then_some((at + scheme.len(), at + scheme.len() + length));
        }
    }
    None
}

const PRIVATE: &[u8] = b"PRIVATE KEY-----";

pub(super) fn private_key(bytes: &[u8], at: usize) -> Option<Span> {
    let rest = bytes[at..].strip_prefix(b"-----BEGIN ")?;
    let name = rest.get(..rest.len().min(40))?;
    if !name.windows(PRIVATE.len()).any(|window| window == PRIVATE) {
        return None;
    }
    let end = rest.windows(9).position(|window| window == b"-----END ").unwrap_or(rest.len());
    Some((at, bytes.len() - rest.len() + end))
}
