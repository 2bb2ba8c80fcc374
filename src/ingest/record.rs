//! One record of a delimited text, and its fields.

use super::{fields::Field, table::RowView};

/// One record.
pub(super) struct Record<'a> {
    pub(super) bytes: &'a [u8],
    /// The same, where it is known to be UTF-8.
    pub(super) text: Option<&'a str>,
    pub(super) ends: &'a [usize],
    /// Bytes between two fields.
    pub(super) gap: usize,
    /// Fields may still have their quotes.
    pub(super) quoted: bool,
    /// `NULL` stands for no value.
    pub(super) escapes: bool,
}

impl Record<'_> {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

impl RowView for Record<'_> {
    #[inline]
    fn field(&self, column: usize) -> Field<'_> {
        let Some(&end) = self.ends.get(column) else { return Field::Null };
        let start = if column == 0 { 0 } else { self.ends[column - 1] + self.gap };
        let Some(bytes) = self.bytes.get(start..end) else { return Field::Null };
        let (start, end) = match bytes {
            [] => return Field::Null,
            [b'"', inner @ .., b'"'] if self.quoted => (start + 1, start + 1 + inner.len()),
            // Text formats of psql and mysql write a missing value so; other tools that write tabs do.
            [b'\\', b'N'] => return Field::Null,
            [b'N', b'U', b'L', b'L'] if self.escapes => return Field::Null,
            _ => (start, end),
        };
        match self.text.and_then(|text| text.get(start..end)) {
            Some("") => Field::Null,
            Some(text) => Field::Text(text),
            None => Field::from_bytes(&self.bytes[start..end]),
        }
    }
}
