//! Merges sorted rows of one month, those that were there among them, into a new part.

use super::{
    Error,
    batch::{Batch, CodeMaps},
    packed::{HELD, Layout, MONTH, MOVED, ORIGIN, Packed},
    part_reader::Scratch,
    part_writer::PartWriter,
    settle::{Tally, settle},
    spill::Spill,
    streams::Merger,
    table::Kind,
};
use crate::model::is_stand_in_run_id;
use std::cmp::Ordering;

/// What was written.
#[derive(Default)]
pub(super) struct Outcome {
    /// Does the part differ from the one that was there?
    pub(super) changed: bool,
    pub(super) rows: u64,
    pub(super) stand_ins: u64,
}

/// Place of the run's id, in tables that have one for each row.
const RUN_ID: usize = 1;
/// Texts of the rows that are at hand are forgotten when they fill more than this.
const MAX_TEXT_BYTES: usize = 8 << 20;

/// Merges the rows of the first month in `merger`.
pub(super) fn merge_month(
    merger: &mut Merger,
    writer: &mut PartWriter,
    tally: &mut Tally,
    scratch: &Scratch<'_>,
) -> Result<Outcome, Error> {
    let Some(month) = merger.peek().map(|row| row.words[MONTH]) else { return Ok(Outcome::default()) };
    let layout = merger.layout().clone();
    // The month before had a dictionary of its own.
    merger.forget_codes();
    let mut month_merge = MonthMerge {
        instance: Batch::new(layout.clone()),
        next: Vec::new(),
        group: Vec::new(),
        large: None,
        outcome: Outcome::default(),
        stand_ins: StandIns::default(),
        large_bytes: usize::try_from(scratch.memory / 4).unwrap_or(usize::MAX),
        scratch,
        writer,
        tally,
    };
    while let Some((row, maps)) = merger.peek_with_maps() {
        if row.words[MONTH] != month {
            break;
        }
        month_merge.take(row, maps)?;
        merger.advance()?;
        if month_merge.instance.text_bytes() > MAX_TEXT_BYTES && month_merge.forget_texts()? {
            merger.forget_codes();
        }
    }
    month_merge.end_group()?;
    Ok(month_merge.outcome)
}

struct MonthMerge<'a> {
    /// Rows of one instance, in the order of their identity. Its dictionary serves `group` as well.
    instance: Batch,
    /// The row that was taken last.
    next: Vec<u32>,
    /// Settled rows of one group, one behind the other.
    group: Vec<u32>,
    /// The same for a group too large for memory.
    large: Option<(Spill, CodeMaps)>,
    large_bytes: usize,
    outcome: Outcome,
    stand_ins: StandIns,
    scratch: &'a Scratch<'a>,
    writer: &'a mut PartWriter,
    tally: &'a mut Tally,
}

