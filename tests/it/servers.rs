//! Database servers of a test's own: started on a free port in a temporary folder, gone when dropped.

mod airflow_tables;

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Mariadb,
}

/// Password of `reader`, which stands in no output.
pub(crate) const PASSWORD: &str = "cORRecT-h0rse'battery\\";

/// A running server. Its owner comes in by the socket; `reader` needs the password, and may only read.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    folder: TempDir,
    child: Child,
    client: PathBuf,
}

impl Server {
    /// Starts one, with `options` of its own. `None` where it is not installed; under CI it has to be.
    pub(crate) fn start(kind: Kind, options: &[&str]) -> Option<Self> {
        let ([install, serve, client], package) = match kind {
            Kind::Postgres => (["initdb", "postgres", "psql"], "postgresql"),
            Kind::Mariadb => (["mariadb-install-db", "mariadbd", "mariadb"], "mariadb-server"),
        };
        let (Some(install), Some(serve), Some(client)) = (program(install), program(serve), program(client)) else {
            pass_over(package);
            return None;
        };
        let folder = TempDir::new().expect("a temporary folder");
        let account = account(folder.path(), kind);
        if let Some((user, group)) = account {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).expect("chown");
        }
        let port = free_port();
        let run = |program: &Path| {
            let mut command = Command::new(program);
            // Both refuse to run as root.
            account.map(|(user, group)| command.uid(user).gid(group));
            command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
            // Servers that share a folder for temporary tables clear each other's away.
            command.env("TMPDIR", folder.path());
            command.stderr(File::create(folder.path().join("log")).expect("a log"));
            command
        };
        let (data, here) = (folder.path().join("data"), folder.path());
        let (data, here) = (data.to_str().expect("UTF-8"), here.to_str().expect("UTF-8"));
        let (mut first, mut then) = (run(&install), run(&serve));
        match kind {
            Kind::Postgres => {
                let arguments = ["-D", data, "-U", "owner", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"];
                first.args(arguments).args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
                then.args(["-D", data, "-k", here, "-p", &port.to_string()]);
                then.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
            }
            Kind::Mariadb => {
                let data = format!("--datadir={data}");
                first.args(["--no-defaults", &data, "--auth-root-authentication-method=normal", "--skip-test-db"]);
                then.args(["--no-defaults", &data, &format!("--socket={here}/socket"), &format!("--port={port}")]);
                then.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]);
            }
        }
        assert!(first.status().expect("make a database").success(), "{}", log(folder.path()));
        let child = then.args(options).spawn().expect("start the server");
        let mut server = Self { kind, port, folder, child, client };
        server.await_it();
        server.give_reader_a_password();
        Some(server)
    }

    fn await_it(&mut self) {
        let start = Instant::now();
        while self.run_client("SELECT 1;").is_err() {
            let ended = self.child.try_wait().expect("a process");
            assert!(ended.is_none() && start.elapsed() < Duration::from_secs(60), "{}", log(self.folder.path()));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn give_reader_a_password(&self) {
        let password = PASSWORD.replace('\'', "''");
        match self.kind {
            Kind::Postgres => self.sql("", &format!("CREATE USER reader PASSWORD '{password}'")),
            Kind::Mariadb => self.sql(
                "",
                &format!("SET sql_mode = 'NO_BACKSLASH_ESCAPES'; CREATE USER reader IDENTIFIED BY '{password}'"),
            ),
        };
    }

    /// Runs a script as the owner of the server; returns what it prints.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, script: &str) -> String {
        self.run_client(&format!("{}\n{script};", self.entering(database))).unwrap_or_else(|error| panic!("{error}"))
    }

    fn entering(&self, database: &str) -> String {
        match self.kind {
            _ if database.is_empty() => String::new(),
            Kind::Postgres => format!("\\connect {database}"),
            Kind::Mariadb => format!("USE {database};"),
        }
    }

    fn run_client(&self, script: &str) -> Result<String, String> {
        let here = self.folder.path().to_str().expect("UTF-8");
        let mut command = Command::new(&self.client);
        match self.kind {
            Kind::Postgres => {
                command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
                command.args(["-h", here, "-p", &self.port.to_string(), "-U", "owner", "postgres"]);
            }
            Kind::Mariadb => {
                command.args(["--no-defaults", "-N", "-B", "-u", "root", &format!("--socket={here}/socket")]);
                command.env_remove("MYSQL_PWD");
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("run the client");
        // A client that could not connect reads nothing.
        let _ = child.stdin.take().expect("a pipe").write_all(script.as_bytes());
        let output = child.wait_with_output().expect("the client's end");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// URL by which `reader` comes in, without a password.
    pub(crate) fn url(&self, database: &str) -> String {
        let port = self.port;
        let scheme = if self.kind == Kind::Postgres { "postgresql+psycopg2" } else { "mysql+pymysql" };
        format!("{scheme}://reader@127.0.0.1:{port}/{database}")
    }

    /// Folder of its sockets and of files that it may read.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a key and a certificate where PostgreSQL looks for them.
    pub(crate) fn take_keys(&self, key: &Path, certificate: &Path) {
        for (from, name) in [(key, "server.key"), (certificate, "server.crt")] {
            let to = self.folder.path().join("data").join(name);
            let owner = self.folder.path().metadata().expect("a folder");
            fs::copy(from, &to).expect("copy");
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("chmod");
            std::os::unix::fs::chown(&to, Some(owner.uid()), Some(owner.gid())).expect("chown");
        }
    }

    /// The server dies.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("its end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

/// What the test needs is not installed: it is passed over, but under CI.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
pub(crate) fn pass_over(package: &str) {
    assert!(std::env::var_os("CI").is_none(), "not installed: apt-get install {package}");
    eprintln!("passed over: apt-get install {package}");
}

/// A door to a server that is shut for good once `bytes` came out of it, upon which `then` is called.
pub(crate) fn door(to: u16, bytes: usize, then: impl FnOnce() + Send + 'static) -> u16 {
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = door.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let mut left = bytes;
        for client in door.incoming() {
            let (mut client, mut server) =
                (client.expect("a client"), TcpStream::connect(("127.0.0.1", to)).expect("a server"));
            let (mut from_client, mut to_server) =
                (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from_client, &mut to_server);
                let _ = to_server.shutdown(std::net::Shutdown::Both);
            });
            let mut buffer = [0; 4_096];
            while let Ok(count @ 1..) = server.read(&mut buffer) {
                if count > left {
                    then();
                    let _ = client.shutdown(std::net::Shutdown::Both);
                    return;
                }
                left -= count;
                if client.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = client.shutdown(std::net::Shutdown::Both);
        }
    });
    port
}

/// Where a program is. Debian keeps those of PostgreSQL out of the path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]).collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Whom to run the server as, where we are root: the account that its package made, or nobody.
fn account(folder: &Path, kind: Kind) -> Option<(u32, u32)> {
    if folder.metadata().expect("a folder").uid() != 0 {
        return None;
    }
    let own = if kind == Kind::Postgres { "postgres" } else { "mysql" };
    let accounts = fs::read_to_string("/etc/passwd").expect("accounts");
    let of = |name: &str| {
        let mut fields =
            accounts.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of(own).or_else(|| of("nobody"))
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}
