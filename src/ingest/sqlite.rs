//! Tables of a SQLite metadata database, read as they lie there.

use super::{Error, Stopped, fields::Field, reading::Fault, sink::Halt, table::RowView};
use rusqlite::{Connection, OpenFlags, types::ValueRef};
use std::path::Path;

/// First bytes of every SQLite database.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

fn connect(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(Error::sqlite(path))
}

/// Each table with its columns, by name.
pub(super) fn tables(path: &Path) -> Result<Vec<(String, Vec<String>)>, Error> {
    let connection = connect(path)?;
    let read = || -> rusqlite::Result<Vec<(String, Vec<String>)>> {
        let mut statement = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        names
            .into_iter()
            .map(|name| {
                // Not by the names of a statement's columns: in a damaged file those may be no text. Computed columns are
                // no export's, and may be computed without end.
                let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
                let lower = |row: &rusqlite::Row<'_>| {
                    let name = row.get_ref(0)?;
                    Ok(String::from_utf8_lossy(name.as_bytes_or_null()?.unwrap_or_default()).to_ascii_lowercase())
                };
                let columns = statement.query_map([&name], lower)?.collect::<rusqlite::Result<_>>()?;
                Ok((name, columns))
            })
            .collect()
    };
    read().map_err(Error::sqlite(path))
}

/// Calls `visit` for each row of a table with its number; its fields are those `columns`.
pub(super) fn rows(
    path: &Path,
    table: &str,
    columns: &[String],
    mut visit: impl FnMut(u64, Result<&dyn RowView, Fault>) -> Result<(), Halt>,
) -> Result<(), Stopped> {
    let connection = connect(path)?;
    // With the table's name before each: a column that is not there is an error then, and not a text.
    let columns: Vec<String> = columns.iter().map(|column| select_term(column)).collect();
    let select = format!("SELECT {} FROM {} AS t", columns.join(", "), quoted(table));
    let mut statement = connection.prepare(&select).map_err(Error::sqlite(path))?;
    let mut rows = statement.query([]).map_err(Error::sqlite(path))?;
    let mut number = 0;
    loop {
        number += 1;
        match rows.next() {
            Ok(Some(row)) => visit(number, Ok(&SqliteRow(row)))?,
            Ok(None) => return Ok(()),
            // A damaged page: what was read stands, the rest is a defect.
            Err(error) => return Ok(visit(number, Err(Fault::of("cannot read on from here", &error.to_string())))?),
        }
    }
}

/// A column whose name is no text is none that is wanted.
fn select_term(column: &str) -> String {
    if column.contains(char::REPLACEMENT_CHARACTER) { "NULL".to_owned() } else { format!("t.{}", quoted(column)) }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

struct SqliteRow<'a>(&'a rusqlite::Row<'a>);

impl RowView for SqliteRow<'_> {
    fn field(&self, column: usize) -> Field<'_> {
        match self.0.get_ref(column) {
            Ok(ValueRef::Integer(value)) => Field::Int(value),
            Ok(ValueRef::Real(value)) => Field::Real(value),
            Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Field::from_bytes(bytes),
            Ok(ValueRef::Null) | Err(_) => Field::Null,
        }
    }
}