impl MonthMerge<'_> {
    fn take(&mut self, row: Packed<'_>, maps: &mut CodeMaps) -> Result<(), Error> {
        self.next.clear();
        self.instance.translate_to(&mut self.next, row, maps);
        let layout = &self.instance.layout;
        let begins = match self.instance.rows().checked_sub(1) {
            Some(last) => {
                let before = self.instance.row(last).words;
                let key = &layout.table.key[..layout.table.instance];
                key.iter().any(|&place| !layout.same(before, &self.next, place))
            }
            None => true,
        };
        if begins {
            self.end_instance()?;
        }
        self.instance.push_words(&self.next);
        if begins { self.end_group_before_instance() } else { Ok(()) }
    }

    /// Ends the group, if the only row of the instance begins another one.
    fn end_group_before_instance(&mut self) -> Result<(), Error> {
        let layout = &self.instance.layout;
        let group = &layout.table.key[..layout.table.group];
        let row = self.instance.row(0).words;
        let begins = match self.group.get(..layout.width) {
            Some(first) => group.iter().any(|&place| !layout.same(first, row, place)),
            None => false,
        };
        if begins { self.write_group() } else { Ok(()) }
    }

    fn end_instance(&mut self) -> Result<(), Error> {
        let layout = self.instance.layout.clone();
        let rows = self.instance.rows();
        if rows == 1 {
            // Nearly every row: told of once, and nothing to settle.
            let row = self.instance.row(0).words;
            match row[ORIGIN] {
                HELD => {}
                MOVED => self.outcome.changed = true,
                origin => {
                    self.tally.of(origin).written += 1;
                    self.outcome.changed = true;
                }
            }
            self.keep(0, rows, &layout);
        } else if rows > 1 {
            // What is settled lies behind the rows it was made of.
            let settled = settle(&mut self.instance, self.tally, &mut self.outcome.changed);
            self.keep(settled.start, settled.end, &layout);
        }
        self.instance.clear_rows();
        if self.group.len() * 4 > self.large_bytes { self.spill_group() } else { Ok(()) }
    }

    /// Rows `from..to` of the instance stay.
    fn keep(&mut self, from: usize, to: usize, layout: &Layout) {
        let words = &self.instance.words()[from * layout.width..to * layout.width];
        self.outcome.rows += (to - from) as u64;
        if layout.table.monthly && layout.table.columns[RUN_ID].name == "run_id" {
            for row in words.chunks_exact(layout.width) {
                self.outcome.stand_ins += u64::from(self.stand_ins.is_one(&self.instance, row));
            }
        }
        self.group.extend_from_slice(words);
    }

    fn end_group(&mut self) -> Result<(), Error> {
        self.end_instance()?;
        self.write_group()
    }

    /// Puts the rows of the group into the table's order and writes them.
    fn write_group(&mut self) -> Result<(), Error> {
        if self.large.is_some() {
            return self.write_large_group();
        }
        let layout = &self.instance.layout;
        let places = &layout.table.order[layout.table.group..];
        if let Some(sorted) = in_order(&self.group, &self.instance, places) {
            self.group = sorted;
        }
        self.writer.append(&self.group, &self.instance)?;
        self.group.clear();
        Ok(())
    }

    /// Ends what is at hand so that texts can be forgotten; false where a group is under way, whose rows need them.
    fn forget_texts(&mut self) -> Result<bool, Error> {
        if self.instance.rows() > 1 || !self.group.is_empty() && self.instance.text_bytes() < 4 * MAX_TEXT_BYTES {
            return Ok(false);
        }
        if !self.group.is_empty() {
            // One group with that many texts is better sorted on disk.
            self.spill_group()?;
        }
        let width = self.instance.layout.width;
        let first = self.group.get(..width).map(|row| (row[MONTH], self.instance.packed(row).cells()));
        self.instance.forget_texts();
        if let Some((month, cells)) = first {
            self.instance.push_cells(&cells, month, HELD);
            self.group.clear();
            self.group.extend_from_slice(self.instance.row(self.instance.rows() - 1).words);
            self.instance.pop();
        }
        Ok(true)
    }

    fn spill_group(&mut self) -> Result<(), Error> {
        let layout = self.instance.layout.clone();
        // The first row stays, so that the end of the group is seen; the next time it is there already.
        let spilled = usize::from(self.large.is_some());
        let (spill, maps) = self.large.get_or_insert_with(|| {
            let memory = self.scratch.memory / 4;
            (
                Spill::new(layout.table, self.scratch.folder, memory).named("group").in_table_order(),
                CodeMaps::new(&layout),
            )
        });
        for row in self.group.chunks_exact(layout.width).skip(spilled) {
            spill.push_packed(self.instance.packed(row), maps)?;
        }
        maps.clear();
        self.group.truncate(layout.width);
        Ok(())
    }

    fn write_large_group(&mut self) -> Result<(), Error> {
        let Some((mut spill, mut maps)) = self.large.take() else { return Ok(()) };
        let layout = self.instance.layout.clone();
        for row in self.group.chunks_exact(layout.width).skip(1) {
            spill.push_packed(self.instance.packed(row), &mut maps)?;
        }
        self.group.clear();
        let mut merger = spill.into_merger()?;
        let mut batch = Batch::new(layout);
        while let Some((row, maps)) = merger.peek_with_maps() {
            batch.translate(row, maps);
            merger.advance()?;
            if batch.rows() >= WRITE_ROWS {
                self.writer.append(batch.words(), &batch)?;
                batch.clear();
                merger.forget_codes();
            }
        }
        self.writer.append(batch.words(), &batch)
    }
}

/// Which ids of runs are stand-ins, by their code: looking at the text of each row would cost a cache miss.
#[derive(Default)]
struct StandIns {
    dictionary: u64,
    known: Vec<Option<bool>>,
}

impl StandIns {
    fn is_one(&mut self, batch: &Batch, row: &[u32]) -> bool {
        if self.dictionary != batch.dictionary() {
            self.dictionary = batch.dictionary();
            self.known.clear();
        }
        let code = batch.layout.word(row, RUN_ID) as usize;
        if self.known.len() <= code {
            self.known.resize(batch.texts()[RUN_ID].len().max(code + 1), None);
        }
        *self.known[code].get_or_insert_with(|| batch.packed(row).text(RUN_ID).is_some_and(is_stand_in_run_id))
    }
}

/// Rows of a large group that are written at once.
const WRITE_ROWS: usize = 8_192;

