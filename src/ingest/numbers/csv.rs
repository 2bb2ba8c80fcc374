//! Comma-, semicolon- or tab-separated numbers under a header.

use super::collect::{Collector, Entry, shown};
use crate::{ingest::Error, model::Text};
use std::io::BufRead;

/// Where the columns stand.
struct Columns {
    value: usize,
    time: Option<usize>,
    id: Option<usize>,
}

/// Names of the column of times and of that which tells series apart, any case; the first that is there counts.
const TIMES: [&str; 3] = ["time", "timestamp", "date"];
const IDS: [&str; 5] = ["series_id", "series", "name", "benchmark", "task_id"];

/// Reads rows under the header `value[,time][,series_id]`, or other names for the latter two, in any order and case.
pub(super) fn read(mut input: impl BufRead, collector: &mut Collector<'_>) -> Result<(), Error> {
    let delimiter = delimiter(input.fill_buf().unwrap_or_default());
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(input);
    let unreadable = |error: &csv::Error| format!("is no CSV: {error}");
    let headers = reader.headers().map_err(|error| collector.unrecognised(unreadable(&error)))?.clone();
    let columns = Columns::of(&headers).map_err(|reason| collector.unrecognised(reason))?;
    let used = |at: &usize| *at == columns.value || columns.time == Some(*at) || columns.id == Some(*at);
    collector.unused = (0..headers.len()).filter(|at| !used(at)).map(|at| Text::from(headers[at].trim())).collect();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| collector.unrecognised(unreadable(&error)))? {
        let line = row.position().map_or(0, csv::Position::line);
        let Some(value) = row.get(columns.value) else {
            return Err(collector.unrecognised(format!("line {line}: {} fields, `value` is missing", row.len())));
        };
        if row.len() > headers.len() {
            let what = format!("line {line}: {} fields, but the header names {}", row.len(), headers.len());
            return Err(collector.unrecognised(format!("{what}; a comma inside a number parts it")));
        }
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
        let find = |name: &str| headers.iter().position(|h| h.trim().eq_ignore_ascii_case(name));
        let Some(value) = find("value") else {
            let all_numbers = headers.iter().all(|h| h.trim().parse::<f64>().is_ok());
            if all_numbers {
                return Err("the first line holds numbers; wanted a header line that names the column `value`".into());
            }
            let there: Vec<String> = headers.iter().take(12).map(|name| format!("`{}`", shown(name))).collect();
            return Err(format!("no column `value`, but {}; name the one to look at `value`", there.join(", ")));
        };
        Ok(Self { value, time: TIMES.into_iter().find_map(find), id: IDS.into_iter().find_map(find) })
    }
}

/// The one of `,`, `;` and tab that stands most often in the first line.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |d: u8| line.iter().filter(|b| **b == d).count();
    // Of equal counts the later in this list wins: a comma.
    [b'\t', b';', b','].into_iter().max_by_key(|d| count(*d)).unwrap_or(b',')
}
