//! Rows of a delimited table, in bounded memory: a quote that is never closed ends the reading, not the memory.

use super::super::reading::Fault;
use std::{
    cell::Cell,
    io::{self, BufRead, Read},
    rc::Rc,
};

/// Longest row. The largest that PostgreSQL's views give, a query's text among it, is a few kilobytes.
const MAX_ROW: u64 = 4 << 20;

/// Reads rows.
pub(super) struct Records {
    reader: csv::Reader<Limited>,
    left: Rc<Cell<u64>>,
    record: csv::ByteRecord,
    width: usize,
    ended: bool,
}

impl Records {
    /// Takes the first row for the names of the columns, which are given in small letters. The delimiter is the one of
    /// comma, semicolon, tab and bar that the first row holds most of.
    pub(super) fn new(mut input: Box<dyn BufRead>) -> Result<(Vec<String>, Self), Fault> {
        let unreadable = |error: String| Fault::of("cannot read on from here", &error);
        let mut first = Vec::new();
        // What cannot be read now cannot be read a moment later: the reader of rows tells of it.
        let _ = input.by_ref().take(MAX_ROW).read_until(b'\n', &mut first);
        let delimiter = delimiter(&first);
        let left = Rc::new(Cell::new(MAX_ROW));
        let limited = Limited { input: Box::new(io::Cursor::new(first).chain(input)), left: left.clone() };
        let mut builder = csv::ReaderBuilder::new();
        let mut reader = builder.delimiter(delimiter).flexible(true).has_headers(false).from_reader(limited);
        let mut record = csv::ByteRecord::new();
        reader.read_byte_record(&mut record).map_err(|error| unreadable(error.to_string()))?;
        let header = names(&record);
        let width = record.len();
        Ok((header, Self { reader, left, record, width, ended: false }))
    }

    /// The next row with the number of its first line. A row of another width than the first is a fault.
    pub(super) fn next(&mut self) -> Option<(u64, Result<&csv::ByteRecord, Fault>)> {
        if self.ended {
            return None;
        }
        self.left.set(MAX_ROW);
        let line = self.reader.position().line();
        match self.reader.read_byte_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                let line = self.record.position().map_or(line, csv::Position::line);
                if self.record.len() == self.width {
                    return Some((line, Ok(&self.record)));
                }
                let kind = format!("the row does not have the header's {} fields", self.width);
                Some((line, Err(Fault::of(kind, &self.record.len().to_string()))))
            }
            Err(error) => {
                self.ended = true;
                Some((line, Err(Fault::of("cannot read on from here", &error.to_string()))))
            }
        }
    }
}

/// Names of columns: without a byte order mark, spaces and capital letters.
pub(super) fn names(record: &csv::ByteRecord) -> Vec<String> {
    let name = |field: &[u8]| {
        let text = String::from_utf8_lossy(field);
        text.trim_start_matches('\u{feff}').trim().to_ascii_lowercase()
    };
    record.iter().map(name).collect()
}

/// The delimiter of a table that begins so.
pub(super) fn delimiter(head: &[u8]) -> u8 {
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
    let best = [b'|', b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter));
    best.unwrap_or(b',')
}

struct Limited {
    input: Box<dyn Read>,
    left: Rc<Cell<u64>>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other("a row is longer than 4 MiB: is a quote not closed?"));
        }
        let count = self.input.read(buffer)?;
        self.left.set(left.saturating_sub(count as u64));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(u64, Result<usize, String>)>;

    fn read(text: Vec<u8>) -> (Vec<String>, Rows) {
        let (header, mut records) = Records::new(Box::new(io::Cursor::new(text))).expect("a header");
        let mut rows = Vec::new();
        while let Some((line, row)) = records.next() {
            rows.push((line, row.map(csv::ByteRecord::len).map_err(|fault| fault.text())));
        }
        (header, rows)
    }

    #[test]
    fn rows_come_with_their_lines() {
        let (header, rows) = read(b"\xef\xbb\xbfTime;Value\n1;\"a\nb\"\n2\n3;4\n".to_vec());
        assert_eq!(header, ["time", "value"]);
        let fault = "the row does not have the header's 2 fields: `1`".to_owned();
        assert_eq!(rows, [(2, Ok(2)), (4, Err(fault)), (5, Ok(2))]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_a_fault() {
        let (_, rows) = read([b"a,b\n1,2\n\"".to_vec(), vec![b'x'; 9 << 20]].concat());
        assert_eq!(rows.len(), 2);
        assert!(rows[1].1.as_ref().is_err_and(|fault| fault.contains("longer than 4 MiB")), "{:?}", rows[1]);
    }
}
