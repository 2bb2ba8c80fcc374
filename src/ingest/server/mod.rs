//! The metadata database itself, read over the wire: PostgreSQL, MySQL or MariaDB, named by a URL.
//!
//! Airflow lives on that database, so reading must not be felt: nothing is ever written, a table is read in pages along
//! its primary key, each a short read-only statement of its own, and no transaction stays open over pages, which would
//! keep PostgreSQL from vacuuming. Tables are therefore not of one instant: a run may finish while its attempts are read.
//! A later ingest mends that, as it mends any export of a running Airflow.
//!
//! Values come as text, as they would stand in an export, so the same mappings read them; rows are taken one by one.
//! PostgreSQL may stand behind a pooler such as PgBouncer: nothing is set for longer than the transaction, and no statement is
//! prepared.

mod catalog;
mod connection;
mod mysql;
mod page;
mod password;
mod postgres;
mod sql;
mod tls;
mod url;

use super::{Error, Stopped, fields::Field, reading::Fault, sink::Halt, table::RowView};
pub(super) use page::Read;
use password::Password;
use std::{fmt, io, path::Path, sync::Arc};
use url::{Address, Kind};

/// Rows of a page: a statement of a tenth of a second or so.
const PAGE_ROWS: u64 = 10_000;
/// Rows of a page where a column may hold megabytes, as serialized DAGs do.
const PAGE_ROWS_LARGE: u64 = 1_000;
/// Seconds after which the server shall give up on the statement of a page. It takes less than one, unless the server is
/// overloaded, or the table was rewritten and is read without its index; five minutes are more than anyone wants of that.
const PAGE_SECONDS: u64 = 300;
/// The same for a table without a primary key (an archive, a view), which one statement reads from end to end.
const UNPAGED_SECONDS: u64 = 3_600;
/// Seconds to wait for a lock. Only `ALTER TABLE` and the like hold one that reading has to wait for: a migration runs.
const LOCK_SECONDS: u64 = 10;
/// A row of more bytes than this is a defect: no row of Airflow comes near, and memory stays bounded.
const MAX_ROW_BYTES: usize = 128 << 20;

/// Does this name a database server? As in Airflow's `sql_alchemy_conn`, a driver may follow the dialect
/// (`postgresql+psycopg2://`).
pub fn is_url(text: &str) -> bool {
    url::kind_of(text).is_some()
}

/// A metadata database on a server. Cheap to clone; it is connected to when it is read.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    address: Address,
    password: Option<Password>,
    page_rows: [u64; 2],
}

/// Shows the URL, and no password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.shown()).finish()
    }
}

impl Server {
    /// Reads a URL, and finds the password: in `password_file`, else in the environment, else in `~/.pgpass`.
    pub fn parse(url: &str, password_file: Option<&Path>) -> Result<Self, Error> {
        let env = |name: &str| std::env::var_os(name);
        let text = |name: &str| env(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
        let own = if url::kind_of(url) == Some(Kind::Postgres) { text("PGUSER") } else { None };
        let scheme = url.split("://").next().unwrap_or_default();
        let bad = |reason| Error::Server { url: format!("{scheme}://"), reason };
        let address = url::parse(url, own.or_else(|| text("USER"))).map_err(bad)?;
        let password = password::find(&address, password_file, env)
            .map_err(|reason| Error::Server { url: address.shown.clone(), reason })?;
        Ok(Self(Arc::new(Inner { address, password, page_rows: [PAGE_ROWS, PAGE_ROWS_LARGE] })))
    }

    /// The URL without a password, for receipts and messages: `postgresql://user@host:5432/airflow`.
    pub fn shown(&self) -> &str {
        &self.0.address.shown
    }

    /// The database system, for people.
    pub(super) fn system(&self) -> &'static str {
        match self.0.address.kind {
            Kind::Postgres => "PostgreSQL",
            Kind::Mysql => "MySQL",
        }
    }

    /// Each table with its columns, by name, in lower case.
    pub(super) fn tables(&self) -> Result<Vec<(String, Vec<String>)>, Error> {
        let tables = self.connect().and_then(|mut client| catalog::read(&mut *client, None));
        let tables = tables.map_err(|failure| self.error(&failure.to_string()))?;
        Ok(tables.into_iter().map(|table| (table.name.clone(), table.lower_case_columns())).collect())
    }

