//! Records of a delimited text. A line is split where the delimiters stand, as long as its quotes do no more than enclose
//! whole fields; any other record goes through the `csv` crate's own parser, so that both agree on every byte.

use super::{
    marks::{Finder, STEP, places},
    reading::Fault,
    record::Record,
    table::Dialect,
};
use memchr::{memchr, memchr_iter, memchr2};
use std::io::BufRead;

/// Longest record: a quote that is never closed would otherwise take the rest of the file for one field.
const MAX_RECORD: usize = 16 << 20;

/// Least bytes in which a quoted record must end: far longer than a record of Airflow's tables mostly is.
const MIN_PATIENCE: usize = 1 << 10;

/// Splits bytes into records.
pub(super) struct Scanner {
    dialect: Dialect,
    /// Ends of the fields of the record at hand.
    ends: Vec<usize>,
    core: csv_core::Reader,
    /// Text of the record at hand without its quotes or escapes: the first `unquoted_len` bytes.
    unquoted: Vec<u8>,
    unquoted_len: usize,
    /// The beginning of a record that the block before ended in.
    carry: Vec<u8>,
    /// Bytes of it that were tried and are no whole record.
    tried: usize,
    /// Line at which the next record begins, from 1.
    line: u64,
    /// Bytes in which a quoted record must end: less after each that did not, so that a text in which no quote is ever
    /// closed does not cost its length for each of its lines.
    patience: usize,
    /// Bytes that were parsed as quoted records, again and again.
    #[cfg(test)]
    pub(super) parsed: usize,
}

/// Bytes that are split, and what is known of all of them.
struct Block<'a> {
    bytes: &'a [u8],
    /// As far as they are UTF-8: checked at once, which costs a tenth of checking each field.
    text: &'a str,
    /// Is there any carriage return?
    returns: bool,
}

impl<'a> Block<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let text = match simdutf8::compat::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => simdutf8::compat::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        Self { bytes, text, returns: memchr(b'\r', bytes).is_some() }
    }
}

enum Step {
    /// A record ended before this byte.
    Record(usize),
    /// Nothing but line ends up to this byte.
    Blank(usize),
    /// The record is not whole yet.
    More,
}

impl Scanner {
    pub(super) fn new(dialect: Dialect) -> Self {
        let core = csv_core::ReaderBuilder::new().delimiter(dialect.delimiter).build();
        Self {
            dialect,
            ends: Vec::new(),
            core,
            unquoted: Vec::new(),
            unquoted_len: 0,
            carry: Vec::new(),
            tried: 0,
            line: 1,
            patience: MAX_RECORD,
            #[cfg(test)]
            parsed: 0,
        }
    }

