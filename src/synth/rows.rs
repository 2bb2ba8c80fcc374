//! One file of an export: rows of CSV as `\copy .. CSV HEADER` writes them, counted.

use super::{
    clock::{Stamps, number, seconds},
    files::Files,
};
use std::io::{self, Write};

/// Bytes after which a buffer is written out.
const FULL: usize = 1 << 18;
/// No instant, no number: NULL.
pub(super) const NULL: i64 = i64::MIN;

/// A file under construction.
pub(super) struct Lines {
    out: Box<dyn Write + Send>,
    pub(super) buffer: Vec<u8>,
    pub(super) name: &'static str,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Lines {
    /// Opens it and writes the header, if there is one.
    pub(super) fn create(files: &mut dyn Files, name: &'static str, header: &str) -> io::Result<Self> {
        let out = files.create(name)?;
        let mut lines = Self { out, buffer: Vec::with_capacity(FULL + 4096), name, rows: 0, bytes: 0 };
        if !header.is_empty() {
            lines.buffer.extend_from_slice(header.as_bytes());
            lines.buffer.push(b'\n');
        }
        Ok(lines)
    }

    /// Ends a row: the comma behind the last field becomes the end of the line.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match self.buffer.last_mut() {
            Some(last) if *last == b',' => *last = b'\n',
            _ => self.buffer.push(b'\n'),
        }
        self.rows += 1;
        if self.buffer.len() >= FULL { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.bytes += self.buffer.len() as u64;
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes out what is left.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.write()?;
        self.out.flush()
    }
}

/// Writes fields, each with a comma behind it.
pub(super) struct Fields<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) stamps: &'a mut Stamps,
}

impl Fields<'_> {
    /// Text that needs no quotes.
    pub(super) fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b',');
    }

    /// Text in quotes, the quotes in it doubled.
    pub(super) fn quoted(&mut self, text: &str) {
        self.out.push(b'"');
        for byte in text.bytes() {
            if byte == b'"' {
                self.out.push(b'"');
            }
            self.out.push(byte);
        }
        self.out.extend_from_slice(b"\",");
    }

    pub(super) fn int(&mut self, value: i64) {
        if value != NULL {
            number(self.out, value);
        }
        self.out.push(b',');
    }

    pub(super) fn time(&mut self, instant: i64) {
        if instant != NULL {
            self.stamps.psql(self.out, instant);
        }
        self.out.push(b',');
    }

    /// Seconds from microseconds.
    pub(super) fn seconds(&mut self, micros: i64) {
        if micros != NULL {
            seconds(self.out, micros);
        }
        self.out.push(b',');
    }

    /// So many empty fields.
    pub(super) fn nulls(&mut self, count: usize) {
        (0..count).for_each(|_| self.out.push(b','));
    }

    pub(super) fn uuid(&mut self, id: u128) {
        uuid(self.out, id);
        self.out.push(b',');
    }
}

/// 128 bits as hex digits with dashes.
pub(super) fn uuid(out: &mut Vec<u8>, id: u128) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in id.to_be_bytes().into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

/// A version 7 UUID (RFC 9562): Unix milliseconds, then random bits.
pub(super) fn uuid7(instant: i64, random: u128) -> u128 {
    let millis = (instant.max(0) as u128 / 1000) & 0xffff_ffff_ffff;
    let low = random & ((1 << 76) - 1);
    millis << 80 | 7 << 76 | (low & !(3 << 62)) | 2 << 62
}
