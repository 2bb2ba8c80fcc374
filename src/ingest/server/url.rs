//! The URL of a metadata database, as Airflow's own settings and `psql` write it, to where the server is.

use super::tls::{Mode, Tls};
use std::{fmt, path::PathBuf};

/// Which protocol a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Postgres,
    /// MariaDB as well.
    Mysql,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}, port {port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Everything that a URL says. It holds no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) kind: Kind,
    pub(super) place: Place,
    pub(super) user: String,
    pub(super) database: String,
    /// `search_path` of PostgreSQL, as it is to be set; `None` leaves it to the server.
    pub(super) search_path: Option<String>,
    pub(super) tls: Tls,
    /// The URL in its shortest form, for receipts and messages.
    pub(super) shown: String,
}

const HOLDS_PASSWORD: &str = "the URL holds a password, which the shell's history and every user of this machine can see; \
    leave it out and put it into WINDTUNNEL_DB_PASSWORD, PGPASSWORD or MYSQL_PWD, into a file named by --password-file, or \
    into ~/.pgpass";

/// Options that drivers know and that change nothing of what is read here.
const WITHOUT_EFFECT: [&str; 12] = [
    "application_name",
    "charset",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "target_session_attrs",
    "tcp_user_timeout",
];
const KNOWN: &str =
    "sslmode, sslrootcert, host, port, user, dbname, and for PostgreSQL schema, search_path and options";

/// The protocol that a URL's scheme names. A driver may stand behind it, as in SQLAlchemy's `postgresql+psycopg2`.
pub(super) fn kind_of(url: &str) -> Option<Kind> {
    let (scheme, _) = url.split_once("://")?;
    let dialect = scheme.split('+').next()?.to_ascii_lowercase();
    match dialect.as_str() {
        "postgres" | "postgresql" => Some(Kind::Postgres),
        "mysql" | "mariadb" => Some(Kind::Mysql),
        _ => None,
    }
}

/// Reads a URL. No message repeats a part of it that might be a password; `fallback_user` stands in where it names no user.
pub(super) fn parse(url: &str, fallback_user: Option<String>) -> Result<Address, String> {
    let kind = kind_of(url).ok_or("not the URL of a PostgreSQL or MySQL database")?;
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if rest.contains('@') {
        // What a password with a `/` in it looks like. Nothing of it may be shown.
        return Err(format!(
            "an `@` stands behind the host: write it as %40 where a name holds it; and if {HOLDS_PASSWORD}"
        ));
    }
    if rest.contains('#') {
        return Err("the URL holds a `#`: write it as %23 where a name holds it".to_owned());
    }
    let (userinfo, host_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    if !password.is_empty() {
        return Err(HOLDS_PASSWORD.to_owned());
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, port) = host_and_port(host_port)?;
    let mut parts = Parts { user: decoded(user)?, host, port, ..Parts::default() };
    parts.database = decoded(path.strip_prefix('/').unwrap_or(path))?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parts.option(kind, &decoded(name)?, decoded(&value.replace('+', "%20"))?)?;
    }
    parts.address(kind, fallback_user)
}

#[derive(Default)]
struct Parts {
    user: String,
    host: String,
    port: Option<u16>,
    /// Socket of MySQL, as a path.
    socket: Option<String>,
    database: String,
    search_path: Option<String>,
    tls: Tls,
}