    /// Calls `visit` for each record with its line; the first is the header.
    pub(super) fn run<E>(
        &mut self,
        input: &mut dyn BufRead,
        mut visit: impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let block = match input.fill_buf() {
                Ok(block) => block,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // A compressed file that ends early: what was read stands, the rest is a defect.
                    self.split_carry(true, &mut visit)?;
                    return visit(self.line, Err(Fault::of("cannot read on from here", &error.to_string())));
                }
            };
            if block.is_empty() {
                return self.split_carry(true, &mut visit);
            }
            let length = block.len();
            let mut at = 0;
            // The record that the block before ended in takes as many lines of this one as it needs. It is tried again when
            // it has become twice as long, so that the cost of a long one does not grow with the square of its length.
            while !self.carry.is_empty() && at < length {
                let goal = (2 * self.tried).min(MAX_RECORD + 1);
                let from = length.min(at + goal.saturating_sub(self.carry.len()));
                let end = memchr(b'\n', &block[from..]).map_or(length, |end| from + end + 1);
                self.carry.extend_from_slice(&block[at..end]);
                at = end;
                if self.carry.len() >= goal {
                    self.split_carry(false, &mut visit)?;
                    self.tried = self.carry.len();
                }
            }
            if at < length {
                self.tried = 0;
                let used = self.split(&block[at..], false, &mut visit)?;
                self.carry.extend_from_slice(&block[at + used..]);
            }
            input.consume(length);
        }
    }

    fn split_carry<E>(
        &mut self,
        last: bool,
        visit: &mut impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut carry = std::mem::take(&mut self.carry);
        let used = self.split(&carry, last, visit)?;
        carry.drain(..used);
        self.carry = carry;
        Ok(())
    }

    /// Visits the records in `bytes` and returns the bytes they take. At the end of the input a record may lack its line end.
    fn split<E>(
        &mut self,
        bytes: &[u8],
        last: bool,
        visit: &mut impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
    ) -> Result<usize, E> {
        if !self.dialect.quotes {
            return self.escaped_lines(bytes, last, visit);
        }
        let block = Block::of(bytes);
        // Records before `careful` are known to need care: they are not looked at twice.
        let (mut start, mut careful) = (0, 0);
        while start < bytes.len() {
            if start >= careful {
                (start, careful) = self.plain_lines(&block, start, last, visit)?;
            }
            let rest = &bytes[start..];
            if rest.is_empty() {
                break;
            }
            let window = &rest[..rest.len().min(self.patience)];
            match self.quoted_record(window, last && window.len() == rest.len()) {
                Step::Record(length) => {
                    self.patience = (2 * self.patience).min(MAX_RECORD);
                    self.visit_unquoted(visit)?;
                    self.line += memchr_iter(b'\n', &rest[..length]).count() as u64;
                    start += length;
                }
                Step::Blank(length) => {
                    self.line += memchr_iter(b'\n', &rest[..length]).count() as u64;
                    start += length;
                }
                Step::More if rest.len() > self.patience || last => {
                    self.patience = (self.patience / 2).max(MIN_PATIENCE);
                    // Take up again at the next line.
                    let length = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    let shown = String::from_utf8_lossy(&rest[..length.min(200)]).into_owned();
                    visit(self.line, Err(Fault::of("a quoted field without an end", &shown)))?;
                    self.line += 1;
                    start += length;
                }
                Step::More => break,
            }
        }
        Ok(start)
    }

    /// Visits lines up to the first that must be parsed with care, or that is not whole: where it begins, and before what
    /// place no record is a plain line.
    fn plain_lines<E>(
        &mut self,
        block: &Block<'_>,
        from: usize,
        last: bool,
        visit: &mut impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
    ) -> Result<(usize, usize), E> {
        let (bytes, delimiter) = (block.bytes, self.dialect.delimiter);
        let finder = Finder::new(delimiter);
        // Where the line and the field at hand begin, and whether that field's quote is open.
        let (mut start, mut field, mut open) = (from, from, false);
        self.ends.clear();
        for base in (from..bytes.len()).step_by(STEP) {
            let marks = finder.find(&bytes[base..]);
            if marks.others == 0 {
                // Most steps: fields of one line.
                if !open && marks.delimiters != 0 {
                    self.ends.extend(places(marks.delimiters).map(|place| base + place - start));
                    field = base + STEP - marks.delimiters.leading_zeros() as usize;
                }
                continue;
            }
            for at in places(marks.delimiters | marks.others).map(|place| base + place) {
                match bytes[at] {
                    b'"' if open => match bytes.get(at + 1) {
                        Some(b'\n' | b'\r') => open = false,
                        Some(next) if *next == delimiter => open = false,
                        None if last => open = false,
                        _ => return Ok((start, start)),
                    },
                    b'"' if at == field => open = true,
                    b'"' => return Ok((start, start)),
                    b'\n' if open => return Ok((start, start)),
                    b'\n' => {
                        if !self.visit_line(block, start, at, visit)? {
                            // A carriage return at its end is the line end's.
                            let returns = bytes[start..at].iter().rev().take_while(|byte| **byte == b'\r').count();
                            return Ok((start, at - returns));
                        }
                        (start, field) = (at + 1, at + 1);
                    }
                    _ if open => {}
                    _ => {
                        self.ends.push(at - start);
                        field = at + 1;
                    }
                }
            }
        }
        if last && !open && start < bytes.len() && self.visit_line(block, start, bytes.len(), visit)? {
            start = bytes.len();
        }
        Ok((start, bytes.len()))
    }

    /// Visits a line whose delimiters are known; false where it must be parsed with care.
    fn visit_line<E>(
        &mut self,
        block: &Block<'_>,
        start: usize,
        end: usize,
        visit: &mut impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut line = &block.bytes[start..end];
        if block.returns {
            line = line.strip_suffix(b"\r").unwrap_or(line);
            if memchr(b'\r', line).is_some() {
                return Ok(false);
            }
        }
        if !line.is_empty() {
            self.ends.push(line.len());
            let text = block.text.get(start..start + line.len());
            let record = Record { bytes: line, text, ends: &self.ends, gap: 1, quoted: true, escapes: false };
            visit(self.line, Ok(&record))?;
        }
        self.ends.clear();
        self.line += 1;
        Ok(true)
    }

    /// Parses the record at the beginning of `bytes`.
    fn quoted_record(&mut self, bytes: &[u8], last: bool) -> Step {
        self.core.reset();
        #[cfg(test)]
        {
            self.parsed += bytes.len();
        }
        // Grows and never shrinks: clearing it for each record would cost more than the record.
        if self.unquoted.len() <= bytes.len().min(MAX_RECORD) {
            self.unquoted.resize(bytes.len().min(MAX_RECORD) + 1, 0);
        }
        self.ends.resize(64.max(self.ends.len()), 0);
        let (mut read, mut written, mut fields) = (0, 0, 0);
        loop {
            let (result, more_read, more_written, more_fields) =
                self.core.read_record(&bytes[read..], &mut self.unquoted[written..], &mut self.ends[fields..]);
            (read, written, fields) = (read + more_read, written + more_written, fields + more_fields);
            match result {
                csv_core::ReadRecordResult::Record => {
                    self.ends.truncate(fields);
                    self.unquoted_len = written;
                    return Step::Record(read);
                }
                csv_core::ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                csv_core::ReadRecordResult::InputEmpty if last && read == bytes.len() => {
                    // A line end that was not written ends the record, unless a quote is open.
                    let ended = self.core.read_record(b"\n", &mut self.unquoted[written..], &mut self.ends[fields..]);
                    (written, fields) = (written + ended.2, fields + ended.3);
                    if ended.0 == csv_core::ReadRecordResult::Record {
                        self.ends.truncate(fields);
                        self.unquoted_len = written;
                        return Step::Record(read);
                    }
                    // An empty input tells the parser that this is the end.
                    let ended = self.core.read_record(&[], &mut self.unquoted[written..], &mut self.ends[fields..]);
                    let blank = ended.0 == csv_core::ReadRecordResult::End && fields + ended.3 == 0;
                    return if blank { Step::Blank(read) } else { Step::More };
                }
                _ => return Step::More,
            }
        }
    }

    fn visit_unquoted<E>(
        &mut self,
        visit: &mut impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
    ) -> Result<(), E> {
        let bytes = &self.unquoted[..self.unquoted_len];
        let record = Record { bytes, text: None, ends: &self.ends, gap: 0, quoted: false, escapes: false };
        visit(self.line, Ok(&record))?;
        self.ends.clear();
        Ok(())
    }

    /// Lines of a text format with backslash escapes and without quotes (psql's text format, `mysql -B`).
    fn escaped_lines<E>(
        &mut self,
        bytes: &[u8],
        last: bool,
        visit: &mut impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut start = 0;
        for at in memchr_iter(b'\n', bytes) {
            self.visit_escaped(&bytes[start..at], visit)?;
            start = at + 1;
        }
        if start < bytes.len() && (last || bytes.len() - start > MAX_RECORD) {
            self.visit_escaped(&bytes[start..], visit)?;
            start = bytes.len();
        }
        Ok(start)
    }

    fn visit_escaped<E>(
        &mut self,
        line: &[u8],
        visit: &mut impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let number = self.line;
        self.line += 1;
        if line.is_empty() {
            return Ok(());
        }
        self.ends.clear();
        if memchr2(b'\\', b'"', line).is_none() {
            self.ends.extend(memchr_iter(self.dialect.delimiter, line));
            self.ends.push(line.len());
            let record = Record { bytes: line, text: None, ends: &self.ends, gap: 1, quoted: false, escapes: true };
            return visit(number, Ok(&record));
        }
        self.unquoted.clear();
        let mut from = 0;
        // No delimiter is escaped as itself, so that each one ends a field.
        for end in memchr_iter(self.dialect.delimiter, line).chain([line.len()]) {
            unescape(&line[from..end], &mut self.unquoted);
            self.ends.push(self.unquoted.len());
            from = end + 1;
        }
        let (bytes, ends) = (&self.unquoted, &self.ends);
        let record = Record { bytes, text: None, ends, gap: 0, quoted: false, escapes: true };
        visit(number, Ok(&record))
    }
}

/// The inside of a field that a writer quoted, as psql's CSV and spreadsheets do with tabs too: quotes in it are doubled. No
/// column that is kept holds values that a text format would write so.
fn quoted(field: &[u8]) -> Option<&[u8]> {
    let inner = field.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let doubled = inner.chunk_by(|a, b| a == b).filter(|run| run[0] == b'"').all(|run| run.len().is_multiple_of(2));
    doubled.then_some(inner)
}

/// `\N` is no value and stays as it is.
fn unescape(field: &[u8], into: &mut Vec<u8>) {
    if field == b"\\N" {
        into.extend_from_slice(field);
        return;
    }
    if let Some(inner) = quoted(field) {
        // Half of each pair stays.
        let pairs = inner.split(|byte| *byte == b'"').step_by(2);
        into.extend_from_slice(&pairs.collect::<Vec<_>>().join(&b'"'));
        return;
    }
    let mut rest = field;
    while let Some(at) = memchr(b'\\', rest) {
        into.extend_from_slice(&rest[..at]);
        let escaped = match rest.get(at + 1) {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'v') => 11,
            Some(b'0') => 0,
            Some(other) => *other,
            None => b'\\',
        };
        into.push(escaped);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    into.extend_from_slice(rest);
}
