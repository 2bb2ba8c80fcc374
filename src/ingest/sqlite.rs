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
                let statement = connection.prepare(&format!("SELECT * FROM {}", quoted(&name)))?;
                let columns = statement.column_names().map(str::to_ascii_lowercase).collect();
                drop(statement);
                Ok((name, columns))
            })
            .collect()
    };
    read().map_err(Error::sqlite(path))
}

/// Calls `visit` for each row of a table with its number.
pub(super) fn rows(
    path: &Path,
    table: &str,
    mut visit: impl FnMut(u64, Result<&dyn RowView, Fault>) -> Result<(), Halt>,
) -> Result<(), Stopped> {
    let connection = connect(path)?;
    let mut statement = connection.prepare(&format!("SELECT * FROM {}", quoted(table))).map_err(Error::sqlite(path))?;
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
