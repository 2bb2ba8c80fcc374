//! What a table is: columns, identity, order and home. One description serves writing, merging, reading and SQL.

use arrow::datatypes::{DataType, TimeUnit};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int32,
    Int64,
    Float,
    Bool,
    /// Microseconds, UTC.
    Time,
}

impl Kind {
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    /// Parts that were written before it came lack it: there it has no value.
    pub(super) late: bool,
}

pub(super) const fn must(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: true, late: false }
}

pub(super) const fn may(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: false, late: false }
}

/// A column that came after lakes were written.
pub(super) const fn late(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, required: false, late: true }
}

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    /// Identity within a deployment. Merging runs in this order.
    pub(super) key: &'static [usize],
    /// Column whose lack of a value makes another one part of the identity: several failed attempts of one task instance
    /// may be known by their starts alone.
    pub(super) unnumbered: Option<(usize, usize)>,
    /// Length of the prefix of `key` that `order` shares: rows of one such group are put in order together.
    pub(super) group: usize,
    /// Length of the prefix of `key` within which rows say something about each other.
    pub(super) instance: usize,
    /// Order of rows in a file.
    pub(super) order: &'static [usize],
    /// One folder a month, or one file.
    pub(super) monthly: bool,
    /// Column that names the source kind, the one that tells the version of a row, and times that stand in for it.
    pub(super) source: Option<usize>,
    pub(super) version: Option<usize>,
    pub(super) version_else: &'static [usize],
    /// Column that keeps the provenance of fields which another row filled.
    pub(super) fills: Option<usize>,
}

impl Table {
    /// Is the version of a row the ingest that brought it, and no fact about it?
    pub(super) fn has_revision(&self) -> bool {
        self.version.is_some_and(|place| self.columns[place].name == "revision")
    }

    pub(super) fn by_name(name: &str) -> Option<&'static Self> {
        super::tables::TABLES.iter().copied().find(|table| table.name == name)
    }
}
