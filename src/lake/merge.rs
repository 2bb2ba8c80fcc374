//! Merges sorted runs and the part that was there into a new part, group by group, and counts what became of each row.

use super::{
    Error,
    cell::Cell,
    codec::{PartReader, PartWriter},
    reconcile,
    spill::{Run, by, by_key},
    stamp::Stamped,
    table::{self, Record, Table},
};
use crate::model::{Counts, Month, Text, UNCOUNTED, is_stand_in_run_id};
use std::{cmp::Ordering, collections::HashSet, iter::Peekable, path::Path};

/// Two sources tell of another start of the same attempt when they differ by more than this, in microseconds. Clock
/// corrections and re-reads of one database stay far below.
const OTHER_HISTORY_MICROS: u64 = 60_000_000;

/// What a merge counts.
#[derive(Default)]
pub(super) struct Tally {
    /// By origin.
    pub(super) counts: Vec<Counts>,
    /// Rows that no receipt counts.
    implied: Counts,
    /// Finished attempts told of twice, and how many of them with other times.
    pub(super) overlap: u64,
    pub(super) conflicts: u64,
    pub(super) example: Option<String>,
}

impl Tally {
    fn of(&mut self, origin: u32) -> &mut Counts {
        if origin == UNCOUNTED {
            return &mut self.implied;
        }
        let place = origin as usize;
        if self.counts.len() <= place {
            self.counts.resize(place + 1, Counts::default());
        }
        &mut self.counts[place]
    }
}

/// What was written.
pub(super) struct Outcome {
    /// Does the part differ from the one that was there?
    pub(super) changed: bool,
    pub(super) rows: u64,
    pub(super) stand_ins: u64,
}

/// A row of the new part.
struct Settled {
    row: Stamped,
    /// Was there before?
    old: bool,
    /// Differs from what was there before?
    changed: bool,
    /// Origins that changed it.
    writers: Vec<u32>,
}

/// One merge: the rows of `month` among sorted runs, with the part that was there.
pub(super) struct Merge<'a> {
    pub(super) table: &'static Table,
    pub(super) month: Option<Month>,
    /// The part that was there.
    pub(super) existing: Option<&'a Path>,
    /// (DAG, run id) of rows in it that have moved to another run id.
    pub(super) renamed: &'a HashSet<(Text, Text)>,
    /// File to write.
    pub(super) target: &'a Path,
}

impl Merge<'_> {
    pub(super) fn run(&self, runs: &mut [Peekable<Run>], tally: &mut Tally) -> Result<Outcome, Error> {
        let Self { table, month, target, .. } = *self;
        let mut old = OldGroups::open(self.existing, table)?;
        let mut waiting = old.next_group()?;
        let mut writer = PartWriter::part(target, table)?;
        let mut outcome = Outcome { changed: self.existing.is_none(), rows: 0, stand_ins: 0 };
        while let Some(head) = first_group(table, month, &waiting, runs)? {
            let in_group = |cells: &[Cell]| by(&table.key[..table.group], cells, &head) == Ordering::Equal;
            let mut rows: Vec<Record> = Vec::new();
            if waiting.first().is_some_and(|record| in_group(&record.cells)) {
                let before = waiting.len();
                rows.extend(waiting.into_iter().filter(|record| !self.has_moved(&record.cells)));
                outcome.changed |= rows.len() < before;
                waiting = old.next_group()?;
            }
            for run in runs.iter_mut() {
                while let Some(record) = next_of(run, month, &in_group)? {
                    // A row without an origin comes from another run id.
                    outcome.changed |= record.origin.is_none();
                    rows.push(record);
                }
            }
            write_group(table, rows, &mut writer, target, tally, &mut outcome)?;
        }
        writer.finish(target)?;
        Ok(outcome)
    }

    fn has_moved(&self, cells: &[Cell]) -> bool {
        let id = |place: usize| cells[place].as_text().cloned();
        !self.renamed.is_empty() && id(0).zip(id(1)).is_some_and(|moved| self.renamed.contains(&moved))
    }
}

/// The smallest group among the heads of all streams.
fn first_group(
    table: &Table,
    month: Option<Month>,
    waiting: &[Record],
    runs: &mut [Peekable<Run>],
) -> Result<Option<Box<[Cell]>>, Error> {
    let mut head = waiting.first().map(|record| record.cells.clone());
    for run in runs.iter_mut() {
        match run.peek() {
            Some(Ok(record))
                if record.month == month
                    && head.as_ref().is_none_or(|head| by_key(table, &record.cells, head) == Ordering::Less) =>
            {
                head = Some(record.cells.clone());
            }
            Some(Err(_)) => return run.next().transpose().map(|_| None),
            _ => {}
        }
    }
    Ok(head)
}

fn next_of(
    run: &mut Peekable<Run>,
    month: Option<Month>,
    in_group: &impl Fn(&[Cell]) -> bool,
) -> Result<Option<Record>, Error> {
    run.next_if(|next| match next {
        Ok(record) => record.month == month && in_group(&record.cells),
        Err(_) => true,
    })
    .transpose()
}

