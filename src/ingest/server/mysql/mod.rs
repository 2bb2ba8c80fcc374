//! MySQL and MariaDB: one connection, read-only queries by the text protocol.

mod auth;
mod greeting;
mod wire;

use super::{
    Client, Each, Failure, LOCK_SECONDS, PAGE_SECONDS,
    catalog::{Catalog, Table},
    net::Stream,
    password::{PLACES, Password},
    sql::{Dialect, Sql},
    tls::Mode,
    url::{Address, Place},
};
use greeting::Greeting;
use wire::{Packet, Wire};

/// A connection that is logged in.
pub(super) struct Mysql {
    wire: Wire,
    is_mariadb: bool,
    /// The limit that the session has, in seconds.
    seconds: u64,
}

/// Seconds for which the server waits until its rows are taken: a lake on a slow disk may keep them waiting, and the default
/// of a minute would end the connection.
const WRITE_SECONDS: u64 = 1_800;
/// Longest password that can be hashed for the server within one packet. Tokens of cloud providers have two thousand bytes.
const MAX_PASSWORD_BYTES: usize = 60_000;

impl Mysql {
    pub(super) fn connect(address: &Address, password: Option<&Password>) -> Result<Self, Failure> {
        let stream = Stream::connect(&address.place)?;
        stream.be_patient(false)?;
        let mut wire = Wire::new(stream);
        let greeting = Greeting::parse(wire.read()?.body()?)?;
        let wire = encrypted(wire, &greeting, address)?;
        let mut client = Self { wire, is_mariadb: greeting.is_mariadb, seconds: 0 };
        client.log_in(&greeting, address, password)?;
        client.wire.stream().be_patient(true)?;
        client.prepare_session()?;
        Ok(client)
    }

    fn log_in(&mut self, greeting: &Greeting, address: &Address, password: Option<&Password>) -> Result<(), Failure> {
        let (password, given) = (password.map(Password::as_bytes).unwrap_or_default(), password.is_some());
        if password.len() > MAX_PASSWORD_BYTES || password.contains(&0) {
            return Err(Failure::Setup("the password is too long or holds a zero byte".to_owned()));
        }
        let private = self.wire.stream().is_private();
        // A method that is not known gets an empty answer, upon which the server names the one it wants.
        let (mut method, mut nonce) = (greeting.method.clone(), greeting.nonce.clone());
        let first = auth::answer(&method, password, &nonce, private).unwrap_or_default();
        self.wire.write(&greeting.response(address, &first, matches!(self.wire.stream(), Stream::Encrypted(_))))?;
        loop {
            match self.wire.read()? {
                Packet::Ok => return Ok(()),
                Packet::Refused(failure) if !given => {
                    return Err(Failure::Setup(format!("{failure}; no password was given: put it into {PLACES}")));
                }
                Packet::Refused(failure) => return Err(failure),
                // The server wants another method: its name, and a new nonce.
                Packet::End(body) => {
                    let mut parts = body.get(1..).unwrap_or_default().splitn(2, |byte| *byte == 0);
                    method = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
                    nonce = auth::nonce(parts.next().unwrap_or_default());
                    let answer = auth::answer(&method, password, &nonce, private)?;
                    self.wire.write(&answer)?;
                }
                Packet::Other(body) => match body {
                    [1, auth::KNOWN] => {}
                    [1, auth::UNKNOWN] => {
                        let answer = auth::in_full(&method, password, private)?;
                        self.wire.write(&answer)?;
                    }
                    _ => return Err(Failure::Protocol("a log-in message that is not known")),
                },
            }
        }
    }

    /// What holds for the connection. Nothing here may write: a session that is read-only is not opened for writing by
    /// anything that this program sends.
    fn prepare_session(&mut self) -> Result<(), Failure> {
        for sql in [
            // Also where the server is set to ignore what a client says on connecting.
            "SET NAMES utf8mb4".to_owned(),
            // A backslash in a text is itself.
            "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'".to_owned(),
            "SET SESSION time_zone = '+00:00'".to_owned(),
            "SET SESSION autocommit = 1".to_owned(),
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY".to_owned(),
            format!("SET SESSION lock_wait_timeout = {LOCK_SECONDS}"),
            format!("SET SESSION net_write_timeout = {WRITE_SECONDS}"),
        ] {
            self.wire.query(sql.as_bytes(), &mut |_| Ok(()))?;
        }
        self.limit(PAGE_SECONDS)
    }

    /// Sets the time that a statement may take.
    fn limit(&mut self, seconds: u64) -> Result<(), Failure> {
        if self.seconds == seconds {
            return Ok(());
        }
        let sql = match self.is_mariadb {
            true => format!("SET SESSION max_statement_time = {seconds}"),
            // In milliseconds. MySQL before 5.7.8 has no such limit, and goes without.
            false => format!("SET SESSION max_execution_time = {}", seconds * 1_000),
        };
        match self.wire.query(sql.as_bytes(), &mut |_| Ok(())) {
            Err(Failure::Refused(_)) if !self.is_mariadb => {}
            result => result?,
        }
        self.seconds = seconds;
        Ok(())
    }
}

impl Client for Mysql {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    fn catalog(&mut self, only: Option<&str>) -> Result<Vec<Table>, Failure> {
        let mut sql = Sql::new(Dialect::Mysql, TABLES);
        if let Some(name) = only {
            sql.add(" AND c.table_name = ");
            sql.quoted(name.as_bytes());
        }
        sql.add(" ORDER BY c.table_name, c.ordinal_position");
        let mut catalog = Catalog::default();
        self.query(&sql.text, PAGE_SECONDS, &mut |row| {
            catalog.add(row);
            Ok(())
        })?;
        catalog.finish()
    }

    fn query(&mut self, sql: &[u8], seconds: u64, each: &mut Each<'_>) -> Result<(), Failure> {
        self.limit(seconds)?;
        self.wire.query(sql, each)
    }
}

/// Tables and views of the database, with their columns.
const TABLES: &str = "SELECT c.table_name, c.column_name, c.data_type, k.seq_in_index \
    FROM information_schema.columns AS c \
    LEFT JOIN information_schema.statistics AS k ON k.table_schema = c.table_schema AND k.table_name = c.table_name \
    AND k.column_name = c.column_name AND k.index_name = 'PRIMARY' \
    WHERE c.table_schema = DATABASE()";

fn encrypted(mut wire: Wire, greeting: &Greeting, address: &Address) -> Result<Wire, Failure> {
    let mode = address.tls.mode;
    if mode == Mode::Disable || matches!(address.place, Place::Unix(_)) {
        return Ok(wire);
    }
    if !greeting.encrypts {
        return match mode {
            Mode::Prefer => Ok(wire),
            _ => Err(Failure::Setup("the server offers no encryption, and sslmode asks for it".to_owned())),
        };
    }
    wire.write(&greeting.request_for_encryption())?;
    wire.map(|stream| stream.secure(&address.place, &address.tls))
}
