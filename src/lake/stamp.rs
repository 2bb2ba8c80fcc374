//! Which of two rows about the same thing is believed, field by field.
//!
//! Each value carries a stamp: how much its kind of source is trusted, how new the row is, and a hash of the row as a
//! last resort. Of two values the one with the greater stamp stays, and a null never replaces a value. Because the
//! stamps of fields that came from another row are kept (`fills`), merging is commutative, associative and idempotent:
//! the lake does not depend on the order in which exports arrive.

use super::{cell::Cell, table::Table, tables::attempt};
use crate::model::SourceKind;
use sha2::{Digest, Sha256};
use std::{cell::OnceCell, cmp::Ordering, fmt::Write as _};

/// Trust, then age, then content.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    trust: u8,
    version: i64,
    hash: OnceCell<u64>,
}

impl Stamp {
    fn known(trust: u8, version: i64, hash: u64) -> Self {
        Self { trust, version, hash: OnceCell::from(hash) }
    }

    /// The hash is computed only where trust and age do not decide.
    fn compare(&self, own: &[Cell], other: &Self, others: &[Cell]) -> Ordering {
        (self.trust, self.version)
            .cmp(&(other.trust, other.version))
            .then_with(|| self.hash(own).cmp(&other.hash(others)))
    }

    fn hash(&self, cells: &[Cell]) -> u64 {
        *self.hash.get_or_init(|| content_hash(cells))
    }
}

/// A row with the stamps of its fields.
#[derive(Clone, Debug)]
pub(super) struct Stamped {
    pub(super) cells: Box<[Cell]>,
    main: Stamp,
    /// Stamps of the fields that another row gave, by column; empty for nearly every row.
    fills: Vec<(usize, Stamp)>,
}

impl Stamped {
    pub(super) fn new(table: &Table, cells: Box<[Cell]>) -> Self {
        let fills = table.fills.and_then(|place| cells[place].as_text()).map(|text| text.to_string());
        match fills.as_deref().and_then(|text| parse_fills(table, text)) {
            Some((main, fills)) => Self { cells, main, fills },
            None => Self {
                main: Stamp { trust: trust(table, &cells), version: version(table, &cells), hash: OnceCell::new() },
                fills: Vec::new(),
                cells,
            },
        }
    }

    /// Does `self` hold values that `other` (of the same identity) would lose to?
    pub(super) fn outranks(&self, other: &Self) -> bool {
        self.main.compare(&self.cells, &other.main, &other.cells) == Ordering::Greater
    }

    /// Equal in every value, whatever the provenance (and the revision, where that is the version).
    pub(super) fn same_values(&self, other: &Self, table: &Table) -> bool {
        let passed_over = [table.fills, table.version.filter(|_| table.has_revision())];
        (0..self.cells.len()).all(|i| passed_over.contains(&Some(i)) || self.cells[i] == other.cells[i])
    }

    /// The greater of both in each field.
    pub(super) fn merge(self, other: Self, table: &Table) -> Self {
        let (high, low) = if other.outranks(&self) { (other, self) } else { (self, other) };
        if table.fills.is_none() && !table.has_revision() {
            // Nothing says of a value where it is from: values of both in one row would be of neither.
            return high;
        }
        let mut cells = high.cells.clone();
        let mut fills = Vec::new();
        for column in 0..cells.len() {
            if Some(column) == table.fills || Some(column) == table.source {
                continue;
            }
            let (a, b) = (high.field(column), low.field(column));
            let low_wins = match (high.cells[column].is_null(), low.cells[column].is_null()) {
                (_, true) => false,
                (true, false) => true,
                (false, false) => b.compare(&low.cells, a, &high.cells) == Ordering::Greater,
            };
            if low_wins {
                cells[column] = low.cells[column].clone();
                // Its own stamp is fixed here, while the row that it is the hash of is at hand.
                fills.push((column, Stamp::known(b.trust, b.version, b.hash(&low.cells))));
            } else if let Some(fill) = high.fill(column) {
                fills.push((column, fill.clone()));
            }
        }
        let main = if fills.is_empty() {
            high.main.clone()
        } else {
            Stamp::known(high.main.trust, high.main.version, high.main.hash(&high.cells))
        };
        if let Some(place) = table.fills {
            cells[place] =
                if fills.is_empty() { Cell::Null } else { Cell::from(print_fills(table, &main, &fills).as_str()) };
        }
        Self { cells, main, fills }
    }

    /// The same under another number of a try.
    pub(super) fn numbered(mut self, number: &Cell) -> Self {
        self.cells[attempt::TRY_NUMBER] = number.clone();
        self
    }

    fn fill(&self, column: usize) -> Option<&Stamp> {
        self.fills.iter().find(|(c, _)| *c == column).map(|(_, stamp)| stamp)
    }

    fn field(&self, column: usize) -> &Stamp {
        self.fill(column).unwrap_or(&self.main)
    }
}

fn trust(table: &Table, cells: &[Cell]) -> u8 {
    let kind = table.source.and_then(|place| cells[place].as_text()).and_then(|text| SourceKind::parse(text));
    kind.map_or(0, |kind| kind as u8)
}