/// Settles the rows of one group identity by identity, and writes what stays in the table's order.
fn write_group(
    table: &'static Table,
    mut rows: Vec<Record>,
    writer: &mut PartWriter,
    target: &Path,
    tally: &mut Tally,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    rows.sort_by(|a, b| by_key(table, &a.cells, &b.cells));
    let mut settled: Vec<Settled> = Vec::new();
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        let mut same = vec![first];
        while let Some(next) = rows.next_if(|next| by_key(table, &next.cells, &same[0].cells) == Ordering::Equal) {
            same.push(next);
        }
        settled.push(settle(table, same, tally));
    }
    if table.name == table::TASK_ATTEMPTS.name {
        settled = without_placeholders(settled, tally, outcome);
    }
    settled.sort_by(|a, b| by(table.order, &a.row.cells, &b.row.cells));
    for settled in settled {
        for origin in settled.writers {
            tally.of(origin).written += 1;
        }
        outcome.changed |= settled.changed;
        outcome.rows += 1;
        if table.monthly && settled.row.cells[1].as_text().is_some_and(|run_id| is_stand_in_run_id(run_id)) {
            outcome.stand_ins += 1;
        }
        writer.push(settled.row.cells.iter(), target)?;
    }
    Ok(())
}

/// One identity: what was known, and each new row from the most to the least believed.
fn settle(table: &'static Table, same: Vec<Record>, tally: &mut Tally) -> Settled {
    let (old, new): (Vec<_>, Vec<_>) = same.into_iter().partition(|record| record.origin.is_none());
    let mut known = old.into_iter().map(|record| Stamped::new(table, record.cells)).reduce(|a, b| a.merge(b, table));
    let had_old = known.is_some();
    let mut new: Vec<_> =
        new.into_iter().map(|record| (record.origin.unwrap_or(0), Stamped::new(table, record.cells))).collect();
    // Stable: among equals the first to arrive is the one that is written.
    new.sort_by(|(_, a), (_, b)| match (a.outranks(b), b.outranks(a)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => Ordering::Equal,
    });
    let (mut changed, mut writers) = (false, Vec::new());
    for (origin, row) in new {
        let Some(before) = known.take() else {
            writers.push(origin);
            changed = true;
            known = Some(row);
            continue;
        };
        note_conflict(table, &before.cells, &row.cells, tally);
        if row.same_values(&before, table) {
            tally.of(origin).duplicate += 1;
            known = Some(before);
            continue;
        }
        let after = before.clone().merge(row, table);
        if after.cells == before.cells {
            tally.of(origin).superseded += 1;
        } else {
            writers.push(origin);
            changed = true;
        }
        known = Some(after);
    }
    // `same` holds at least one row, so `known` is set; an empty row would only be written if it did not.
    let row = known.unwrap_or_else(|| Stamped::new(table, vec![Cell::Null; table.columns.len()].into_boxed_slice()));
    Settled { row, old: had_old, changed, writers }
}

fn without_placeholders(settled: Vec<Settled>, tally: &mut Tally, outcome: &mut Outcome) -> Vec<Settled> {
    let rows: Vec<Stamped> = settled.iter().map(|settled| settled.row.clone()).collect();
    let stays = reconcile::survivors(&rows);
    let mut kept = Vec::with_capacity(settled.len());
    for (settled, stays) in settled.into_iter().zip(stays) {
        if stays {
            kept.push(settled);
            continue;
        }
        outcome.changed |= settled.old;
        for origin in settled.writers {
            tally.of(origin).superseded += 1;
        }
    }
    kept
}

fn note_conflict(table: &Table, before: &[Cell], row: &[Cell], tally: &mut Tally) {
    use table::attempt as at;
    if table.name != table::TASK_ATTEMPTS.name || row[at::TRY_NUMBER].as_int().is_none_or(|number| number < 1) {
        return;
    }
    let times = |cells: &[Cell]| Some((cells[at::STARTED_AT].as_int()?, cells[at::ENDED_AT].as_int()?));
    if let (Some((start, end)), Some((other_start, other_end))) = (times(before), times(row)) {
        tally.overlap += 1;
        let apart = start.abs_diff(other_start).min(end.abs_diff(other_end));
        if apart > OTHER_HISTORY_MICROS {
            tally.conflicts += 1;
            tally.example.get_or_insert_with(|| {
                let text = |place: usize| row[place].as_text().map_or("", |text| text).escape_debug().to_string();
                format!("{} of {} in {}", text(at::TASK_ID), text(at::RUN_ID), text(at::DAG_ID))
            });
        }
    }
}

/// Groups of the part that was there, each of whole groups of identity; none where there was no part.
struct OldGroups {
    rows: Option<Peekable<PartReader>>,
    table: &'static Table,
}

impl OldGroups {
    fn open(path: Option<&Path>, table: &'static Table) -> Result<Self, Error> {
        let rows = path.map(|path| PartReader::open(path, table.columns.to_vec())).transpose()?;
        Ok(Self { rows: rows.map(Iterator::peekable), table })
    }

    fn next_group(&mut self) -> Result<Vec<Record>, Error> {
        let Some(rows) = &mut self.rows else { return Ok(Vec::new()) };
        let Some(first) = rows.next().transpose()? else { return Ok(Vec::new()) };
        let mut group = vec![Record { month: None, origin: None, cells: first }];
        let places = &self.table.key[..self.table.group];
        while let Some(next) = rows.next_if(|next| match next {
            Ok(cells) => by(places, cells, &group[0].cells) == Ordering::Equal,
            Err(_) => true,
        }) {
            group.push(Record { month: None, origin: None, cells: next? });
        }
        Ok(group)
    }
}
