//! A table with named columns, whether it lies in a delimited text or in a database.

use super::{Error, fields::Field, open, reading::Fault, record::Record, scan::Scanner};
use std::{
    io::{BufRead, Read},
    path::Path,
};

/// Separators that exports are written with, most likely first.
pub(super) const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// How a delimited text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// A field may be quoted, a quote within it is doubled (RFC 4180).
    pub(super) quotes: bool,
    /// `\t`, `\n`, `\\` stand for what a field may not hold, `\N` and `NULL` for no value (psql's text format, `mysql -B`).
    pub(super) escapes: bool,
}

impl Dialect {
    /// Tabs mean a text format, unless the header, in `beginning`, is quoted: a writer that quotes nothing but what needs
    /// it does not quote names.
    pub(super) fn of(delimiter: u8, beginning: &[u8]) -> Self {
        let quoted = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning).starts_with(b"\"");
        // Lines that carriage returns alone part are no text format's, and the `csv` crate's parser knows them.
        let returns = memchr::memchr(b'\n', beginning).is_none() && memchr::memchr(b'\r', beginning).is_some();
        let escapes = delimiter == b'\t' && !quoted && !returns;
        Self { delimiter, quotes: !escapes, escapes }
    }
}

/// One row, by column number.
pub(super) trait RowView {
    fn field(&self, column: usize) -> Field<'_>;
}

/// Longest header: a file without a line end is no table.
const MAX_HEADER: u64 = 1 << 20;

/// Names of the columns of a delimited text. A byte order mark is not part of the first name.
pub(super) fn header(path: &Path, delimiter: u8) -> Result<Vec<String>, Error> {
    let input = open::open(path)?.take(MAX_HEADER);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(input);
    let header = reader.byte_headers().map_err(csv_error(path))?;
    let name = |field: &[u8]| {
        let text = String::from_utf8_lossy(field);
        text.trim_start_matches('\u{feff}').trim().trim_matches('"').to_ascii_lowercase()
    };
    Ok(header.iter().map(name).collect())
}