/// The rows in order of these columns; `None` where they are in order already.
fn in_order(words: &[u32], batch: &Batch, places: &[usize]) -> Option<Vec<u32>> {
    let layout = &batch.layout;
    let row = |at: u32| &words[at as usize * layout.width..(at as usize + 1) * layout.width];
    let compare = |a: u32, b: u32| {
        let (a, b) = (batch.packed(row(a)), batch.packed(row(b)));
        places.iter().map(|&place| a.compare(&b, place)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let rows = (words.len() / layout.width) as u32;
    if (1..rows).all(|at| compare(at - 1, at) != Ordering::Greater) {
        return None;
    }
    let mut order: Vec<(i64, u32)> = (0..rows).map(|at| (first_number(layout, row(at), places), at)).collect();
    order.sort_unstable_by(|&(a, i), &(b, j)| a.cmp(&b).then_with(|| compare(i, j)).then(i.cmp(&j)));
    let mut sorted = Vec::with_capacity(words.len());
    order.into_iter().for_each(|(_, at)| sorted.extend_from_slice(row(at)));
    Some(sorted)
}

/// The first column to sort by, where it is a number: most rows are told apart by it alone.
fn first_number(layout: &Layout, row: &[u32], places: &[usize]) -> i64 {
    match places.first() {
        Some(&place) if layout.kind(place) != Kind::Text && layout.kind(place) != Kind::Float => {
            if layout.is_null(row, place) { i64::MIN } else { layout.integer(row, place) }
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        cell::Cell,
        order::{Order, sorted},
        packed::{month_of, month_word},
        part_reader::PartReader,
        streams::Stream,
        tables::TASK_ATTEMPTS,
    };
    use super::*;
    use crate::model::Month;
    use proptest::prelude::*;
    use std::{collections::BTreeMap, sync::Arc};

    /// Month, DAG, task, run, try number, start.
    type Attempt = (i32, u8, u8, u8, i32, i64);

    fn cells(&(_, dag, task, run, number, start): &Attempt) -> Vec<Cell> {
        let mut cells = vec![Cell::Null; TASK_ATTEMPTS.columns.len()];
        cells[0] = Cell::from(format!("dag{dag}").as_str());
        cells[1] = Cell::from(format!("run{run}").as_str());
        cells[2] = Cell::from(format!("task{task}").as_str());
        cells[3] = Cell::from(-1);
        cells[4] = Cell::from(number);
        cells[16] = Cell::from(start);
        cells[19] = Cell::from(start);
        cells[21] = Cell::from("database");
        cells
    }

    /// Merges the rows, given in several runs, and reads back (month, DAG, task, run, try, start) of each file.
    fn merged(runs: &[Vec<Attempt>], memory: u64) -> Vec<(Month, Vec<Cell>)> {
        let layout = Arc::new(Layout::new(&TASK_ATTEMPTS));
        let streams = runs.iter().map(|run| {
            let mut batch = Batch::new(layout.clone());
            for attempt in run {
                batch.push_cells(&cells(attempt), month_word(Some(Month::from_number(attempt.0))), 0);
            }
            let order = sorted(&batch, Order::Identity);
            Stream::of_batch(batch, order, None)
        });
        let mut merger = Merger::new(layout.clone(), Order::Identity, streams.collect()).expect("merger");
        let folder = tempfile::tempdir().expect("folder");
        let scratch = Scratch { folder: folder.path(), memory };
        let mut all = Vec::new();
        while let Some(month) = merger.peek().and_then(|row| month_of(row.words[MONTH])) {
            let path = folder.path().join(month.to_string());
            let mut writer = PartWriter::create(&path, layout.clone(), 2).expect("writer");
            merge_month(&mut merger, &mut writer, &mut Tally::default(), &scratch).expect("merge");
            writer.finish().expect("finish");
            let reader = PartReader::open(&path, layout.clone(), Some(month)).expect("reader");
            reader
                .each(|row| {
                    all.push((month, [0, 2, 16, 1, 4].map(|place| row.cell(place)).to_vec()));
                    Ok(())
                })
                .expect("rows");
        }
        all
    }

    fn expected(runs: &[Vec<Attempt>]) -> Vec<(Month, Vec<Cell>)> {
        let mut newest: BTreeMap<_, i64> = BTreeMap::new();
        for &(month, dag, task, run, number, start) in runs.iter().flatten() {
            let known = newest.entry((month, dag, task, run, number)).or_insert(start);
            *known = (*known).max(start);
        }
        let rows = newest.into_iter().map(|((month, dag, task, run, number), start)| {
            let all = cells(&(month, dag, task, run, number, start));
            (Month::from_number(month), [0, 2, 16, 1, 4].map(|place| all[place].clone()).to_vec())
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        rows
    }

    fn runs() -> impl Strategy<Value = Vec<Vec<Attempt>>> {
        let attempt = (5..8i32, 0..2u8, 0..3u8, 0..3u8, 1..3i32, 0..50i64);
        prop::collection::vec(prop::collection::vec(attempt, 0..30), 1..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn each_identity_once_with_its_newest_values_in_order(runs in runs()) {
            let want = expected(&runs);
            prop_assert_eq!(&merged(&runs, 1 << 20), &want);
            // So little memory that each group goes over the disk.
            prop_assert_eq!(&merged(&runs, 16), &want);
        }
    }
}
