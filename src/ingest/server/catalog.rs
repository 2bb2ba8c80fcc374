//! What the database says of its tables: columns, their types, the primary key.

use super::{Cells, Failure};
use crate::ingest::reading::Fault;

/// A table that can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Places of the columns of the primary key, in its order. Empty where there is none.
    pub(super) key: Vec<usize>,
}

/// A column with the type that the database calls so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) type_name: String,
}

impl Table {
    pub(super) fn lower_case_columns(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.to_lowercase()).collect()
    }

    /// Place of the column of that name in lower case.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.to_lowercase() == name)
    }
}

impl Column {
    /// May a value be of any size?
    pub(super) fn is_large(&self) -> bool {
        let large =
            ["text", "mediumtext", "longtext", "json", "jsonb", "xml", "bytea", "blob", "mediumblob", "longblob"];
        large.contains(&self.type_name.as_str())
    }

    pub(super) fn is_binary(&self) -> bool {
        ["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"].contains(&self.type_name.as_str())
    }

    pub(super) fn is_number(&self) -> bool {
        ["tinyint", "smallint", "mediumint", "int", "bigint", "decimal"].contains(&self.type_name.as_str())
    }
}

/// Puts tables together from rows of table, column, type and place in the primary key, which come in their order.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    tables: Vec<Table>,
    key: Vec<(u32, usize)>,
}

impl Catalog {
    /// Takes a row. One that cannot be read names a table that this program has no use for: it is passed over.
    pub(super) fn add(&mut self, row: Result<Cells<'_>, Fault>) {
        let Ok(row) = row else { return };
        let text = |column| row.get(column).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let (Some(table), Some(name), Some(type_name)) = (text(0), text(1), text(2)) else { return };
        if self.tables.last().is_none_or(|last| last.name != table) {
            self.finish_key();
            self.tables.push(Table { name: table.to_owned(), ..Table::default() });
        }
        let Some(last) = self.tables.last_mut() else { return };
        if let Some(place) = text(3).and_then(|place| place.parse().ok()) {
            self.key.push((place, last.columns.len()));
        }
        last.columns.push(Column { name: name.to_owned(), type_name: type_name.to_lowercase() });
    }

    pub(super) fn finish(mut self) -> Result<Vec<Table>, Failure> {
        self.finish_key();
        match self.tables.is_empty() {
            true => Err(Failure::Setup(
                "there is no table that this user may see; is it the right database and schema?".to_owned(),
            )),
            false => Ok(self.tables),
        }
    }

    fn finish_key(&mut self) {
        self.key.sort_unstable();
        if let Some(last) = self.tables.last_mut() {
            last.key = self.key.drain(..).map(|(_, column)| column).collect();
        }
    }
}
