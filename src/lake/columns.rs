//! Columns of a Parquet file as they are read, by the kind that the table says they have.

use super::{
    Error,
    cell::Cell,
    table::{Column, Kind},
    words::Words,
};
use arrow::array::{
    Array, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use std::{cmp::Ordering, path::Path};

/// Some rows of one column.
pub(super) enum Values {
    Text(Words),
    Int32(Int32Array),
    Int64(Int64Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Time(TimestampMicrosecondArray),
}

impl Values {
    /// The column of that name, whatever others the file holds.
    pub(super) fn take(batch: &RecordBatch, column: &Column, path: &Path) -> Result<Self, Error> {
        let wrong = || Error::WrongSchema { path: path.into(), column: column.name };
        let array = batch.column_by_name(column.name).ok_or_else(wrong)?.as_any();
        let values = match column.kind {
            Kind::Text => array.downcast_ref().and_then(Words::new).map(Self::Text),
            Kind::Int32 => array.downcast_ref().cloned().map(Self::Int32),
            Kind::Int64 => array.downcast_ref().cloned().map(Self::Int64),
            Kind::Float => array.downcast_ref().cloned().map(Self::Float),
            Kind::Bool => array.downcast_ref().cloned().map(Self::Bool),
            Kind::Time => array.downcast_ref().cloned().map(Self::Time),
        };
        values.ok_or_else(wrong)
    }

    /// A text; `None` for no value, and in a column of anything else.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Text(words) => words.get(row),
            _ => None,
        }
    }

    /// The value of a row, unless it is a text.
    pub(super) fn number(&self, row: usize) -> Cell {
        match self {
            Self::Text(_) => Cell::Null,
            Self::Int32(a) => Cell::from(a.is_valid(row).then(|| a.value(row))),
            Self::Int64(a) => Cell::from(a.is_valid(row).then(|| a.value(row))),
            Self::Float(a) => Cell::from(a.is_valid(row).then(|| a.value(row))),
            Self::Bool(a) => Cell::from(a.is_valid(row).then(|| a.value(row))),
            Self::Time(a) => Cell::from(a.is_valid(row).then(|| a.value(row))),
        }
    }

    /// Does it hold more than one value?
    pub(super) fn varies(&self) -> bool {
        let array: &dyn Array = match self {
            Self::Text(words) => words.as_array(),
            Self::Int32(a) => a,
            Self::Int64(a) => a,
            Self::Float(a) => a,
            Self::Bool(a) => a,
            Self::Time(a) => a,
        };
        match (array.null_count(), self) {
            (nulls, _) if nulls == array.len() => false,
            (_, Self::Text(words)) => words.varies(),
            (0, Self::Int32(a)) => a.values().iter().any(|v| *v != a.value(0)),
            _ => true,
        }
    }

    /// Is the value of a row, which is not the first one, that of the row before it?
    pub(super) fn repeats(&self, row: usize) -> bool {
        match self {
            Self::Text(words) => words.repeats(row),
            Self::Int32(a) => a.is_valid(row) == a.is_valid(row - 1) && a.value(row) == a.value(row - 1),
            _ => self.number(row) == self.number(row - 1),
        }
    }

    /// Order of two rows of the same column in two files, no value first.
    pub(super) fn compare(&self, row: usize, other: &Self, at: usize) -> Ordering {
        match (self, other) {
            (Self::Text(_), Self::Text(_)) => self.text(row).cmp(&other.text(at)),
            _ => self.number(row).cmp(&other.number(at)),
        }
    }
}
