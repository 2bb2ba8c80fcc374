//! Locks on Redis, PostgreSQL and ZooKeeper, each started by the test: what a backend must do, and a storm.

use super::{
    engines::{assert_safe, json},
    servers::{Kind, Server, free_port, pass_over, program},
    support::windtunnel,
};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A server without a folder of its own data that would outlive it.
struct Small {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Small {
    fn start(command: impl FnOnce(u16, &Path) -> Command, answers: impl Fn(u16) -> bool) -> Self {
        let (port, folder) = (free_port(), TempDir::new().expect("a folder"));
        let mut command = command(port, folder.path());
        let log = File::create(folder.path().join("log")).expect("a log");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a copy")).stderr(log).current_dir(folder.path());
        let mut server = Self { child: command.spawn().expect("start the server"), port, folder };
        let began = Instant::now();
        while !answers(port) {
            let ended = server.child.try_wait().expect("a process");
            let log = || fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(60), "{}", log());
            thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// ZooKeeper accepts connections before it serves: what it says of itself names its mode once it does.
fn serves(port: u16) -> bool {
    let mut answer = String::new();
    let mut ask = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        // A question from before it listens is never answered.
        stream.set_read_timeout(Some(Duration::from_millis(500)))?;
        stream.write_all(b"srvr")?;
        stream.read_to_string(&mut answer)?;
        Ok(())
    };
    ask().is_ok() && answer.contains("Mode:")
}

/// The checks that go before the timing, the timing, and the storm; of `WINDTUNNEL_STORM` writes, if that is said.
#[track_caller]
#[expect(clippy::print_stderr, reason = "the figures of a long storm are what it is run for")]
fn stands(backend: &str, writes: u64) {
    let writes = std::env::var("WINDTUNNEL_STORM").map_or(writes, |said| said.parse().expect("a number of writes"));
    let document =
        json(windtunnel().args(["bench", "--json", "lock", "--rounds", "3", "--items", "30", "--backend", backend]));
    let result = &document["engine_results"][0];
    assert_eq!((&result["items_in"], &result["items_out"]), (&30.into(), &30.into()), "{document:#}");
    let document =
        json(windtunnel().args(["bench", "--json", "lock", "--storm", &writes.to_string(), "--backend", backend]));
    assert_safe(&document, writes);
    eprintln!("{backend}: {}", document["storm"]);
}

#[test]
fn on_redis() {
    let Some(redis) = program("redis-server") else { return pass_over("redis-server") };
    let server = Small::start(
        |port, folder| {
            let mut command = Command::new(redis);
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder);
            command
        },
        accepts,
    );
    stands(&format!("redis://127.0.0.1:{}", server.port), 1500);
}

#[test]
fn on_postgresql_in_rows_and_by_advisory_locks_with_transactions_and_sagas() {
    let Some(server) = Server::start(Kind::Postgres, &["-c", "max_connections=100"]) else { return };
    server.sql("", "CREATE USER locker PASSWORD 'l0cker'; CREATE DATABASE locks OWNER locker");
    let rest = format!("://locker:l0cker@127.0.0.1:{}/locks", server.port);
    stands(&format!("postgresql{rest}"), 800);
    stands(&format!("postgresql+advisory{rest}"), 800);
}

#[test]
fn on_zookeeper() {
    let jars = Path::new("/usr/share/java/zookeeper.jar");
    let Some(java) = program("java").filter(|_| jars.exists()) else { return pass_over("zookeeper") };
    let server = Small::start(
        |port, folder| {
            let settings = folder.join("zoo.cfg");
            let data = folder.join("data");
            let text = format!(
                "tickTime=100\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\nforceSync=no\n",
                data.display()
            );
            fs::write(&settings, text).expect("written");
            let mut command = Command::new(java);
            command
                .args(["-Xmx256m", "-cp", "/usr/share/java/*", "org.apache.zookeeper.server.quorum.QuorumPeerMain"])
                .arg(settings);
            command
        },
        serves,
    );
    stands(&format!("zookeeper://127.0.0.1:{}", server.port), 500);
}
