//! The order of the rows of a batch.

use super::{
    batch::Batch,
    packed::{Layout, MONTH, Packed},
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
    /// The columns behind the month.
    fn places(self, layout: &Layout) -> &'static [usize] {
        match self {
            Self::Identity => layout.table.key,
            Self::Table => layout.table.order,
        }
    }

    pub(super) fn compare(self, a: &Packed<'_>, b: &Packed<'_>) -> Ordering {
        self.compare_from(a, b, 0).0
    }

    /// Compares two rows whose first `from` columns, the month counted, are equal; says how many are.
    pub(super) fn compare_from(self, a: &Packed<'_>, b: &Packed<'_>, from: usize) -> (Ordering, usize) {
        if from == 0 && a.words[MONTH] != b.words[MONTH] {
            return (a.words[MONTH].cmp(&b.words[MONTH]), 0);
        }
        let places = self.places(a.layout);
        for (n, &place) in places.iter().enumerate().skip(from.saturating_sub(1)) {
            let order = a.compare(b, place);
            if order.is_ne() {
                return (order, n + 1);
            }
        }
        let last = match (self, a.layout.table.unnumbered) {
            (Self::Identity, Some((number, start))) if a.is_null(number) => a.compare(b, start),
            _ => Ordering::Equal,
        };
        (last, places.len() + 1)
    }

    /// First columns, the month counted, that are the same in two rows that share their dictionary.
    pub(super) fn shared(self, a: &Packed<'_>, b: &Packed<'_>) -> usize {
        if a.words[MONTH] != b.words[MONTH] {
            return 0;
        }
        let same = |place: &&usize| a.layout.same(a.words, b.words, **place);
        1 + self.places(a.layout).iter().take_while(same).count()
    }
}

/// Rows of a batch in order; equals in the order of their arrival.
pub(super) fn sorted(batch: &Batch, order: Order) -> Vec<u32> {
    let layout = &batch.layout;
    let mut columns = vec![Ordinals::months(batch)];
    columns.extend(order.places(layout).iter().map(|&place| Ordinals::of(batch, place, None)));
    if let (Order::Identity, Some((number, start))) = (order, layout.table.unnumbered) {
        columns.push(Ordinals::of(batch, start, Some(number)));
    }
    let bits: u32 = columns.iter().map(|column| column.bits).sum();
    if bits > u128::BITS - u32::BITS {
        return by_comparing(batch, order);
    }
    let mut keys: Vec<u128> = Vec::with_capacity(batch.rows());
    for (i, row) in batch.words().chunks_exact(layout.width).enumerate() {
        let key =
            columns.iter().fold(0u128, |key, column| key << column.bits | u128::from(column.ordinal(layout, row)));
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
    place: usize,
    /// Counts only where this column has no value.
    unless: Option<usize>,
    bits: u32,
    values: Values,
}

/// What a row holds of the column: at the word, or at that one and the next.
enum Values {
    Month { least: i64 },
    Text { word: usize, ranks: Vec<u32> },
    Narrow { word: usize, least: i64 },
    Wide { word: usize, least: i64 },
}

impl Ordinals {
    fn months(batch: &Batch) -> Self {
        let months = || batch.words().chunks_exact(batch.layout.width).map(|row| i64::from(row[MONTH]));
        let (least, bits) = range(months());
        Self { place: 0, unless: None, bits, values: Values::Month { least } }
    }

    fn of(batch: &Batch, place: usize, unless: Option<usize>) -> Self {
        let layout = &batch.layout;
        let word = layout.slot(place);
        if layout.kind(place) == Kind::Text {
            let texts = &batch.texts()[place];
            let mut codes: Vec<u32> = (0..texts.len() as u32).collect();
            codes.sort_unstable_by(|&a, &b| texts.get(a).cmp(texts.get(b)));
            let mut ranks = vec![0; texts.len()];
            for (rank, code) in codes.into_iter().enumerate() {
                ranks[code as usize] = rank as u32 + 1;
            }
            let bits = usize::BITS - texts.len().leading_zeros();
            return Self { place, unless, bits, values: Values::Text { word, ranks } };
        }
        let counts =
            |row: &&[u32]| !layout.is_null(row, place) && unless.is_none_or(|unless| layout.is_null(row, unless));
        let rows = batch.words().chunks_exact(layout.width);
        let (least, bits) = range(rows.filter(counts).map(|row| layout.integer(row, place)));
        let values = match layout.kind(place) {
            Kind::Int32 | Kind::Bool => Values::Narrow { word, least },
            _ => Values::Wide { word, least },
        };
        Self { place, unless, bits, values }
    }

    #[inline]
    fn ordinal(&self, layout: &Layout, row: &[u32]) -> u64 {
        if let Values::Month { least } = self.values {
            return (i64::from(row[MONTH]) - least + 1) as u64;
        }
        if layout.is_null(row, self.place) || self.unless.is_some_and(|unless| !layout.is_null(row, unless)) {
            return 0;
        }
        let above = |value: i64, least: i64| value.wrapping_sub(least).wrapping_add(1) as u64;
        match &self.values {
            Values::Month { .. } => 0,
            Values::Text { word, ranks } => u64::from(ranks.get(row[*word] as usize).copied().unwrap_or(0)),
            Values::Narrow { word, least } => above(i64::from(row[*word] as i32), *least),
            Values::Wide { word, least } => {
                above((u64::from(row[*word]) | u64::from(row[*word + 1]) << 32) as i64, *least)
            }
        }
    }
}

/// The least of some values, and the bits that the others take above it.
fn range(values: impl Iterator<Item = i64>) -> (i64, u32) {
    let (least, greatest) =
        values.fold((i64::MAX, i64::MIN), |(least, greatest), value| (least.min(value), greatest.max(value)));
    if greatest < least {
        return (0, 0);
    }
    let bits = u64::BITS - greatest.wrapping_sub(least).wrapping_add(1).leading_zeros();
    // A range that fills all 64 bits leaves no room for "none": such a column is compared instead.
    (least, if greatest.abs_diff(least) >= u64::MAX / 2 { u128::BITS } else { bits })
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
