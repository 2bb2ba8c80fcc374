//! An input that comes in small blocks, as a compressed one may, or that breaks off.

use super::told::Told;
use std::{
    io::{self, BufRead, Read},
    rc::Rc,
};

/// Bytes that are handed out `size` at a time.
#[derive(Clone)]
pub(super) struct Blocks {
    bytes: Rc<[u8]>,
    at: usize,
    size: usize,
    /// Does an error stand at the end?
    breaks: bool,
}

impl Blocks {
    pub(super) fn whole(bytes: &[u8]) -> Self {
        Self::of(bytes, usize::MAX)
    }

    pub(super) fn of(bytes: &[u8], size: usize) -> Self {
        Self { bytes: bytes.into(), at: 0, size, breaks: false }
    }
}

impl Read for Blocks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let block = self.fill_buf()?;
        let count = block.len().min(into.len());
        into[..count].copy_from_slice(&block[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Blocks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() && self.breaks {
            return Err(io::Error::other("broken off"));
        }
        // A block ends where a multiple of its size does, however little of it was taken before.
        let end = (self.at / self.size + 1).saturating_mul(self.size).min(self.bytes.len());
        Ok(&rest[..end - self.at])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

/// Reads an input whole and in blocks, which must tell the same.
pub(super) fn same_in_blocks(bytes: &[u8], read: impl Fn(Blocks) -> Told) -> Told {
    let whole = Blocks::whole(bytes);
    let told = read(whole.clone());
    told.keeps_its_promises();
    let size = [1, 7, 64][bytes.len() % 3];
    let in_blocks = read(Blocks { size, ..whole });
    if told != in_blocks {
        let (one, other) = (format!("{told:#?}"), format!("{in_blocks:#?}"));
        let (before, after) = one.lines().zip(other.lines()).find(|(one, other)| one != other).unwrap_or_default();
        panic!("{before} as a whole, {after} in blocks of {size}, of\n{told:#?}");
    }
    told
}

/// Reads an input that breaks off at its end, of which no less must be told than of the whole.
pub(super) fn stands_before_a_break(bytes: &[u8], told: &Told, read: impl Fn(Blocks) -> Told) {
    let broken = read(Blocks { breaks: true, ..Blocks::whole(bytes) });
    broken.keeps_its_promises();
    // A line or a quoted text that is not whole is not read.
    if bytes.ends_with(b"\n") && bytes.iter().filter(|byte| **byte == b'"').count().is_multiple_of(2) {
        assert!(broken.counted() >= told.counted(), "what came before the break stands: {broken:#?} of {told:#?}");
    }
}