    /// Calls `visit` for each row of a table with its number, counted from 1; the row holds `columns` in their order.
    pub(super) fn rows(
        &self,
        table: &str,
        columns: &[String],
        mut visit: impl FnMut(u64, Result<&dyn RowView, Fault>) -> Result<(), Halt>,
    ) -> Result<Read, Stopped> {
        let mut number = 0;
        let mut each = |row: Result<Cells<'_>, Fault>| {
            number += 1;
            match row {
                Ok(cells) => visit(number, Ok(&cells)),
                Err(fault) => visit(number, Err(fault)),
            }
        };
        let mut read = || {
            let mut client = self.connect()?;
            let missing = || Failure::Setup(format!("table {table} is gone"));
            let table = catalog::read(&mut *client, Some(table))?.into_iter().next().ok_or_else(missing)?;
            page::read(&mut *client, &table, columns, self.0.page_rows, &mut each)
        };
        read().map_err(|failure| match failure {
            Failure::Halted => Stopped::Receiver,
            failure => {
                Stopped::Input(self.error(&format!("{failure}, after {number} rows of {table}; nothing was written")))
            }
        })
    }

    fn connect(&self) -> Result<Box<dyn Client>, Failure> {
        let (address, password) = (&self.0.address, self.0.password.as_ref());
        connection::look_up(&address.place)?;
        let client: Result<Box<dyn Client>, Failure> = match address.kind {
            Kind::Postgres => postgres::Postgres::connect(address, password).map(|client| Box::new(client) as _),
            Kind::Mysql => mysql::Mysql::connect(address, password).map(|client| Box::new(client) as _),
        };
        client.map_err(|failure| match failure {
            Failure::Lost(error) => {
                Failure::Setup(format!("cannot connect to {}: {}", address.place, connection::words(&error)))
            }
            other => other,
        })
    }

    fn error(&self, reason: &str) -> Error {
        Error::Server { url: self.shown().to_owned(), reason: reason.to_owned() }
    }
}

/// Takes the rows of a query, one by one.
type Each<'a> = dyn FnMut(Result<Cells<'_>, Fault>) -> Result<(), Halt> + 'a;

/// A connection that is logged in. After a failure it is of no further use.
trait Client {
    fn dialect(&self) -> sql::Dialect;
    /// Runs one query in a read-only transaction of its own. Rows are not collected: the server waits for `each`.
    fn query(&mut self, sql: &[u8], seconds: u64, each: &mut Each<'_>) -> Result<(), Failure>;
}

/// Why a server could not be read.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It never came to reading: no server, no encryption, no password.
    #[error("{0}")]
    Setup(String),
    #[error("the connection was lost: {}", connection::words(.0))]
    Lost(#[from] io::Error),
    /// The server refused, in its own words.
    #[error("the server says: {message} ({code})")]
    Refused { code: String, message: String },
    #[error("{0}")]
    Protocol(String),
    /// Whoever takes the rows wants no more.
    #[error("stopped")]
    Halted,
}

impl From<Halt> for Failure {
    fn from(_: Halt) -> Self {
        Self::Halted
    }
}

impl Failure {
    fn refused(code: &str, message: &str) -> Self {
        Self::Refused { code: connection::plain(code), message: connection::plain(message) }
    }
}

/// One row as the server sent it: its values (`None` for NULL).
#[derive(Clone, Copy)]
struct Cells<'a> {
    values: &'a [Option<&'a [u8]>],
}

impl<'a> Cells<'a> {
    /// Hands a row on, unless it is too long.
    fn give(values: &'a [Option<&'a [u8]>], each: &mut Each<'_>) -> Result<(), Failure> {
        let length: usize = values.iter().flatten().map(|value| value.len()).sum();
        let row = if length <= MAX_ROW_BYTES { Ok(Cells { values }) } else { Err(too_long(length)) };
        Ok(each(row)?)
    }

    fn get(&self, column: usize) -> Option<&'a [u8]> {
        *self.values.get(column)?
    }
}

fn too_long(length: usize) -> Fault {
    Fault::of(format!("a row of more than {} MiB", MAX_ROW_BYTES >> 20), &length.to_string())
}

impl RowView for Cells<'_> {
    fn field(&self, column: usize) -> Field<'_> {
        self.get(column).map_or(Field::Null, Field::from_bytes)
    }
}
