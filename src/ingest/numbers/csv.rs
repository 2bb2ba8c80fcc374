//! Comma-, semicolon- or tab-separated numbers under a header.

use super::collect::{Collector, Entry};
use crate::ingest::Error;
use std::io::BufRead;

/// Where the columns stand.
struct Columns {
    value: usize,
    time: Option<usize>,
    id: Option<usize>,
}

/// Reads rows under the header `value[,time][,series_id]`, names in any order and case.
pub(super) fn read(mut input: impl BufRead, collector: &mut Collector<'_>) -> Result<(), Error> {
    let delimiter = delimiter(input.fill_buf().unwrap_or_default());
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(input);
    let unreadable = |error: &csv::Error| format!("is no CSV: {error}");
    let headers = reader.headers().map_err(|error| collector.unrecognised(unreadable(&error)))?.clone();
    let columns = Columns::of(&headers).map_err(|reason| collector.unrecognised(reason))?;
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| collector.unrecognised(unreadable(&error)))? {
        let line = row.position().map_or(0, csv::Position::line);
        let Some(value) = row.get(columns.value) else {
            return Err(collector.unrecognised(format!("line {line}: {} fields, `value` is missing", row.len())));
        };
        let field = |column: Option<usize>| column.map(|c| row.get(c).unwrap_or_default());
        let entry = Entry {
            place: ("line", line),
            value,
            time: field(columns.time),
            id: field(columns.id).unwrap_or_default(),
        };
        collector.push(&entry)?;
    }
    Ok(())
}

impl Columns {
    fn of(headers: &csv::StringRecord) -> Result<Self, String> {
        let find = |names: &[&str]| headers.iter().position(|h| names.iter().any(|n| h.trim().eq_ignore_ascii_case(n)));
        let Some(value) = find(&["value"]) else {
            let there: Vec<&str> = headers.iter().take(12).collect();
            return Err(format!("no column `value`: there are {}; name the one to look at `value`", there.join(", ")));
        };
        Ok(Self { value, time: find(&["time", "timestamp"]), id: find(&["series_id"]) })
    }
}

/// The one of `,`, `;` and tab that stands most often in the first line.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |d: u8| line.iter().filter(|b| **b == d).count();
    // Of equal counts the later in this list wins: a comma.
    [b'\t', b';', b','].into_iter().max_by_key(|d| count(*d)).unwrap_or(b',')
}
