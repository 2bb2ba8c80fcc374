//! The order of the rows of a batch.

use super::{
    batch::Batch,
    packed::{MONTH, Packed},
    table::Kind,
};
use std::cmp::Ordering;

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Month and identity: what merging wants.
    Identity,
    /// Month and the order of the rows in a file.
    Table,
}

impl Order {
    pub(super) fn compare(self, a: &Packed<'_>, b: &Packed<'_>) -> Ordering {
        let by_month = a.words[MONTH].cmp(&b.words[MONTH]);
        by_month.then_with(|| match self {
            Self::Identity => a.compare_keys(b),
            Self::Table => {
                let places = a.layout.table.order;
                places.iter().map(|&place| a.compare(b, place)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            }
        })
    }
}

/// Rows of a batch in order; equals in the order of their arrival.
pub(super) fn sorted(batch: &Batch, order: Order) -> Vec<u32> {
    let layout = &batch.layout;
    let mut columns = vec![Ordinals::months(batch)];
    let places = match order {
        Order::Identity => layout.table.key,
        Order::Table => layout.table.order,
    };
    columns.extend(places.iter().map(|&place| Ordinals::of(batch, place, None)));
    if let (Order::Identity, Some((number, start))) = (order, layout.table.unnumbered) {
        columns.push(Ordinals::of(batch, start, Some(number)));
    }
    let bits: u32 = columns.iter().map(|column| column.bits).sum();
    if bits > u128::BITS - u32::BITS {
        return by_comparing(batch, order);
    }
    let mut keys: Vec<u128> = Vec::with_capacity(batch.rows());
    for (i, row) in batch.words().chunks_exact(layout.width).enumerate() {
        let key = columns.iter().fold(0u128, |key, column| key << column.bits | u128::from(column.ordinal(batch, row)));
        keys.push(key << u32::BITS | i as u128);
    }
    keys.sort_unstable();
    keys.into_iter().map(|key| key as u32).collect()
}

/// For keys too wide to pack.
fn by_comparing(batch: &Batch, order: Order) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..batch.rows() as u32).collect();
    rows.sort_by(|&a, &b| order.compare(&batch.row(a as usize), &batch.row(b as usize)));
    rows
}

/// Values of one column as small numbers in the same order; 0 where there is none.
struct Ordinals {
    place: Option<usize>,
    /// Counts only where this column has no value.
    unless: Option<usize>,
    bits: u32,
    least: i64,
    ranks: Vec<u32>,
}

impl Ordinals {
    fn months(batch: &Batch) -> Self {
        let months = || batch.words().chunks_exact(batch.layout.width).map(|row| i64::from(row[MONTH]));
        Self::range(None, None, months().min(), months().max())
    }

    fn of(batch: &Batch, place: usize, unless: Option<usize>) -> Self {
        let layout = &batch.layout;
        if layout.kind(place) == Kind::Text {
            let texts = &batch.texts()[place];
            let mut codes: Vec<u32> = (0..texts.len() as u32).collect();
            codes.sort_unstable_by(|&a, &b| texts.get(a).cmp(texts.get(b)));
            let mut ranks = vec![0; texts.len()];
            for (rank, code) in codes.into_iter().enumerate() {
                ranks[code as usize] = rank as u32 + 1;
            }
            let bits = usize::BITS - texts.len().leading_zeros();
            return Self { place: Some(place), unless, bits, least: 0, ranks };
        }
        let counts =
            |row: &&[u32]| !layout.is_null(row, place) && unless.is_none_or(|unless| layout.is_null(row, unless));
        let values = || batch.words().chunks_exact(layout.width).filter(counts).map(|row| layout.integer(row, place));
        Self::range(Some(place), unless, values().min(), values().max())
    }

    fn range(place: Option<usize>, unless: Option<usize>, least: Option<i64>, greatest: Option<i64>) -> Self {
        let (least, greatest) = (least.unwrap_or(0), greatest.unwrap_or(-1));
        let bits = u64::BITS - greatest.wrapping_sub(least).wrapping_add(1).leading_zeros();
        // A range that fills all 64 bits leaves no room for "none": such a column is compared instead.
        let bits = if greatest >= least && greatest.abs_diff(least) >= u64::MAX / 2 { u128::BITS } else { bits };
        Self { place, unless, bits, least, ranks: Vec::new() }
    }

    fn ordinal(&self, batch: &Batch, row: &[u32]) -> u64 {
        let layout = &batch.layout;
        let Some(place) = self.place else { return (i64::from(row[MONTH]) - self.least + 1) as u64 };
        if layout.is_null(row, place) || self.unless.is_some_and(|unless| !layout.is_null(row, unless)) {
            0
        } else if layout.kind(place) == Kind::Text {
            u64::from(self.ranks.get(layout.word(row, place) as usize).copied().unwrap_or(0))
        } else {
            layout.integer(row, place).wrapping_sub(self.least).wrapping_add(1) as u64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{
        cell::Cell,
        packed::{Layout, month_word},
        table::Table,
        tables::{RESCHEDULES, TASK_ATTEMPTS},
    };
    use crate::model::Month;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// Rows of small values, so that columns tie; a column in ten has no value.
    fn rows(table: &'static Table) -> impl Strategy<Value = Vec<(i32, Vec<Option<i64>>)>> {
        let value = prop_oneof![1 => Just(None), 8 => (-3i64..4).prop_map(Some), 1 => any::<i64>().prop_map(Some)];
        prop::collection::vec((0..3, prop::collection::vec(value, table.columns.len())), 0..40)
    }

    fn batch_of(table: &'static Table, rows: &[(i32, Vec<Option<i64>>)]) -> Batch {
        let mut batch = Batch::new(Arc::new(Layout::new(table)));
        for (month, values) in rows {
            let cell = |(place, value): (usize, &Option<i64>)| match (table.columns[place].kind, value) {
                (_, None) => Cell::Null,
                (Kind::Text, Some(value)) => Cell::from(value.to_string().as_str()),
                (Kind::Int32, Some(value)) => Cell::from(*value as i32),
                (Kind::Float, Some(value)) => Cell::from(*value as f64),
                (Kind::Bool, Some(value)) => Cell::from(*value > 0),
                (_, Some(value)) => Cell::from(*value),
            };
            let cells: Vec<Cell> = values.iter().enumerate().map(cell).collect();
            batch.push_cells(&cells, month_word(Some(Month::from_number(*month))), 0);
        }
        batch
    }

    proptest! {
        #[test]
        fn packed_keys_sort_as_comparing_does(rows in rows(&TASK_ATTEMPTS), pokes in rows(&RESCHEDULES)) {
            for batch in [batch_of(&TASK_ATTEMPTS, &rows), batch_of(&RESCHEDULES, &pokes)] {
                for order in [Order::Identity, Order::Table] {
                    let sorted = sorted(&batch, order);
                    prop_assert_eq!(&sorted, &by_comparing(&batch, order));
                }
            }
        }
    }
}
