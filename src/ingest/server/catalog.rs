//! What the database says of its tables: columns, their types, the primary key.

use super::{
    Cells, Client, Failure, PAGE_SECONDS,
    sql::{Dialect, Sql},
};
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

/// The tables there are, or the one of that name.
pub(super) fn read(client: &mut dyn Client, only: Option<&str>) -> Result<Vec<Table>, Failure> {
    let (tables, name, order) = match client.dialect() {
        Dialect::Postgres => (POSTGRES_TABLES, "c.relname", "a.attnum"),
        Dialect::Mysql => (MYSQL_TABLES, "c.table_name", "c.ordinal_position"),
    };
    let mut sql = Sql::new(client.dialect(), tables);
    if let Some(only) = only {
        sql.add(&format!(" AND {name} = "));
        sql.quoted(only.as_bytes());
    }
    sql.add(&format!(" ORDER BY {name}, {order}"));
    let mut catalog = Catalog::default();
    client.query(&sql.text, PAGE_SECONDS, &mut |row| {
        catalog.add(row);
        Ok(())
    })?;
    catalog.finish()
}

/// Tables, views and the like that a plain name means, with their columns. A partition is read as part of its table.
const POSTGRES_TABLES: &str = "SELECT c.relname, a.attname, t.typname, array_position(i.indkey::int2[], a.attnum) \
    FROM pg_catalog.pg_class AS c \
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
    LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary AND i.indisvalid \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND pg_catalog.pg_table_is_visible(c.oid) \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')";

/// Tables and views of the database, with their columns.
const MYSQL_TABLES: &str = "SELECT c.table_name, c.column_name, c.data_type, k.seq_in_index \
    FROM information_schema.columns AS c \
    LEFT JOIN information_schema.statistics AS k ON k.table_schema = c.table_schema AND k.table_name = c.table_name \
    AND k.column_name = c.column_name AND k.index_name = 'PRIMARY' \
    WHERE c.table_schema = DATABASE()";

/// Puts tables together from rows of table, column, type and place in the primary key, which come in their order.
#[derive(Debug, Default)]
struct Catalog {
    tables: Vec<Table>,
    key: Vec<(u32, usize)>,
}

impl Catalog {
    /// Takes a row. One that cannot be read names a table that this program has no use for: it is passed over.
    fn add(&mut self, row: Result<Cells<'_>, Fault>) {
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

    fn finish(mut self) -> Result<Vec<Table>, Failure> {
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
