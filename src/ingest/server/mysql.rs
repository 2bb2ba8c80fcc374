//! MySQL and MariaDB: one connection, read-only queries by the text protocol.

use super::{
    Cells, Client, Each, Failure, LOCK_SECONDS, MAX_ROW_BYTES, PAGE_SECONDS, UNPAGED_SECONDS,
    connection::{self, Runtime},
    password::{PLACES, Password},
    sql::Dialect,
    tls::{Mode, Tls},
    url::{Address, Place},
};
use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, Row, SslOpts, Value, prelude::Queryable};
use std::io;

/// A connection that is logged in.
pub(super) struct Mysql {
    runtime: Runtime,
    /// `None` once it is closed.
    connection: Option<Conn>,
    /// The limit that the session has, in seconds.
    seconds: u64,
}

/// Seconds for which the server waits until its rows are taken: a lake on a slow disk may keep them waiting, and the default
/// of a minute would end the connection.
const WRITE_SECONDS: u64 = 1_800;
/// The error of a server that does not know a variable (`ER_UNKNOWN_SYSTEM_VARIABLE`).
const UNKNOWN_VARIABLE: u16 = 1193;

impl Mysql {
    pub(super) fn connect(address: &Address, password: Option<&Password>) -> Result<Self, Failure> {
        let runtime = Runtime::new()?;
        let mode = address.tls.mode;
        let connect = |encrypted: bool| -> Result<_, Failure> {
            let options = options(address, password, encrypted)?;
            runtime.block_on(connection::log_in(async { Ok(Conn::new(options).await) }))
        };
        let encrypts = mode != Mode::Disable && !matches!(address.place, Place::Unix(_));
        let connection = match connect(encrypts)? {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if mode == Mode::Prefer => connect(false)?,
            connection => connection,
        };
        let connection = connection.map_err(|error| at_login(error, password.is_some()))?;
        let mut client = Self { runtime, connection: Some(connection), seconds: 0 };
        client.limit(PAGE_SECONDS)?;
        Ok(client)
    }

    /// Sets the time that a statement may take: in seconds for MariaDB, in milliseconds for MySQL. MySQL before 5.7.8 has no
    /// such limit, and goes without.
    fn limit(&mut self, seconds: u64) -> Result<(), Failure> {
        if self.seconds == seconds {
            return Ok(());
        }
        let mariadb = format!("SET SESSION max_statement_time = {seconds}");
        let mysql = format!("SET SESSION max_execution_time = {}", seconds * 1_000);
        for sql in [mariadb, mysql] {
            match self.run(sql.as_bytes(), &mut |_| Ok(())) {
                Err(Failure::Refused { code, .. }) if code == UNKNOWN_VARIABLE.to_string() => {}
                result => {
                    result?;
                    break;
                }
            }
        }
        self.seconds = seconds;
        Ok(())
    }

    fn run(&mut self, sql: &[u8], each: &mut Each<'_>) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else {
            return Err(Failure::Lost(io::ErrorKind::NotConnected.into()));
        };
        self.runtime.block_on(async {
            let mut rows = connection::next(async { connection.query_iter(sql).await.map_err(failure) }).await?;
            while let Some(row) = connection::next(async { rows.next().await.map_err(failure) }).await? {
                give(&row, each)?;
            }
            Ok(())
        })
    }
}

/// Says good-bye, but does not wait for a server that does not answer.
impl Drop for Mysql {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.runtime.block_on(connection::good_bye(connection.disconnect()));
        }
    }
}

fn options(address: &Address, password: Option<&Password>, encrypted: bool) -> Result<Opts, Failure> {
    // What holds for the connection. Nothing here may write: a session that is read-only is not opened for writing by
    // anything that this program sends.
    let session = vec![
        // Also where the server is set to ignore what a client says on connecting.
        "SET NAMES utf8mb4".to_owned(),
        // A backslash in a text is itself.
        "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'".to_owned(),
        "SET SESSION time_zone = '+00:00'".to_owned(),
        "SET SESSION autocommit = 1".to_owned(),
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY".to_owned(),
        format!("SET SESSION lock_wait_timeout = {LOCK_SECONDS}"),
        format!("SET SESSION net_write_timeout = {WRITE_SECONDS}"),
    ];
    let options = OptsBuilder::default()
        .user(Some(&address.user))
        .pass(password.map(Password::as_str))
        .db_name(Some(&address.database))
        .init(session)
        .stmt_cache_size(0)
        // Both would be asked of the server. A row that is longer ends the reading.
        .max_allowed_packet(Some(MAX_ROW_BYTES))
        .wait_timeout(Some(usize::try_from(UNPAGED_SECONDS).unwrap_or(usize::MAX)))
        // Else a connection by TCP is made again by the socket that the server names.
        .prefer_socket(false);
    let options = match &address.place {
        Place::Tcp { host, port } => options.ip_or_hostname(host).tcp_port(*port),
        Place::Unix(path) => options.socket(Some(path.to_string_lossy())),
    };
    let encryption = if encrypted { Some(encryption(&address.tls).map_err(Failure::Setup)?) } else { None };
    Ok(options.ssl_opts(encryption).into())
}

fn encryption(tls: &Tls) -> Result<SslOpts, String> {
    let Some(roots) = tls.trusted()? else {
        return Ok(SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true));
    };
    let roots = roots.into_iter().map(|root| root.to_vec().into()).collect();
    Ok(SslOpts::default().with_root_certs(roots).with_disable_built_in_roots(true))
}

fn give(row: &Row, each: &mut Each<'_>) -> Result<(), Failure> {
    let value = |column| match row.as_ref(column) {
        Some(Value::Bytes(bytes)) => Ok(Some(bytes.as_slice())),
        Some(Value::NULL) | None => Ok(None),
        Some(_) => Err(Failure::Protocol("a value that is no text".to_owned())),
    };
    let values: Vec<Option<&[u8]>> = (0..row.len()).map(value).collect::<Result<_, Failure>>()?;
    Cells::give(&values, each)
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Server(said) => Failure::refused(&said.code.to_string(), &said.message),
        Error::Io(IoError::Io(error)) => Failure::Lost(error),
        Error::Io(IoError::Tls(error)) => Failure::Setup(connection::with_advice(connection::whole(&error))),
        Error::Driver(DriverError::ConnectionClosed) => Failure::Lost(io::ErrorKind::UnexpectedEof.into()),
        other => Failure::Protocol(connection::whole(&other)),
    }
}

fn at_login(error: Error, password_given: bool) -> Failure {
    match error {
        Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            Failure::Setup("the server offers no encryption, and sslmode asks for it".to_owned())
        }
        Error::Server(said) if !password_given => {
            let refused = Failure::refused(&said.code.to_string(), &said.message);
            Failure::Setup(format!("{refused}; no password was given: put it into {PLACES}"))
        }
        other => failure(other),
    }
}

impl Client for Mysql {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    fn query(&mut self, sql: &[u8], seconds: u64, each: &mut Each<'_>) -> Result<(), Failure> {
        self.limit(seconds)?;
        self.run(sql, each)
    }
}