/// `updated_at`, else the latest instant the row knows of: a row that ended is newer than the same row while it ran.
fn version(table: &Table, cells: &[Cell]) -> i64 {
    let own = table.version.and_then(|place| cells[place].as_int());
    own.or_else(|| table.version_else.iter().filter_map(|place| cells[*place].as_int()).max()).unwrap_or(i64::MIN)
}

/// First eight bytes of the SHA-256 over all values.
fn content_hash(cells: &[Cell]) -> u64 {
    let mut hasher = Sha256::new();
    for cell in cells {
        match cell {
            Cell::Null => hasher.update([0]),
            Cell::Text(text) => {
                hasher.update([1]);
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            Cell::Int(value) => {
                hasher.update([2]);
                hasher.update(value.to_le_bytes());
            }
            Cell::Float(value) => {
                hasher.update([3]);
                hasher.update(value.to_bits().to_le_bytes());
            }
            Cell::Bool(value) => hasher.update([4, u8::from(*value)]),
        }
    }
    let digest = hasher.finalize();
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// `<main>|<column>=<stamp>|..`, a stamp as `<trust>/<version>/<hash>`.
fn print_fills(table: &Table, main: &Stamp, fills: &[(usize, Stamp)]) -> String {
    let print = |stamp: &Stamp| format!("{}/{}/{:016x}", stamp.trust, stamp.version, stamp.hash.get().unwrap_or(&0));
    let mut text = print(main);
    for (column, stamp) in fills {
        // Writing to a String cannot fail.
        let _ = write!(text, "|{}={}", table.columns[*column].name, print(stamp));
    }
    text
}

fn parse_fills(table: &Table, text: &str) -> Option<(Stamp, Vec<(usize, Stamp)>)> {
    let parse = |text: &str| {
        let mut parts = text.split('/');
        let (trust, version, hash) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
        Some(Stamp::known(trust, version, u64::from_str_radix(hash, 16).ok()?))
    };
    let mut parts = text.split('|');
    let main = parse(parts.next()?)?;
    let fill = |part: &str| {
        let (name, stamp) = part.split_once('=')?;
        Some((table.columns.iter().position(|c| c.name == name)?, parse(stamp)?))
    };
    Some((main, parts.map(fill).collect::<Option<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use super::super::tables::TASK_ATTEMPTS;
    use super::*;
    use proptest::prelude::*;

    /// Rows of one identity: trust, age, and a few nullable values from a small range, so that ties occur.
    fn row() -> impl Strategy<Value = Box<[Cell]>> {
        let value = || prop::option::of(0i64..3);
        ("(database|rest|task_fail)", prop::option::of(0i64..3), value(), value(), value()).prop_map(
            |(source, updated, queued, started, ended)| {
                let mut cells = vec![Cell::Null; TASK_ATTEMPTS.columns.len()];
                cells[14] = Cell::from(queued);
                cells[16] = Cell::from(started);
                cells[17] = Cell::from(ended);
                cells[19] = Cell::from(updated);
                cells[21] = Cell::from(source.as_str());
                cells.into_boxed_slice()
            },
        )
    }

    fn fold(rows: &[Box<[Cell]>]) -> Box<[Cell]> {
        let table = &TASK_ATTEMPTS;
        let mut rows = rows.iter().map(|cells| Stamped::new(table, cells.clone()));
        let first = rows.next().expect("at least one");
        // Through the stored form after each step, as between two ingests.
        rows.fold(first, |a, b| Stamped::new(table, a.merge(b, table).cells)).cells
    }

    proptest! {
        #[test]
        fn order_does_not_matter(rows in prop::collection::vec(row(), 1..6), seed in any::<prop::sample::Index>()) {
            let whole = fold(&rows);
            let mut turned = rows.clone();
            turned.rotate_left(seed.index(rows.len()));
            prop_assert_eq!(&fold(&turned), &whole);
            turned.reverse();
            prop_assert_eq!(&fold(&turned), &whole);
        }

        #[test]
        fn grouping_does_not_matter(a in prop::collection::vec(row(), 1..4), b in prop::collection::vec(row(), 1..4)) {
            let whole = fold(&[a.clone(), b.clone()].concat());
            prop_assert_eq!(fold(&[fold(&a), fold(&b)]), whole);
        }

        #[test]
        fn merging_twice_changes_nothing(rows in prop::collection::vec(row(), 1..6)) {
            let whole = fold(&rows);
            for row in &rows {
                prop_assert_eq!(&fold(&[whole.clone(), row.clone()]), &whole);
            }
        }
    }

    #[test]
    fn a_null_never_replaces_a_value_and_the_newer_value_stays() {
        let table = &TASK_ATTEMPTS;
        let row = |updated: i64, queued: Option<i64>, started: Option<i64>| {
            let mut cells = vec![Cell::Null; table.columns.len()];
            cells[15] = Cell::from(queued);
            cells[16] = Cell::from(started);
            cells[19] = Cell::from(updated);
            cells[21] = Cell::from("database");
            cells.into_boxed_slice()
        };
        let merged = fold(&[row(1, Some(10), Some(11)), row(2, None, Some(12))]);
        assert_eq!((merged[15].as_int(), merged[16].as_int()), (Some(10), Some(12)));
    }
}
