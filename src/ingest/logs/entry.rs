//! The first line of an entry, whatever wrote it.

use super::clock::Stamp;
use std::borrow::Cow;

/// The first line of an entry. All texts are as written; empty where the line lacks them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry<'a> {
    /// When.
    pub(super) time: Option<Stamp>,
    /// Level.
    pub(super) level: &'a [u8],
    /// Logger, else the source file.
    pub(super) logger: Cow<'a, [u8]>,
    /// What it says, without time, level, logger and keys.
    pub(super) message: Cow<'a, [u8]>,
    /// Type of the exception that the line carries.
    pub(super) exception: Cow<'a, [u8]>,
    /// The attempt that the line names.
    pub(super) ids: Ids<'a>,
}

/// The attempt that a line names, as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ids<'a> {
    pub(super) dag_id: Cow<'a, [u8]>,
    pub(super) run_id: Cow<'a, [u8]>,
    pub(super) task_id: Cow<'a, [u8]>,
    pub(super) map_index: &'a [u8],
    pub(super) try_number: &'a [u8],
    /// Airflow 3's id of the try, with dashes.
    pub(super) ti_id: Cow<'a, [u8]>,
}

impl<'a> Ids<'a> {
    /// Takes the value of one key, if it is one of ours; `None` is Python's "nothing".
    pub(super) fn take(&mut self, key: &[u8], value: Cow<'a, [u8]>) {
        if *value == *b"None" || *value == *b"null" {
            return;
        }
        match (key, value) {
            (b"dag_id", value) => self.dag_id = value,
            (b"run_id", value) => self.run_id = value,
            (b"task_id", value) => self.task_id = value,
            (b"ti_id", value) => self.ti_id = value,
            (b"map_index", Cow::Borrowed(value)) => self.map_index = value,
            (b"try_number", Cow::Borrowed(value)) => self.try_number = value,
            _ => {}
        }
    }

    /// Does it name anything?
    pub(super) fn is_empty(&self) -> bool {
        self.dag_id.is_empty() && self.run_id.is_empty() && self.task_id.is_empty()
    }
}

/// Removes the colours of a terminal (`ESC [ .. letter`) into `into`; `false` where the line has none.
pub(super) fn without_colours(line: &[u8], into: &mut Vec<u8>) -> bool {
    const ESCAPE: u8 = 0x1b;
    if memchr::memchr(ESCAPE, line).is_none() {
        return false;
    }
    into.clear();
    let mut rest = line;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        into.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(sequence) = rest.strip_prefix(b"[") {
            let end = sequence.iter().position(u8::is_ascii_alphabetic).map_or(sequence.len(), |end| end + 1);
            rest = &sequence[end..];
        }
    }
    into.extend_from_slice(rest);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed() {
        let mut plain = Vec::new();
        let line = b"[\x1b[34m2026-11-24 12:27:53,113\x1b[0m] {\x1b[34mdb.py:\x1b[0m684} INFO\x1b[0m - Creating\x1b[0m";
        assert!(without_colours(line, &mut plain));
        assert_eq!(plain, b"[2026-11-24 12:27:53,113] {db.py:684} INFO - Creating");
        assert!(!without_colours(b"plain", &mut plain));
        for broken in [b"a\x1b".as_slice(), b"a\x1b[", b"a\x1b[12;"] {
            assert!(without_colours(broken, &mut plain));
            assert_eq!(plain, b"a");
        }
    }
}
