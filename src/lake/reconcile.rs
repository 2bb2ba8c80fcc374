//! Rows of one task that say something about each other: placeholders give way to real attempts, which take what those knew,
//! and a `task_fail` row gives way to the attempt it is about.

use super::{cell::Cell, stamp::Stamped, tables::attempt as at};
use std::collections::BTreeMap;

/// Start times of a `task_fail` row and of its attempt differ by less than this, in microseconds: both are written in
/// one transaction.
const SAME_START_MICROS: i64 = 1_000_000;

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays.
    Stays,
    /// What it tells is told by another.
    Goes,
    /// It is this row under a number that was counted before the attempt started: what it knows is that one's.
    IsOf(usize),
    /// It waited for this attempt, the first: what holds for each attempt of the task is that one's as well.
    WaitedFor(usize),
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
        let first = real.clone().min_by_key(|&i| rows[i].cells[at::TRY_NUMBER].as_int());
        let starts = real_starts(rows, members);
        for &i in members {
            let cells = &rows[i].cells;
            let placeholder = cells[at::TRY_NUMBER].as_int() == Some(0);
            let retold = cells[at::TRY_NUMBER].is_null()
                && cells[at::STARTED_AT]
                    .as_int()
                    .is_some_and(|start| starts.iter().any(|known| known.abs_diff(start) < SAME_START_MICROS as u64));
            let unexpanded = is_expanded && cells[at::STARTED_AT].is_null();
            let start = cells[at::STARTED_AT].as_int();
            let same = |i: &usize| start.is_some() && rows[*i].cells[at::STARTED_AT].as_int() == start;
            fates[i] = match first {
                _ if unexpanded || retold => Fate::Goes,
                Some(first) if placeholder => real.clone().find(same).map_or(Fate::WaitedFor(first), Fate::IsOf),
                _ => Fate::Stays,
            };
        }
    }
    fates
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
        assert_eq!(fates(&[row(-1, Some(0), None), row(-1, Some(1), Some(5))]), [WaitedFor(1), Stays]);
        let rows = [row(-1, Some(0), Some(9)), row(-1, Some(2), Some(9)), row(-1, Some(1), Some(5))];
        assert_eq!(fates(&rows), [IsOf(1), Stays, Stays]);
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
