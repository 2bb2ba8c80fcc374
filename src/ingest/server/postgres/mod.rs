//! PostgreSQL: one connection, read-only queries by the simple query protocol, which answers in text.

mod auth;
mod wire;

use super::{
    Client, Each, Failure, LOCK_SECONDS,
    catalog::{Catalog, Table},
    net::Stream,
    password::{PLACES, Password},
    sql::{Dialect, Sql},
    tls::Mode,
    url::{Address, Place},
};
use auth::Scram;
use wire::{Message, Wire};

/// A connection that is logged in.
pub(super) struct Postgres {
    wire: Wire,
    search_path: Option<String>,
}

/// Asks for encryption, in the place of a protocol version.
const ENCRYPT: i32 = 80_877_103;
/// Version 3.0 of the protocol, which every server since 2003 speaks.
const VERSION: i32 = 196_608;

impl Postgres {
    pub(super) fn connect(address: &Address, password: Option<&Password>) -> Result<Self, Failure> {
        let stream = Stream::connect(&address.place)?;
        stream.be_patient(false)?;
        let mut wire = Wire::new(encrypted(stream, address)?);
        let settings = [
            ("user", address.user.as_str()),
            ("database", &address.database),
            ("application_name", "windtunnel"),
            ("client_encoding", "UTF8"),
        ];
        wire.start(VERSION, &settings)?;
        log_in(&mut wire, address, password)?;
        while !matches!(wire.read()?, Message::Ready) {}
        wire.stream().be_patient(true)?;
        Ok(Self { wire, search_path: address.search_path.clone() })
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

    fn catalog(&mut self, only: Option<&str>) -> Result<Vec<Table>, Failure> {
        let mut sql = Sql::new(Dialect::Postgres, TABLES);
        if let Some(name) = only {
            sql.add(" AND c.relname = ");
            sql.quoted(name.as_bytes());
        }
        sql.add(" ORDER BY c.relname, a.attnum");
        let mut catalog = Catalog::default();
        self.query(&sql.text, super::PAGE_SECONDS, &mut |row| {
            catalog.add(row);
            Ok(())
        })?;
        catalog.finish()
    }

    fn query(&mut self, sql: &[u8], seconds: u64, each: &mut Each<'_>) -> Result<(), Failure> {
        let sql = self.transaction(sql, seconds);
        self.wire.send(b'Q', &[&sql.text, b"\0"])?;
        loop {
            match self.wire.read()? {
                Message::Row(cells) => each(cells)?,
                Message::Ready => return Ok(()),
                Message::Other => {}
                Message::Authentication(_) => return Err(Failure::Protocol("a log-in within a query")),
            }
        }
    }
}

/// Tables, views and the like that a plain name means, with their columns. A partition is read as part of its table.
const TABLES: &str = "SELECT c.relname, a.attname, t.typname, array_position(i.indkey::int2[], a.attnum) \
    FROM pg_catalog.pg_class AS c \
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
    LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary AND i.indisvalid \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND pg_catalog.pg_table_is_visible(c.oid) \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')";

fn encrypted(mut stream: Stream, address: &Address) -> Result<Stream, Failure> {
    let mode = address.tls.mode;
    if mode == Mode::Disable || matches!(address.place, Place::Unix(_)) {
        return Ok(stream);
    }
    // One byte, read on its own: what might follow it in the clear must not be taken for what was encrypted.
    match wire::ask_for_encryption(&mut stream, ENCRYPT)? {
        b'S' => stream.secure(&address.place, &address.tls),
        b'N' if mode == Mode::Prefer => Ok(stream),
        b'N' => Err(Failure::Setup("the server offers no encryption, and sslmode asks for it".to_owned())),
        _ => Err(Failure::Protocol("no answer to whether it encrypts; is this PostgreSQL?")),
    }
}

fn log_in(wire: &mut Wire, address: &Address, password: Option<&Password>) -> Result<(), Failure> {
    let needed = || {
        let password = password.map(Password::as_bytes);
        password.ok_or_else(|| Failure::Setup(format!("the server wants a password: put it into {PLACES}")))
    };
    let mut scram: Option<Scram> = None;
    loop {
        let (kind, data) = match wire.read()? {
            Message::Authentication(body) => auth::kind(body)?,
            Message::Other => continue,
            Message::Row(_) | Message::Ready => return Err(Failure::Protocol("an answer before the log-in")),
        };
        match kind {
            auth::OK if scram.as_ref().is_none_or(Scram::is_done) => return Ok(()),
            auth::OK => return Err(Failure::Protocol("it did not prove that it knows the password")),
            auth::PLAIN => {
                let password = needed()?;
                if !wire.stream().is_private() {
                    let reason = "the server wants the password unencrypted: ask for encryption with sslmode=require";
                    return Err(Failure::Setup(reason.to_owned()));
                }
                wire.send(b'p', &[password, b"\0"])?;
            }
            auth::MD5 => {
                let answer = auth::md5(address.user.as_bytes(), needed()?, &data);
                wire.send(b'p', &[answer.as_bytes(), b"\0"])?;
            }
            auth::SASL => {
                auth::check_mechanisms(&data)?;
                let new = Scram::new(needed()?)?;
                let first = new.first();
                let length = i32::try_from(first.len()).map_err(|_| Failure::Protocol("a log-in of any length"))?;
                wire.send(b'p', &[auth::SCRAM_SHA_256, b"\0", &length.to_be_bytes(), first.as_bytes()])?;
                scram = Some(new);
            }
            auth::SASL_CONTINUE => {
                let answer = scram.as_mut().ok_or(Failure::Protocol("a log-in out of order"))?.answer(&data)?;
                wire.send(b'p', &[answer.as_bytes()])?;
            }
            auth::SASL_FINAL => {
                scram.as_mut().ok_or(Failure::Protocol("a log-in out of order"))?.check(&data)?;
            }
            other => {
                let reason =
                    format!("the server wants a log-in that is not known here (number {other}, such as Kerberos)");
                return Err(Failure::Setup(reason));
            }
        }
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
