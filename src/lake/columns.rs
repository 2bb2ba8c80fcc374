//! Columns of a Parquet file as they are read, by the kind that the table says they have.

use super::{
    Error,
    table::{Column, Kind},
    words::Words,
};
use arrow::array::{Array, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
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
        let Some(array) = batch.column_by_name(column.name) else {
            return Self::nothing(batch.num_rows(), column).ok_or_else(wrong);
        };
        let array = array.as_any();
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

    /// Rows without a value, of a column that came after the file was written.
    fn nothing(rows: usize, column: &Column) -> Option<Self> {
        match column.kind {
            _ if !column.late => None,
            // None has come late.
            Kind::Text => None,
            Kind::Int32 => Some(Self::Int32(Int32Array::new_null(rows))),
            Kind::Int64 => Some(Self::Int64(Int64Array::new_null(rows))),
            Kind::Float => Some(Self::Float(Float64Array::new_null(rows))),
            Kind::Bool => Some(Self::Bool(BooleanArray::new_null(rows))),
            Kind::Time => Some(Self::Time(TimestampMicrosecondArray::new_null(rows))),
        }
    }

    /// A text; `None` for no value, and in a column of anything else.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Text(words) => words.get(row),
            _ => None,
        }
    }

    /// A whole number or an instant in microseconds.
    pub(super) fn int(&self, row: usize) -> Option<i64> {
        match self {
            Self::Int32(a) => a.is_valid(row).then(|| a.value(row).into()),
            Self::Int64(a) => a.is_valid(row).then(|| a.value(row)),
            Self::Time(a) => a.is_valid(row).then(|| a.value(row)),
            _ => None,
        }
    }

    /// A number with a fraction.
    pub(super) fn float(&self, row: usize) -> Option<f64> {
        match self {
            Self::Float(a) => a.is_valid(row).then(|| a.value(row)),
            _ => None,
        }
    }

    /// Yes or no.
    pub(super) fn bool(&self, row: usize) -> Option<bool> {
        match self {
            Self::Bool(a) => a.is_valid(row).then(|| a.value(row)),
            _ => None,
        }
    }

    /// Is the value of a row, which is not the first one, that of the row before it?
    pub(super) fn repeats(&self, row: usize) -> bool {
        match self {
            Self::Text(words) => words.repeats(row),
            _ => self.compare(row, self, row - 1).is_eq(),
        }
    }

    /// Order of two rows of the same column in two files, no value first.
    pub(super) fn compare(&self, row: usize, other: &Self, at: usize) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.get(row).cmp(&b.get(at)),
            (Self::Float(_), _) => match (self.float(row), other.float(at)) {
                (Some(one), Some(two)) => one.total_cmp(&two),
                (one, two) => one.is_some().cmp(&two.is_some()),
            },
            (Self::Bool(_), _) => self.bool(row).cmp(&other.bool(at)),
            _ => self.int(row).cmp(&other.int(at)),
        }
    }
}