impl Parts {
    fn option(&mut self, kind: Kind, name: &str, value: String) -> Result<(), String> {
        match (kind, name) {
            (_, "password" | "passwd" | "sslpassword") => return Err(HOLDS_PASSWORD.to_owned()),
            (_, "sslmode" | "ssl_mode" | "ssl-mode") => self.tls.mode = Mode::parse(&value)?,
            (_, "sslrootcert" | "ssl_ca" | "ssl-ca") => self.tls.roots = Some(value.into()),
            (_, "host") => self.host = value,
            (_, "port") => self.port = Some(port(&value)?),
            (_, "user") => self.user = value,
            (_, "dbname") => self.database = value,
            (Kind::Mysql, "unix_socket" | "socket") => self.socket = Some(value),
            (Kind::Postgres, "schema") => self.search_path = Some(format!("\"{}\"", value.replace('"', "\"\""))),
            (Kind::Postgres, "search_path") => self.search_path = Some(value),
            (Kind::Postgres, "options") => self.search_path = Some(search_path(&value)?),
            (_, name) if WITHOUT_EFFECT.contains(&name) => {}
            (_, name) => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
                return Err(format!("the URL's option `{name}` is not known; known are {KNOWN}"));
            }
        }
        Ok(())
    }

    fn address(self, kind: Kind, fallback_user: Option<String>) -> Result<Address, String> {
        let user = Some(self.user).filter(|user| !user.is_empty()).or(fallback_user);
        let user = user.ok_or("the URL names no user: write postgresql://USER@HOST/DATABASE")?;
        if self.database.is_empty() {
            return Err("the URL names no database: write postgresql://USER@HOST/DATABASE".to_owned());
        }
        if self.host.contains(',') {
            return Err("the URL names several hosts: name the one to read from".to_owned());
        }
        let texts = [&user, &self.host, &self.database].into_iter().chain(&self.search_path).chain(&self.socket);
        if texts.into_iter().any(|text| text.contains('\0')) {
            return Err("the URL holds a zero byte".to_owned());
        }
        let port = self.port.unwrap_or(if kind == Kind::Postgres { 5432 } else { 3306 });
        let (scheme, host) = (if kind == Kind::Postgres { "postgresql" } else { "mysql" }, self.host.as_str());
        let place = match self.socket {
            Some(path) => Place::Unix(path.into()),
            None if kind == Kind::Postgres && host.starts_with('/') => {
                Place::Unix(PathBuf::from(host).join(format!(".s.PGSQL.{port}")))
            }
            None if host.starts_with('/') => Place::Unix(host.into()),
            None => Place::Tcp { host: if host.is_empty() { "localhost" } else { host }.to_owned(), port },
        };
        let mut shown = format!("{scheme}://{}@", encoded(&user));
        let mut options = Vec::new();
        match &place {
            Place::Tcp { host, port } if host.contains(':') => shown.push_str(&format!("[{host}]:{port}")),
            Place::Tcp { host, port } => shown.push_str(&format!("{}:{port}", encoded(host))),
            Place::Unix(path) if kind == Kind::Mysql => {
                options.push(format!("unix_socket={}", encoded(&path.to_string_lossy())));
            }
            Place::Unix(_) if port == 5432 => options.push(format!("host={}", encoded(host))),
            Place::Unix(_) => options.push(format!("host={}&port={port}", encoded(host))),
        }
        shown.push_str(&format!("/{}", encoded(&self.database)));
        options.extend(self.search_path.iter().map(|path| format!("search_path={}", encoded(path))));
        if !options.is_empty() {
            shown.push_str(&format!("?{}", options.join("&")));
        }
        let (database, search_path, tls) = (self.database, self.search_path, self.tls);
        Ok(Address { kind, place, user, database, search_path, tls, shown })
    }
}

/// `host`, `host:port`, `[::1]:port`.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("the URL's host begins with `[` and has no `]`")?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((decoded(host)?, None)),
        Some(digits) => Ok((decoded(host)?, if digits.is_empty() { None } else { Some(port(digits)?) })),
        None => Err("the URL's host is followed by something that is no port".to_owned()),
    }
}

fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| "the URL's port is not a number from 1 to 65535".to_owned())
}

/// The search path in `-c search_path=airflow`, the one setting that says where the tables are.
fn search_path(options: &str) -> Result<String, String> {
    let wrong = || "the URL's `options` may set search_path only: options=-csearch_path%3Dairflow".to_owned();
    let text = options.trim();
    let setting = text.strip_prefix("-c").map(str::trim_start).or_else(|| text.strip_prefix("--")).ok_or_else(wrong)?;
    let (name, value) = setting.split_once('=').ok_or_else(wrong)?;
    if name.trim() != "search_path" || value.trim().is_empty() || value.contains(char::is_whitespace) {
        return Err(wrong());
    }
    Ok(value.to_owned())
}

fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "the URL holds a `%` that is not followed by two hexadecimal digits of UTF-8".to_owned();
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else { return Err(wrong()) };
        let digit = |byte: &u8| char::from(*byte).to_digit(16).ok_or_else(wrong);
        bytes.push(u8::try_from(digit(high)? << 4 | digit(low)?).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// What stands for itself stays, the rest is written as `%XX`.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/,".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
