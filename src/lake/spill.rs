//! Rows on their way into the lake: sorted runs on disk, so that memory does not grow with the input.

use super::{
    Error,
    batch::{Batch, CodeMaps},
    cell::Cell,
    order::{self, Order},
    packed::{Layout, Packed},
    rows::Stored,
    run_file::{self, Block, BlockReader, Renames},
    streams::{Merger, Stream},
    table::Table,
};
use crate::model::Month;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

/// Memory for the rows that wait to be sorted, unless the user says otherwise.
pub(super) const DEFAULT_MEMORY: u64 = 144 << 20;
/// Least memory of a batch: smaller runs would be too many to merge at once.
const MIN_BATCH_BYTES: usize = 4 << 20;
/// One batch fills while another is sorted and written; the sort's keys and the indexes of texts take about as much again.
const BATCHES: u64 = 3;

/// Collects the rows of one table.
pub(super) struct Spill {
    name: &'static str,
    order: Order,
    layout: Arc<Layout>,
    folder: PathBuf,
    batch_bytes: usize,
    batch: Batch,
    runs: Vec<PathBuf>,
    /// The batch that is being sorted and written.
    writing: Option<JoinHandle<Result<Batch, Error>>>,
    renames: Option<Arc<Renames>>,
}

impl Spill {
    pub(super) fn new(table: &'static Table, folder: &Path, memory: u64) -> Self {
        let layout = Arc::new(Layout::new(table));
        let batch_bytes = usize::try_from(memory / BATCHES).unwrap_or(usize::MAX).clamp(MIN_BATCH_BYTES, 1 << 30);
        let batch = Batch::new(layout.clone());
        Self {
            name: "new",
            order: Order::Identity,
            layout,
            folder: folder.into(),
            batch_bytes,
            batch,
            runs: Vec::new(),
            writing: None,
            renames: None,
        }
    }

    pub(super) fn table(&self) -> &'static Table {
        self.layout.table
    }

    /// Runs of several spills of one table may lie in one folder.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Rows of one group, to be put in the order of the table's files.
    pub(super) fn in_table_order(self) -> Self {
        Self { order: Order::Table, ..self }
    }

    pub(super) fn push<T: Stored>(
        &mut self,
        row: &T,
        month: Option<Month>,
        origin: u32,
        revision: i64,
    ) -> Result<(), Error> {
        self.batch.push(row, month, origin, revision);
        self.make_room()
    }

    pub(super) fn push_cells(&mut self, cells: &[Cell], month: u32, origin: u32) -> Result<(), Error> {
        self.batch.push_cells(cells, month, origin);
        self.make_room()
    }

    pub(super) fn push_packed(&mut self, row: Packed<'_>, maps: &mut CodeMaps) -> Result<(), Error> {
        self.batch.translate(row, maps);
        let runs = self.runs.len();
        self.make_room()?;
        if self.runs.len() > runs {
            maps.clear();
        }
        Ok(())
    }

    /// Texts that are others, in all rows that were pushed.
    pub(super) fn rename(&mut self, renames: Renames) {
        self.renames = Some(Arc::new(renames));
    }

    /// Rows of another table follow: much that waits here is written out, so that tables do not add up.
    pub(super) fn rest(&mut self) -> Result<(), Error> {
        if self.batch.bytes() > self.batch_bytes / 4 { self.write_out() } else { Ok(()) }
    }

    fn make_room(&mut self) -> Result<(), Error> {
        if self.batch.bytes() < self.batch_bytes { Ok(()) } else { self.write_out() }
    }

    fn write_out(&mut self) -> Result<(), Error> {
        let empty = self.settle_writing()?.unwrap_or_else(|| Batch::new(self.layout.clone()));
        let mut batch = std::mem::replace(&mut self.batch, empty);
        let path = self.folder.join(format!("{}-{}-{}.run", self.layout.table.name, self.name, self.runs.len()));
        self.runs.push(path.clone());
        let order = self.order;
        self.writing = Some(std::thread::spawn(move || {
            run_file::write(&batch, &order::sorted(&batch, order), &path)?;
            batch.clear();
            Ok(batch)
        }));
        Ok(())
    }

    fn settle_writing(&mut self) -> Result<Option<Batch>, Error> {
        let Some(writing) = self.writing.take() else { return Ok(None) };
        match writing.join() {
            Ok(batch) => batch.map(Some),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// All rows so far, in no order of use; for look-ups before the merge.
    pub(super) fn scan(&mut self, mut visit: impl FnMut(Packed<'_>)) -> Result<(), Error> {
        let empty = self.settle_writing()?;
        drop(empty);
        (0..self.batch.rows()).for_each(|row| visit(self.batch.row(row)));
        let mut block = Block::default();
        for path in &self.runs {
            let mut reader = BlockReader::open(self.layout.clone(), path)?;
            while reader.next(&mut block)? {
                let rows = block.words.len() / self.layout.width;
                (0..rows).for_each(|row| visit(block.row(&self.layout, row)));
            }
        }
        Ok(())
    }

    /// All rows, sorted by month and identity; equals in the order of their arrival.
    pub(super) fn into_merger(mut self) -> Result<Merger, Error> {
        drop(self.settle_writing()?);
        let mut streams = Vec::with_capacity(self.runs.len() + 1);
        for path in &self.runs {
            streams.push(Stream::of_run(BlockReader::open(self.layout.clone(), path)?, self.renames.clone()));
        }
        let order = order::sorted(&self.batch, self.order);
        streams.push(Stream::of_batch(self.batch, order, self.renames.as_deref()));
        Merger::new(self.layout, self.order, streams)
    }
}
