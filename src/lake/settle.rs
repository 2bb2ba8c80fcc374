//! What becomes of rows that tell of one thing: which are new, which were known, which lose to a better one.

use super::{
    batch::Batch,
    cell::Cell,
    packed::{HELD, Layout, MONTH, MOVED, ORIGIN},
    reconcile::{self, Fate},
    stamp::Stamped,
    table::Table,
    tables::{self, attempt as at},
};
use crate::model::{Counts, UNCOUNTED};
use std::{cmp::Ordering, ops::Range};

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
    pub(super) fn of(&mut self, origin: u32) -> &mut Counts {
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

/// One identity, settled.
struct Settled {
    row: Source,
    /// Was there before?
    old: bool,
    /// Differs from what was there before?
    changed: bool,
    /// Origins that changed it.
    writers: Writers,
}

/// Where the values of a settled row are.
enum Source {
    /// A row of the batch, as it is.
    Row(usize),
    /// Made of several.
    Cells(Box<[Cell]>),
}

/// Nearly always one or none.
#[derive(Default)]
struct Writers {
    first: Option<u32>,
    more: Vec<u32>,
}

impl Writers {
    fn push(&mut self, origin: u32) {
        if self.first.is_none() { self.first = Some(origin) } else { self.more.push(origin) }
    }

    fn each(&self) -> impl Iterator<Item = u32> {
        self.first.into_iter().chain(self.more.iter().copied())
    }
}

/// Settles the rows of one instance, which are in the order of their identity. What stays is appended to `rows`; the
/// range says where. `changed` is set if it differs from what was there before.
pub(super) fn settle(rows: &mut Batch, tally: &mut Tally, changed: &mut bool) -> Range<usize> {
    let layout = rows.layout.clone();
    let count = rows.rows();
    let mut settled: Vec<Settled> = Vec::with_capacity(count);
    let mut from = 0;
    while from < count {
        let first = rows.row(from).words;
        let same = |row: &usize| same_identity(&layout, first, rows.row(*row).words);
        let to = from + 1 + (from + 1..count).take_while(same).count();
        *changed |= (from..to).any(|row| rows.row(row).words[ORIGIN] == MOVED);
        settled.push(settle_identity(rows, from..to, tally));
        from = to;
    }
    if layout.table.name == tables::TASK_ATTEMPTS.name && may_hold_placeholders(rows, count) {
        settled = without_placeholders(rows, settled, tally, changed);
    }
    let month = rows.row(0).words[MONTH];
    for settled in settled {
        for origin in settled.writers.each() {
            tally.of(origin).written += 1;
        }
        *changed |= settled.changed;
        match settled.row {
            Source::Row(row) => rows.repeat(row),
            Source::Cells(cells) => rows.push_cells(&cells, month, HELD),
        }
    }
    count..rows.rows()
}

fn same_identity(layout: &Layout, a: &[u32], b: &[u32]) -> bool {
    let key = layout.table.key.iter().all(|&place| layout.same(a, b, place));
    key && layout.table.unnumbered.is_none_or(|(number, start)| !layout.is_null(a, number) || layout.same(a, b, start))
}

/// One identity: what was known, and each new row from the most to the least believed.
fn settle_identity(rows: &Batch, range: Range<usize>, tally: &mut Tally) -> Settled {
    let origin = |row: usize| rows.row(row).words[ORIGIN];
    let is_old = |row: usize| matches!(origin(row), HELD | MOVED);
    if range.len() == 1 {
        let old = is_old(range.start);
        let writers = Writers { first: (!old).then(|| origin(range.start)), more: Vec::new() };
        return Settled { row: Source::Row(range.start), old, changed: !old, writers };
    }
    let (old, new) = (range.start, range.end - 1);
    if range.len() == 2 && is_old(old) != is_old(new) && same_values(rows, old, new) {
        // An export that overlaps with an earlier one: the usual case of a second ingest.
        let (old, new) = if is_old(old) { (old, new) } else { (new, old) };
        if rows.layout.table.name == tables::TASK_ATTEMPTS.name && tells_a_whole_attempt(rows, new) {
            tally.overlap += 1;
        }
        tally.of(origin(new)).duplicate += 1;
        return Settled { row: Source::Row(old), old: true, changed: false, writers: Writers::default() };
    }
    let records = range.map(|row| ((!is_old(row)).then(|| origin(row)), rows.row(row).cells())).collect();
    settle_cells(rows.layout.table, records, tally)
}

/// Equal in every value, whatever the provenance (and the revision, where that is the version).
fn same_values(rows: &Batch, a: usize, b: usize) -> bool {
    let table = rows.layout.table;
    let passed_over = [table.fills, table.version.filter(|_| table.has_revision())];
    let (a, b) = (rows.row(a).words, rows.row(b).words);
    (0..table.columns.len()).all(|place| passed_over.contains(&Some(place)) || rows.layout.same(a, b, place))
}

fn tells_a_whole_attempt(rows: &Batch, row: usize) -> bool {
    let row = rows.row(row);
    row.integer(at::TRY_NUMBER).is_some_and(|number| number >= 1)
        && !row.is_null(at::STARTED_AT)
        && !row.is_null(at::ENDED_AT)
}

fn settle_cells(table: &'static Table, same: Vec<(Option<u32>, Box<[Cell]>)>, tally: &mut Tally) -> Settled {
    let (old, new): (Vec<_>, Vec<_>) = same.into_iter().partition(|(origin, _)| origin.is_none());
    let mut known = old.into_iter().map(|(_, cells)| Stamped::new(table, cells)).reduce(|a, b| a.merge(b, table));
    let had_old = known.is_some();
    let mut new: Vec<_> =
        new.into_iter().map(|(origin, cells)| (origin.unwrap_or(UNCOUNTED), Stamped::new(table, cells))).collect();
    // Stable: among equals the first to arrive is the one that is written.
    new.sort_by(|(_, a), (_, b)| match (a.outranks(b), b.outranks(a)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => Ordering::Equal,
    });
    let (mut changed, mut writers) = (false, Writers::default());
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
    // There is at least one row, so `known` is set; a row without values would only be written if it were not.
    let cells = known.map_or_else(|| vec![Cell::Null; table.columns.len()].into_boxed_slice(), |row| row.cells);
    Settled { row: Source::Cells(cells), old: had_old, changed, writers }
}

/// Can any of the first `count` rows give way to another? Cheap, and mostly the answer is no.
fn may_hold_placeholders(rows: &Batch, count: usize) -> bool {
    count > 1
        && (0..count).map(|row| rows.row(row)).any(|row| {
            let unexpanded = row.integer(at::MAP_INDEX) == Some(-1) && row.is_null(at::STARTED_AT);
            row.integer(at::TRY_NUMBER).is_none_or(|number| number == 0) || unexpanded
        })
}

fn without_placeholders(
    rows: &Batch,
    mut settled: Vec<Settled>,
    tally: &mut Tally,
    changed: &mut bool,
) -> Vec<Settled> {
    let table = rows.layout.table;
    let stamped = |settled: &Settled| match &settled.row {
        Source::Row(row) => Stamped::new(table, rows.row(*row).cells()),
        Source::Cells(cells) => Stamped::new(table, cells.clone()),
    };
    let mut rows: Vec<Stamped> = settled.iter().map(stamped).collect();
    let fates = reconcile::fates(&rows);
    for (place, fate) in fates.iter().enumerate() {
        let of = match *fate {
            Fate::Stays => continue,
            Fate::Goes => None,
            Fate::IsOf(of) => Some(of),
        };
        *changed |= settled[place].old;
        let writers = std::mem::take(&mut settled[place].writers);
        if let Some(of) = of {
            let part = rows[place].clone().numbered(&rows[of].cells[at::TRY_NUMBER]);
            let filled = rows[of].clone().merge(part, table);
            if filled.cells != rows[of].cells {
                settled[of].row = Source::Cells(filled.cells.clone());
                settled[of].changed = true;
                writers.each().for_each(|origin| settled[of].writers.push(origin));
                rows[of] = filled;
                continue;
            }
        }
        writers.each().for_each(|origin| tally.of(origin).superseded += 1);
    }
    settled.into_iter().zip(fates).filter(|(_, fate)| *fate == Fate::Stays).map(|(settled, _)| settled).collect()
}

fn note_conflict(table: &Table, before: &[Cell], row: &[Cell], tally: &mut Tally) {
    if table.name != tables::TASK_ATTEMPTS.name || row[at::TRY_NUMBER].as_int().is_none_or(|number| number < 1) {
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
