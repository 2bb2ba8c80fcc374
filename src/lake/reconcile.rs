//! Rows of one task that say something about each other: placeholders give way to real attempts, which take what those knew,
//! and a `task_fail` row gives way to the attempt it is about.

use super::{cell::Cell, stamp::Stamped, tables::attempt as at};
use std::collections::BTreeMap;

/// Times of one event differ by less than this, in microseconds: a `task_fail` row is written in one transaction with its
/// attempt, and an attempt's log states its times a moment after the database.
const SAME_TIME_MICROS: u64 = 1_000_000;

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays.
    Stays,
    /// What it tells is told by another.
    Goes,
    /// It is this row before its try was counted: what it knows is that one's.
    IsOf(usize),
}

/// What becomes of the rows of one (dag, task), in the order given.
pub(super) fn fates(rows: &[Stamped]) -> Vec<Fate> {
    let mut instances: BTreeMap<(&Cell, i64), Vec<usize>> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        let index = row.cells[at::MAP_INDEX].as_int().unwrap_or(-1);
        instances.entry((&row.cells[at::RUN_ID], index)).or_default().push(i);
    }
    let mut fates = vec![Fate::Stays; rows.len()];
    for ((run_id, index), members) in &instances {
        let is_expanded = *index == -1 && instances.range((*run_id, 0)..=(*run_id, i64::MAX)).next().is_some();
        let real = members.iter().copied().filter(|&i| is_real(&rows[i].cells));
        let starts = real_starts(rows, members);
        for &i in members {
            let cells = &rows[i].cells;
            let placeholder = cells[at::TRY_NUMBER].as_int() == Some(0);
            let retold = cells[at::TRY_NUMBER].is_null()
                && cells[at::STARTED_AT]
                    .as_int()
                    .is_some_and(|start| starts.iter().any(|known| known.abs_diff(start) < SAME_TIME_MICROS));
            let unexpanded = is_expanded && cells[at::STARTED_AT].is_null();
            let began = !cells[at::STARTED_AT].is_null() || !cells[at::ENDED_AT].is_null();
            let same = |i: &usize| is_same_try(cells, &rows[*i].cells);
            fates[i] = match real.clone().find(same) {
                _ if unexpanded || retold => Fate::Goes,
                Some(of) if placeholder => Fate::IsOf(of),
                // One that ran waits for its attempt: that may come with another export.
                None if placeholder && !began && real.clone().next().is_some() => Fate::Goes,
                _ => Fate::Stays,
            };
        }
    }
    fates
}

/// Did both start, or end, at one time? The log of an attempt and the database differ by less than a second.
fn is_same_try(a: &[Cell], b: &[Cell]) -> bool {
    [at::STARTED_AT, at::ENDED_AT].into_iter().any(|place| {
        let times = a[place].as_int().zip(b[place].as_int());
        times.is_some_and(|(a, b)| a.abs_diff(b) < SAME_TIME_MICROS)
    })
}

/// An attempt that was scheduled: try 1 or later.
fn is_real(cells: &[Cell]) -> bool {
    cells[at::TRY_NUMBER].as_int().is_some_and(|number| number >= 1)
}

fn real_starts(rows: &[Stamped], members: &[usize]) -> Vec<i64> {
    let real = members.iter().filter(|&&i| !rows[i].cells[at::TRY_NUMBER].is_null());
    real.filter_map(|&i| rows[i].cells[at::STARTED_AT].as_int()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tables::TASK_ATTEMPTS;
    use super::{Fate::*, *};

    fn row(index: i32, try_number: Option<i32>, started: Option<i64>) -> Stamped {
        let mut cells = vec![Cell::Null; TASK_ATTEMPTS.columns.len()];
        cells[at::RUN_ID] = Cell::from("r1");
        cells[at::MAP_INDEX] = Cell::from(index);
        cells[at::TRY_NUMBER] = Cell::from(try_number);
        cells[at::STARTED_AT] = Cell::from(started);
        cells[at::SOURCE] = Cell::from("database");
        Stamped::new(&TASK_ATTEMPTS, cells.into_boxed_slice())
    }

    #[test]
    fn a_placeholder_lives_until_a_real_attempt_is_known() {
        assert_eq!(fates(&[row(-1, Some(0), None)]), [Stays]);
        assert_eq!(fates(&[row(-1, Some(0), None), row(-1, Some(1), Some(5))]), [Goes, Stays]);
        let second = 1_000_000;
        let rows =
            [row(-1, Some(0), Some(9 * second)), row(-1, Some(2), Some(9 * second + 5)), row(-1, Some(1), Some(0))];
        assert_eq!(fates(&rows), [IsOf(1), Stays, Stays]);
        assert_eq!(fates(&[row(-1, Some(0), Some(9 * second)), row(-1, Some(1), Some(0))]), [Stays, Stays]);
    }

    #[test]
    fn an_unexpanded_row_gives_way_to_mapped_instances() {
        assert_eq!(fates(&[row(-1, Some(0), None), row(0, Some(1), Some(5))]), [Goes, Stays]);
        // It ran unmapped before the task became a mapped one.
        assert_eq!(fates(&[row(-1, Some(1), Some(3)), row(0, Some(1), Some(5))]), [Stays, Stays]);
    }

    #[test]
    fn a_task_fail_row_joins_the_attempt_with_its_start() {
        let second = 1_000_000;
        let rows = [row(-1, Some(1), Some(second)), row(-1, None, Some(second + 10)), row(-1, None, Some(9 * second))];
        assert_eq!(fates(&rows), [Stays, Goes, Stays]);
    }
}
