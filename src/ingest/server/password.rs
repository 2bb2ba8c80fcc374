//! Where a password may come from: a file or the environment, never the command line.

use super::url::{Address, Kind, Place};
use std::{ffi::OsString, fmt, path::Path};

/// A password. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password(String);

impl Password {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where to put one, for messages.
pub(super) const PLACES: &str =
    "WINDTUNNEL_DB_PASSWORD, PGPASSWORD or MYSQL_PWD, a file named by --password-file, or ~/.pgpass";

/// Looks in the file the user named, then in the environment, then in PostgreSQL's password file. `env` gives variables.
pub(super) fn find(
    address: &Address,
    file: Option<&Path>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Password>, String> {
    if let Some(path) = file {
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("--password-file {}: {error}", path.display()))?;
        let line = text.lines().next().unwrap_or_default();
        return match line.is_empty() {
            false => Ok(Some(Password(line.to_owned()))),
            true => Err(format!("--password-file {}: its first line holds no password", path.display())),
        };
    }
    let own = if address.kind == Kind::Postgres { "PGPASSWORD" } else { "MYSQL_PWD" };
    for name in ["WINDTUNNEL_DB_PASSWORD", own] {
        if let Some(value) = env(name).filter(|value| !value.is_empty()) {
            let text = value.into_string().map_err(|_| format!("{name} is not UTF-8"))?;
            return Ok(Some(Password(text)));
        }
    }
    if address.kind == Kind::Mysql {
        return Ok(None);
    }
    match env("PGPASSFILE") {
        Some(path) => in_password_file(address, Path::new(&path), true),
        None => {
            env("HOME").map_or(Ok(None), |home| in_password_file(address, &Path::new(&home).join(".pgpass"), false))
        }
    }
}

fn in_password_file(address: &Address, path: &Path, named: bool) -> Result<Option<Password>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(_) if !named => return Ok(None),
        Err(error) => return Err(format!("PGPASSFILE {}: {error}", path.display())),
    };
    let found = text.lines().find_map(|line| in_line(address, line));
    if found.is_some() && open_to_others(path) {
        return Err(format!("{}: others may read this password file; run chmod 600 on it", path.display()));
    }
    Ok(found)
}

/// `host:port:database:user:password`, where `*` stands for anything and a backslash before `:` and `\`.
fn in_line(address: &Address, line: &str) -> Option<Password> {
    if line.starts_with('#') {
        return None;
    }
    let (mut fields, mut chars) = (vec![String::new()], line.chars());
    while let Some(c) = chars.next() {
        let last = fields.len() - 1;
        match c {
            '\\' => fields[last].extend(chars.next()),
            // The password is the rest of the line, colons included.
            ':' if last < 4 => fields.push(String::new()),
            c => fields[last].push(c),
        }
    }
    let [host, port, database, user, password] = &fields[..] else { return None };
    let is = |pattern: &String, value: &str| pattern == "*" || pattern == value;
    let here = match &address.place {
        Place::Tcp { host: name, port: number } => is(host, name) && is(port, &number.to_string()),
        Place::Unix(socket) => {
            let folder = socket.parent().map(Path::to_string_lossy).unwrap_or_default();
            let number = socket.extension().map(|port| port.to_string_lossy()).unwrap_or_default();
            (is(host, "localhost") || is(host, &folder)) && is(port, &number)
        }
    };
    (here && is(database, &address.database) && is(user, &address.user)).then(|| Password(password.clone()))
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn address(url: &str) -> Address {
        super::super::url::parse(url, None).expect("a URL")
    }

    fn find_in(url: &str, file: Option<&Path>, vars: &[(&str, &str)]) -> Result<Option<Password>, String> {
        find(&address(url), file, |name| vars.iter().find(|(of, _)| *of == name).map(|(_, value)| value.into()))
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("write");
        file
    }

    fn is(found: &Result<Option<Password>, String>, want: Option<&str>) -> bool {
        found.as_ref().is_ok_and(|found| found.as_ref().map(|found| found.0.as_str()) == want)
    }

    #[test]
    fn a_named_file_comes_first_then_our_variable_then_the_drivers() {
        let (pg, my) = ("postgresql://u@h/db", "mysql://u@h/db");
        let named = file("of file\r\nsecond line\n");
        let all = [("WINDTUNNEL_DB_PASSWORD", "ours"), ("PGPASSWORD", "pg"), ("MYSQL_PWD", "my")];
        assert!(is(&find_in(pg, Some(named.path()), &all), Some("of file")));
        assert!(is(&find_in(pg, None, &all), Some("ours")));
        assert!(is(&find_in(pg, None, &all[1..]), Some("pg")));
        assert!(is(&find_in(my, None, &all[1..]), Some("my")));
        assert!(is(&find_in(my, None, &[("PGPASSWORD", "pg"), ("MYSQL_PWD", "")]), None));
        assert!(find_in(my, Some(file("\n").path()), &all).is_err());
        assert!(find_in(my, Some(Path::new("nowhere")), &all).is_err());
    }

    #[test]
    fn the_password_file_is_matched_line_by_line() {
        let lines = file(
            "# h:5432:db:u:no\nh:5432:other:u:no\nh:*:db:u\\:x:no\n*:*:db:u:a\\:b:c\\\\\nlocalhost:7:*:*:socket\n",
        );
        let path = lines.path().to_str().expect("a path");
        let of = |url: &str| find_in(url, None, &[("PGPASSFILE", path)]);
        assert!(is(&of("postgresql://u@h/db"), Some("a:b:c\\")));
        assert!(is(&of("postgresql://x@h/db"), None));
        assert!(is(&of("postgresql://x@/db?host=/run/pg&port=7"), Some("socket")));
        assert!(find_in("postgresql://u@h/db", None, &[("PGPASSFILE", "nowhere")]).is_err());
        assert!(is(&find_in("postgresql://u@h/db", None, &[("HOME", "nowhere")]), None));
    }

    #[cfg(unix)]
    #[test]
    fn a_password_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let lines = file("*:*:*:*:S3CR3T\n");
        std::fs::set_permissions(lines.path(), std::fs::Permissions::from_mode(0o644)).expect("chmod");
        let path = lines.path().to_str().expect("a path");
        let error = find_in("postgresql://u@h/db", None, &[("PGPASSFILE", path)]).expect_err("open to others");
        assert!(error.contains("chmod 600") && !error.contains("S3CR3T"), "{error}");
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{:?}", Password("S3CR3T".to_owned())), "***");
    }
}
