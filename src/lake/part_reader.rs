//! Parts of the lake, read back as packed rows.

use super::{
    Error,
    batch::{Batch, CodeMaps},
    columns::Values,
    order::{self, Order},
    packed::{HELD, Layout, Packed, month_word},
    run_file::Block,
    spill::Spill,
    streams::Merger,
    table::Column,
    words::texts_by_number,
};
use crate::model::{Month, Text};
use arrow::array::Array;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use std::{
    cell::Cell as Shared,
    collections::HashSet,
    fs::File,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

/// Rows read at once.
const BATCH_ROWS: usize = 4_096;

/// Rows of a Parquet file in their order.
pub(super) struct PartReader {
    layout: Arc<Layout>,
    batches: ParquetRecordBatchReader,
    path: PathBuf,
    month: u32,
}

impl PartReader {
    /// Columns are read by name; the file may hold others.
    pub(super) fn open(path: &Path, layout: Arc<Layout>, month: Option<Month>) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let builder = texts_by_number(file).map_err(Error::parquet(path))?;
        let batches = builder.with_batch_size(BATCH_ROWS).build().map_err(Error::parquet(path))?;
        Ok(Self { layout, batches, path: path.into(), month: month_word(month) })
    }

    /// Puts the next rows into `batch`, which is cleared before; false at the end of the file.
    pub(super) fn next(&mut self, batch: &mut Batch) -> Result<bool, Error> {
        batch.clear();
        let Some(rows) = self.batches.next() else { return Ok(false) };
        let rows = rows.map_err(Error::arrow(&self.path))?;
        let take = |column: &Column| Values::take(&rows, column, &self.path);
        let columns = self.layout.table.columns.iter().map(take).collect::<Result<Vec<_>, _>>()?;
        for row in 0..rows.num_rows() {
            let mut writer = batch.begin(self.month, HELD, 0);
            for values in &columns {
                match values {
                    Values::Text(words) => writer.text(words.get(row)),
                    Values::Int32(a) => writer.int32(a.is_valid(row).then(|| a.value(row))),
                    Values::Int64(a) => writer.int64(a.is_valid(row).then(|| a.value(row))),
                    Values::Float(a) => writer.float(a.is_valid(row).then(|| a.value(row))),
                    Values::Bool(a) => writer.bool(a.is_valid(row).then(|| a.value(row))),
                    Values::Time(a) => writer.int64(a.is_valid(row).then(|| a.value(row))),
                }
            }
        }
        Ok(true)
    }

    /// Visits all rows.
    pub(super) fn each(mut self, mut visit: impl FnMut(Packed<'_>) -> Result<(), Error>) -> Result<(), Error> {
        let mut batch = Batch::new(self.layout.clone());
        while self.next(&mut batch)? {
            (0..batch.rows()).try_for_each(|row| visit(batch.row(row)))?;
        }
        Ok(())
    }
}

/// Rows of a part for merging: by identity, where the part has them in its own order. The two share a prefix, the group,
/// so that one group after the other is put in order.
pub(super) struct HeldRows {
    reader: PartReader,
    /// Rows of the file that are not taken yet.
    ahead: Batch,
    next: usize,
    /// Whole groups, and at last the beginning of one.
    groups: Batch,
    maps: CodeMaps,
    /// A group too large for memory, in order.
    large: Option<Merger>,
    /// (DAG, run id) of rows that have moved to another run id: they are left out.
    renamed: Rc<HashSet<(Text, Text)>>,
    /// Set when one was left out.
    left_out: Rc<Shared<bool>>,
    scratch: PathBuf,
    memory: u64,
}

/// Where a group too large for memory is put in order.
pub(super) struct Scratch<'a> {
    pub(super) folder: &'a Path,
    pub(super) memory: u64,
}

/// Rows that are put in order at once, unless one group is larger.
const GROUP_ROWS: usize = 4_096;