/// Calls `visit` for each row with its line; a row of another width than the header is a fault.
pub(super) fn rows<E>(
    input: &mut dyn BufRead,
    delimiter: u8,
    mut visit: impl FnMut(u64, Result<&Record<'_>, Fault>) -> Result<(), E>,
) -> Result<(), E> {
    let mut width = None;
    let beginning = beginning(input);
    let dialect = Dialect::of(delimiter, &beginning);
    Scanner::new(dialect).run(&mut beginning.as_slice().chain(input), |line, record| match (record, width) {
        (Ok(header), None) => {
            width = Some(header.len());
            Ok(())
        }
        (Ok(record), Some(width)) if record.len() != width => {
            let kind = format!("row does not have the header's {width} fields (cut off, or another delimiter)");
            visit(line, Err(Fault::of(kind, &record.len().to_string())))
        }
        (Ok(record), Some(width)) if swallows_rows(record, width, delimiter) => {
            visit(line, Err(Fault::new("a quoted field holds whole rows: a quote before it is never closed")))
        }
        (record, _) => visit(line, record),
    })
}

/// Does a line within a field have the fields of a row?
fn swallows_rows(record: &Record<'_>, width: usize, delimiter: u8) -> bool {
    if record.gap > 0 || width < 4 || memchr::memchr(b'\n', record.bytes).is_none() {
        return false;
    }
    (0..record.len()).filter_map(|column| record.field(column).bytes()).any(|field| {
        let mut lines = field.split(|byte| *byte == b'\n').skip(1).peekable();
        std::iter::from_fn(|| lines.next().filter(|_| lines.peek().is_some()))
            .any(|line| memchr::memchr_iter(delimiter, line).count() + 1 == width)
    })
}

/// The first line, or as much as a header may be long. What cannot be read is told of when it is read as records.
fn beginning(input: &mut dyn BufRead) -> Vec<u8> {
    let mut beginning = Vec::new();
    let _ = (&mut *input).take(MAX_HEADER).read_until(b'\n', &mut beginning);
    beginning
}

fn csv_error(path: &Path) -> impl FnOnce(csv::Error) -> Error {
    let path = path.to_owned();
    move |error| match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::Io { path, source },
        kind => Error::Unrecognised { path, reason: format!("not a CSV file: {kind:?}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Rows = Vec<(u64, Vec<Vec<u8>>)>;

    fn ours(bytes: &[u8], block: usize, delimiter: u8) -> Rows {
        with_faults(bytes, block, delimiter).0
    }

    fn with_faults(bytes: &[u8], block: usize, delimiter: u8) -> (Rows, usize) {
        let (mut all, mut faults) = (Vec::new(), 0);
        let mut input = std::io::BufReader::with_capacity(block, bytes);
        let first = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let result: Result<(), ()> = Scanner::new(Dialect::of(delimiter, first)).run(&mut input, |line, record| {
            if let Ok(record) = record {
                let text = |column| record.field(column).bytes().unwrap_or_default().to_vec();
                all.push((line, (0..record.len()).map(text).collect()));
            } else {
                faults += 1;
            }
            Ok(())
        });
        assert_eq!(result, Ok(()));
        (all, faults)
    }

    fn peers(bytes: &[u8]) -> Rows {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let record = |record: Result<csv::ByteRecord, csv::Error>| {
            let record = record.expect("bytes");
            let line = record.position().map_or(0, csv::Position::line);
            (line, record.iter().map(<[u8]>::to_vec).collect())
        };
        reader.byte_records().map(record).collect()
    }

    proptest! {
        /// Whatever the text and wherever it is cut into blocks: the same records on the same lines as the `csv` crate's.
        #[test]
        fn records_are_those_of_the_csv_crate(
            lines in prop::collection::vec("(([a-z, ]|\"[a-z,\n]{0,3}\"|,|\"\"){0,6}|\\r)(\\r?\\n)?", 0..12),
            block in 1..40usize,
        ) {
            let text = lines.concat();
            let (got, faults) = with_faults(text.as_bytes(), block, b',');
            // A quote that is never closed is a fault here and a field to the end of the file there, where it swallows this.
            let marked = peers(format!("{text}\nM,M\n").as_bytes());
            let closed = marked.last().is_some_and(|(_, fields)| *fields == [b"M".to_vec(), b"M".to_vec()]);
            prop_assert!(faults == 0 || !closed, "{:?}", text);
            prop_assume!(faults == 0);
            let want: Vec<_> = peers(text.as_bytes()).into_iter().map(|(_, fields)| fields).collect();
            let got: Vec<_> = got.into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(got, want, "{:?}", text);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), block in 1..64usize) {
            let _ = ours(&bytes, block, b',');
            let _ = ours(&bytes, block, b'\t');
        }
    }

    #[test]
    fn a_quote_within_a_field_needs_no_end() {
        let (rows, faults) = with_faults(b"a,b\n1,x\"y", 64, b',');
        assert_eq!((rows.len(), faults), (2, 0), "{rows:?}");
        assert_eq!(rows[1].1[1], b"x\"y");
    }

    #[test]
    fn quotes_that_are_never_closed_cost_no_more_than_their_lines() {
        let text = format!("a,b\n{}", "b\"c,\"d\n".repeat(60_000));
        let (mut scanner, mut faults) = (Scanner::new(Dialect::of(b',', b"a,b\n")), 0);
        let result: Result<(), ()> = scanner.run(&mut text.as_bytes(), |_, record| {
            faults += usize::from(record.is_err());
            Ok(())
        });
        assert_eq!(result, Ok(()));
        // To its end from each of its lines would be 30,000 times its length.
        assert!(faults > 0 && scanner.parsed < 300 * text.len(), "{faults} faults, {} bytes", scanner.parsed);
    }

    #[test]
    fn a_quote_without_an_end_spoils_its_own_line_only() {
        let rows = ours(b"a,b\n1,\"x\n2,y\n", 8, b',');
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!(rows[1], (3, vec![b"2".to_vec(), b"y".to_vec()]));
    }

    #[test]
    fn text_formats_escape_what_a_field_may_not_hold() {
        let rows = ours(b"a\tb\tc\nx\\ty\t\\N\tNULL\np\\\\\\nq\t\"\t1\n", 64, b'\t');
        assert_eq!(rows[1].1, [b"x\ty".to_vec(), vec![], vec![]]);
        assert_eq!(rows[2].1, [b"p\\\nq".to_vec(), b"\"".to_vec(), b"1".to_vec()]);
    }

    #[test]
    fn quotes_in_tab_separated_texts_are_data_unless_they_enclose_a_field() {
        let psql = ours(b"a\tb\n\"\"\t{\"k\": 1}\n\"a\"b\"\t\"\n", 64, b'\t');
        assert_eq!(psql[1].1, [b"".to_vec(), b"{\"k\": 1}".to_vec()]);
        assert_eq!(psql[2].1, [b"\"a\"b\"".to_vec(), b"\"".to_vec()]);
        // Python's `csv.excel_tab`, which quotes what needs it.
        let excel = ours(b"a\tb\n\"x y\"\t\"{\"\"k\"\": \"\"\"\"}\"\n", 64, b'\t');
        assert_eq!(excel[1].1, [b"x y".to_vec(), b"{\"k\": \"\"}".to_vec()]);
        let returns = ours(b"a\tb\r1\t2\r3\t4\r", 64, b'\t');
        assert_eq!(returns[2].1, [b"3".to_vec(), b"4".to_vec()]);
        let all = ours(b"\xef\xbb\xbf\"a\"\t\"b\"\n\"x\ty\"\t\"1\n\"\"2\"\n", 64, b'\t');
        assert_eq!(all[1].1, [b"x\ty".to_vec(), b"1\n\"2".to_vec()]);
    }

    #[test]
    fn lines_are_counted_through_quoted_line_ends() {
        let rows = ours(b"a,b\n1,\"x\ny\"\n\n3,z\n", 5, b',');
        assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 5]);
    }
}
