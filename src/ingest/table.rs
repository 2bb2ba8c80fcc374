//! A table with named columns, whether it lies in a CSV file or in a database.

use super::{Error, fields::Field, open, reading::Fault};
use std::path::Path;

/// Separators that exports are written with, most likely first.
pub(super) const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// One row, by column number.
pub(super) trait RowView {
    fn field(&self, column: usize) -> Field<'_>;
}

impl RowView for csv::ByteRecord {
    fn field(&self, column: usize) -> Field<'_> {
        match self.get(column) {
            // Text formats of psql and mysql write a missing value so.
            Some(b"\\N") | None => Field::Null,
            Some(bytes) => Field::from_bytes(bytes),
        }
    }
}

/// Names of the columns of a CSV file. A byte order mark is not part of the first name.
pub(super) fn header(path: &Path, delimiter: u8) -> Result<Vec<String>, Error> {
    let mut reader = reader(path, delimiter)?;
    let header = reader.byte_headers().map_err(csv_error(path))?;
    let name = |field: &[u8]| {
        let text = String::from_utf8_lossy(field);
        text.trim_start_matches('\u{feff}').trim().trim_matches('"').to_ascii_lowercase()
    };
    Ok(header.iter().map(name).collect())
}

/// Calls `visit` for each row with its line; a row of another width than the header is a fault.
pub(super) fn rows<E: From<Error>>(
    path: &Path,
    delimiter: u8,
    mut visit: impl FnMut(u64, Result<&dyn RowView, Fault>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = reader(path, delimiter)?;
    let width = reader.byte_headers().map_err(csv_error(path))?.len();
    let mut record = csv::ByteRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                if record.len() == width {
                    visit(line, Ok(&record))?;
                } else {
                    let kind = format!("row does not have the header's {width} fields (cut off, or another delimiter)");
                    visit(line, Err(Fault::of(kind, &record.len().to_string())))?;
                }
            }
            Err(error) if error.is_io_error() => {
                // A compressed file that ends early: what was read stands, the rest is a defect.
                visit(line, Err(Fault::of("cannot read on from here", &error.to_string())))?;
                return Ok(());
            }
            Err(error) => visit(line, Err(Fault::of("not a CSV row", &error.to_string())))?,
        }
    }
}

fn reader(path: &Path, delimiter: u8) -> Result<csv::Reader<Box<dyn std::io::Read>>, Error> {
    let input = open::open(path)?;
    Ok(csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).buffer_capacity(1 << 16).from_reader(input))
}

fn csv_error(path: &Path) -> impl FnOnce(csv::Error) -> Error {
    let path = path.to_owned();
    move |error| match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::Io { path, source },
        kind => Error::Unrecognised { path, reason: format!("not a CSV file: {kind:?}") },
    }
}