impl HeldRows {
    pub(super) fn new(
        reader: PartReader,
        renamed: Rc<HashSet<(Text, Text)>>,
        left_out: Rc<Shared<bool>>,
        scratch: &Scratch<'_>,
    ) -> Self {
        let layout = reader.layout.clone();
        Self {
            ahead: Batch::new(layout.clone()),
            next: 0,
            groups: Batch::new(layout.clone()),
            maps: CodeMaps::new(&layout),
            large: None,
            renamed,
            left_out,
            scratch: scratch.folder.into(),
            memory: scratch.memory,
            reader,
        }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.reader.layout
    }

    /// Fills `block` with the next rows by identity; false at the end.
    pub(super) fn next(&mut self, block: &mut Block) -> Result<bool, Error> {
        loop {
            if self.large.is_some() {
                if self.take_large(block)? {
                    return Ok(true);
                }
                self.large = None;
            }
            if !self.take_groups()? {
                return Ok(false);
            }
            if self.large.is_none() {
                self.put_in_order(block);
                return Ok(true);
            }
        }
    }

    /// Collects whole groups; false where there are none left.
    fn take_groups(&mut self) -> Result<bool, Error> {
        self.groups.clear();
        self.maps.clear();
        let limit = usize::try_from(self.memory / 4).unwrap_or(usize::MAX);
        while let Some(begins) = self.begins_group()? {
            let rows = self.groups.rows();
            if rows >= GROUP_ROWS && begins {
                break;
            }
            if self.groups.bytes() > limit {
                self.sort_outside()?;
                return Ok(true);
            }
            self.groups.translate(self.ahead.row(self.next), &mut self.maps);
            self.next += 1;
        }
        Ok(self.groups.rows() > 0)
    }

    /// Does the next row of the file begin a group? `None` at the end of the file.
    fn begins_group(&mut self) -> Result<Option<bool>, Error> {
        loop {
            if self.next >= self.ahead.rows() {
                if !self.reader.next(&mut self.ahead)? {
                    return Ok(None);
                }
                self.next = 0;
                self.maps.clear();
            }
            let row = self.ahead.row(self.next);
            let moved = |place: usize| row.text(place).map(Text::from);
            if !self.renamed.is_empty() && moved(0).zip(moved(1)).is_some_and(|moved| self.renamed.contains(&moved)) {
                self.left_out.set(true);
                self.next += 1;
                continue;
            }
            let Some(last) = self.groups.rows().checked_sub(1) else { return Ok(Some(true)) };
            let group = &row.layout.table.key[..row.layout.table.group];
            let last = self.groups.row(last);
            return Ok(Some(group.iter().any(|&place| row.compare(&last, place).is_ne())));
        }
    }

    /// The rest of a large group goes through sorted runs on disk.
    fn sort_outside(&mut self) -> Result<(), Error> {
        let mut spill = Spill::new(self.reader.layout.table, &self.scratch, self.memory / 4).named("held");
        let mut maps = CodeMaps::new(&self.reader.layout);
        for row in 0..self.groups.rows() {
            spill.push_packed(self.groups.row(row), &mut maps)?;
        }
        maps.clear();
        let mut dictionary = self.ahead.dictionary();
        while self.begins_group()? == Some(false) {
            // Other rows were read, of which the first may have been left out already.
            if dictionary != self.ahead.dictionary() {
                maps.clear();
                dictionary = self.ahead.dictionary();
            }
            spill.push_packed(self.ahead.row(self.next), &mut maps)?;
            self.next += 1;
        }
        self.large = Some(spill.into_merger()?);
        Ok(())
    }

    fn take_large(&mut self, block: &mut Block) -> Result<bool, Error> {
        let Some(large) = &mut self.large else { return Ok(false) };
        self.groups.clear();
        while self.groups.rows() < GROUP_ROWS
            && let Some((row, maps)) = large.peek_with_maps()
        {
            self.groups.translate(row, maps);
            large.advance()?;
        }
        large.forget_codes();
        let any = self.groups.rows() > 0;
        self.groups.copy_to(block, None);
        Ok(any)
    }

    fn put_in_order(&mut self, block: &mut Block) {
        let order = order::sorted(&self.groups, Order::Identity);
        self.groups.copy_to(block, Some(&order));
    }
}
