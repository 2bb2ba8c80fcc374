//! PostgreSQL: one connection, read-only queries by the simple query protocol, which answers in text.

use super::{
    Cells, Client, Each, Failure, LOCK_SECONDS,
    connection::{self, Runtime},
    password::{PLACES, Password},
    sql::{Dialect, Sql},
    tls::Mode,
    url::{Address, Place},
};
use crate::ingest::reading::Fault;
use futures_util::TryStreamExt;
use std::{io, pin::pin};
use tokio_postgres::{Config, SimpleQueryMessage, SimpleQueryRow, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connection that is logged in.
pub(super) struct Postgres {
    runtime: Runtime,
    client: tokio_postgres::Client,
    search_path: Option<String>,
}

impl Postgres {
    pub(super) fn connect(address: &Address, password: Option<&Password>) -> Result<Self, Failure> {
        let mut config = Config::new();
        config.user(&address.user).dbname(&address.database).application_name("windtunnel");
        match &address.place {
            Place::Tcp { host, port } => config.host(host).port(*port),
            Place::Unix(path) => {
                let port = path.extension().and_then(|port| port.to_str()?.parse().ok());
                let folder = path.parent().unwrap_or(path).to_string_lossy();
                config.host(folder).port(port.ok_or_else(|| Failure::Setup(format!("no socket: {}", path.display())))?)
            }
        };
        if let Some(password) = password {
            config.password(password.as_str());
        }
        config.ssl_mode(match address.tls.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        let tls = MakeRustlsConnect::new(address.tls.config().map_err(Failure::Setup)?);
        let runtime = Runtime::new()?;
        let (client, connection) = runtime
            .block_on(connection::log_in(async { config.connect(tls).await.map_err(|error| at_login(&error)) }))?;
        // What ends the connection is told to whoever waits for a row.
        runtime.spawn(connection);
        Ok(Self { runtime, client, search_path: address.search_path.clone() })
    }

    /// A transaction that cannot write, around `query`. All it sets ends with it: behind a pooler the next transaction of
    /// this server connection is somebody else's.
    fn transaction(&self, query: &[u8], seconds: u64) -> Sql {
        let mut sql = Sql::new(Dialect::Postgres, "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY; ");
        let settings = "SET LOCAL standard_conforming_strings = on; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; \
            SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 3; ";
        sql.add(settings);
        sql.add(&format!("SET LOCAL statement_timeout = '{seconds}s'; SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; "));
        if let Some(path) = &self.search_path {
            sql.add("SET LOCAL search_path = ");
            for (n, schema) in schemas(path).iter().enumerate() {
                sql.add(if n > 0 { ", " } else { "" });
                sql.name(schema);
            }
            sql.add("; ");
        }
        sql.text.extend_from_slice(query);
        sql.add("; COMMIT");
        sql
    }
}

impl Client for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn query(&mut self, sql: &[u8], seconds: u64, each: &mut Each<'_>) -> Result<(), Failure> {
        let sql = self.transaction(sql, seconds);
        let sql = std::str::from_utf8(&sql.text).map_err(|_| Failure::Protocol("a key that is no UTF-8".to_owned()))?;
        self.runtime.block_on(async {
            let rows =
                connection::next(async { self.client.simple_query_raw(sql).await.map_err(|error| failure(&error)) });
            let mut rows = pin!(rows.await?);
            loop {
                match connection::next(async { rows.try_next().await.map_err(|error| failure(&error)) }).await? {
                    Some(SimpleQueryMessage::Row(row)) => give(&row, each)?,
                    Some(_) => {}
                    None => return Ok(()),
                }
            }
        })
    }
}

fn give(row: &SimpleQueryRow, each: &mut Each<'_>) -> Result<(), Failure> {
    let values: Result<Vec<Option<&[u8]>>, _> =
        (0..row.len()).map(|column| Ok(row.try_get(column)?.map(str::as_bytes))).collect();
    let values = values.map_err(|_: tokio_postgres::Error| Fault::new("a value that is no UTF-8"));
    match values {
        Ok(values) => Cells::give(&values, each),
        Err(fault) => Ok(each(Err(fault))?),
    }
}

fn failure(error: &tokio_postgres::Error) -> Failure {
    if let Some(said) = error.as_db_error() {
        return Failure::refused(said.code().code(), said.message());
    }
    match connection::io_behind(error) {
        Some(system) => Failure::Lost(io::Error::new(system.kind(), system.to_string())),
        None if error.is_closed() => Failure::Lost(io::ErrorKind::UnexpectedEof.into()),
        None => Failure::Protocol(connection::whole(error)),
    }
}

/// What the library says of itself is put into words that tell what to do.
fn at_login(error: &tokio_postgres::Error) -> Failure {
    match failure(error) {
        Failure::Protocol(reason) if reason.contains("password missing") => {
            Failure::Setup(format!("the server wants a password: put it into {PLACES}"))
        }
        Failure::Protocol(reason) if reason.contains("does not support TLS") => {
            Failure::Setup("the server offers no encryption, and sslmode asks for it".to_owned())
        }
        other => other,
    }
}

/// The schemas of a search path: names between commas, in quotes or folded to lower case as the server does.
fn schemas(path: &str) -> Vec<String> {
    let (mut schemas, mut name, mut quoted, mut chars) = (Vec::new(), String::new(), false, path.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => name.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => schemas.push(std::mem::take(&mut name)),
            c if !quoted && c.is_whitespace() => {}
            c if !quoted => name.extend(c.to_lowercase()),
            c => name.push(c),
        }
    }
    schemas.push(name);
    schemas.retain(|name| !name.is_empty());
    schemas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_taken_apart_as_the_server_does() {
        assert_eq!(schemas("airflow"), ["airflow"]);
        assert_eq!(schemas("Air, \"My \"\"own\"\", x\" ,public"), ["air", "My \"own\", x", "public"]);
        assert_eq!(schemas("a'; DROP TABLE x--"), ["a';droptablex--"]);
    }
}
