//! A series of plain numbers from anywhere, as `detect` and `compare` take them.

use super::{Text, Timestamp};

/// Values in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberSeries {
    /// Its name, empty where the file names none.
    pub id: Text,
    /// When, one a value; `None` where the file says nothing of times.
    pub times: Option<Vec<Timestamp>>,
    /// Finite values.
    pub values: Vec<f64>,
}

/// What a file of numbers holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Series, in order of their first value.
    pub series: Vec<NumberSeries>,
    /// Values that were missing (empty, `null`, `NaN`).
    pub missing: u64,
    /// Series whose values did not stand in order of time, and were sorted.
    pub unsorted: u64,
    /// Series of which half of the values or more share their time with another: several series in one, perhaps.
    pub crowded: u64,
    /// Columns that were not used.
    pub unused: Vec<Text>,
}
