//! Rows on their way into the lake: sorted runs on disk, so that memory does not grow with the input.

use super::{
    Error,
    cell::Cell,
    codec::{PartReader, PartWriter},
    table::{Column, Kind, Record, TASK_ATTEMPTS, Table, UNNUMBERED},
};
use crate::model::Month;
use std::{
    cmp::Ordering,
    path::{Path, PathBuf},
};

/// Bytes that a row of the widest table takes in memory: its cells, and its share of their texts.
const ROW_BYTES: u64 = 1_024;
/// Fewest rows of a run: smaller runs would be too many to merge at once.
const MIN_RUN_ROWS: u64 = 8_192;
/// Memory for the rows of a run, unless the user says otherwise.
pub(super) const DEFAULT_MEMORY: u64 = 128 << 20;

/// Collects the rows of one table.
pub(super) struct Spill {
    table: &'static Table,
    folder: PathBuf,
    /// Rows held in memory before they are sorted and written out.
    run_rows: usize,
    buffer: Vec<Record>,
    runs: Vec<PathBuf>,
}

/// Rows in the order of (month, key).
pub(super) enum Run {
    Memory(std::vec::IntoIter<Record>),
    Disk(PartReader),
}

impl Spill {
    pub(super) fn new(table: &'static Table, folder: &Path, memory: u64) -> Self {
        let run_rows = (memory / ROW_BYTES).max(MIN_RUN_ROWS) as usize;
        Self { table, folder: folder.into(), run_rows, buffer: Vec::new(), runs: Vec::new() }
    }

    pub(super) fn push(&mut self, record: Record) -> Result<(), Error> {
        self.buffer.push(record);
        if self.buffer.len() < self.run_rows { Ok(()) } else { self.write_run() }
    }

    /// All rows so far, in no order of use; for look-ups before the merge.
    pub(super) fn scan(&mut self, mut visit: impl FnMut(&[Cell])) -> Result<(), Error> {
        self.buffer.iter().for_each(|record| visit(&record.cells));
        for path in &self.runs {
            for cells in PartReader::open(path, scratch_columns(self.table))? {
                visit(&cells?);
            }
        }
        Ok(())
    }

    pub(super) fn into_runs(mut self) -> Result<Vec<Run>, Error> {
        sort(self.table, &mut self.buffer);
        let mut runs = vec![Run::Memory(std::mem::take(&mut self.buffer).into_iter())];
        for path in &self.runs {
            runs.push(Run::Disk(PartReader::open(path, scratch_columns(self.table))?));
        }
        Ok(runs)
    }

    fn write_run(&mut self) -> Result<(), Error> {
        sort(self.table, &mut self.buffer);
        let path = self.folder.join(format!("{}-{}.run", self.table.name, self.runs.len()));
        let mut writer = PartWriter::scratch(&path, scratch_columns(self.table))?;
        for record in self.buffer.drain(..) {
            let month = Cell::from(record.month.map(|month| month.to_string()).as_deref());
            let origin = Cell::from(record.origin.map(i64::from));
            writer.push(record.cells.iter().chain([&month, &origin]), &path)?;
        }
        writer.finish(&path)?;
        self.runs.push(path);
        Ok(())
    }
}

impl Iterator for Run {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Memory(records) => records.next().map(Ok),
            Self::Disk(reader) => Some(reader.next()?.map(|cells| {
                let mut cells = cells.into_vec();
                let origin = cells.pop().and_then(|cell| cell.as_int()).and_then(|origin| u32::try_from(origin).ok());
                let month = cells.pop().and_then(|cell| cell.as_text().and_then(|text| Month::parse(text)));
                Record { month, origin, cells: cells.into_boxed_slice() }
            })),
        }
    }
}

/// Order of two rows by identity.
pub(super) fn by_key(table: &Table, a: &[Cell], b: &[Cell]) -> Ordering {
    by(table.key, a, b).then_with(|| match UNNUMBERED {
        (number, start) if table.name == TASK_ATTEMPTS.name && a[number].is_null() => a[start].cmp(&b[start]),
        _ => Ordering::Equal,
    })
}

/// Order of two rows by some of their columns.
pub(super) fn by(places: &[usize], a: &[Cell], b: &[Cell]) -> Ordering {
    places.iter().map(|&place| a[place].cmp(&b[place])).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Stable, so that rows of one identity stay in the order of their arrival.
fn sort(table: &Table, records: &mut [Record]) {
    records.sort_by(|a, b| a.month.cmp(&b.month).then_with(|| by_key(table, &a.cells, &b.cells)));
}

fn scratch_columns(table: &Table) -> Vec<Column> {
    let mut columns = table.columns.to_vec();
    columns.push(Column { name: "__month", kind: Kind::Text, required: false });
    columns.push(Column { name: "__origin", kind: Kind::Int64, required: false });
    columns
}
