//! Names whose values are secrets.

/// Is a value under this name a secret? Names are compared without case, `_` and `-`.
pub(super) fn is_sensitive(key: &[u8]) -> bool {
    let mut name = [0_u8; 64];
    let mut length = 0;
    for b in key.iter().filter(|b| b.is_ascii_alphanumeric()) {
        if let Some(slot) = name.get_mut(length) {
            *slot = b.to_ascii_lowercase();
            length += 1;
        }
    }
    let name = &name[..length];
    if matches!(name, b"bypass" | b"compass") || name.starts_with(b"secretar") {
        return false;
    }
    // Few names end in three letters that any of these ends in.
    let ends: &[&[u8]] = match name {
        [.., b'p', b'w', b'd'] | [.., b'j', b'w', b't'] | b"sig" | b"pw" => return true,
        [.., b'n', b'i', b'd'] => &[b"sessionid"],
        [.., b'k', b'i', b'e'] => &[b"cookie"],
        [.., b'u', b'r', b'e'] => &[b"signature"],
        [.., b'u', b't', b'h'] => &[b"auth"],
        [.., b'k', b'e', b'n'] => &[b"token"],
        [.., b'e', b'n', b's'] => &[b"tokens"],
        [.., b'a', b's', b's'] => &[b"pass"],
        [.., b'i', b'c', b't'] => &[b"keyfiledict"],
        [.., b'k', b'e', b'y'] => &[
            b"fernetkey",
            b"signingkey",
            b"encryptionkey",
            b"accountkey",
            b"sshkey",
            b"storagekey",
            b"masterkey",
            b"sharedkey",
        ],
        _ => &[],
    };
    ends.iter().any(|end| name.ends_with(end)) || (0..length).any(|at| begins_sensitive(&name[at..]))
}

/// Parts of a name that make it sensitive wherever they stand.
fn begins_sensitive(name: &[u8]) -> bool {
    let parts: &[&[u8]] = match name {
        [b'p', b'a' | b'r', ..] => &[b"password", b"passwd", b"passphrase", b"privatekey"],
        [b's', b'e', ..] => &[b"secret"],
        [b'a', b'p' | b'c' | b'u', ..] => &[b"apikey", b"accesskey", b"authorization"],
        [b'c', b'r' | b'o', ..] => &[b"credential", b"connectionstring"],
        _ => return false,
    };
    parts.iter().any(|part| name.starts_with(part))
}
