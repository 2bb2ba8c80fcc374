//! What every backend promises, on those that need no server; servers are started by `tests/it/lock_servers.rs`.

use super::*;
use crate::{
    engine::held::{Held, Wall},
    model::Clock,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const EXPIRY: Duration = Duration::from_secs(30);

/// One after the other, each with a higher fence; nobody touches what is not theirs.
fn takes_turns(backend: &dyn Backend, pass: impl Fn(Duration)) {
    let take = |owner: &str| backend.take("orders/2026", owner, EXPIRY).expect("it answers");
    let Attempt::Granted(first) = take("a") else { panic!("nobody has it") };
    assert_eq!(take("b"), Attempt::Held(Some("a".to_owned())));
    assert!(matches!(backend.take("another", "b", EXPIRY), Ok(Attempt::Granted(_))));
    assert_eq!(backend.give_back("orders/2026", "b", first), Ok(false));
    assert_eq!(backend.give_back("orders/2026", "a", Fence(first.0 + 1)), Ok(false));
    assert_eq!(backend.renew("orders/2026", "a", first, EXPIRY), Ok(true));
    assert_eq!(backend.give_back("orders/2026", "a", first), Ok(true));
    assert_eq!(backend.give_back("orders/2026", "a", first), Ok(false), "given back twice");
    let Attempt::Granted(second) = take("b") else { panic!("it was given back") };
    assert!(second > first);
    pass(EXPIRY + EXPIRY / 10);
    let Attempt::Granted(third) = take("c") else { panic!("it has expired") };
    assert!(third > second);
    assert_eq!(backend.renew("orders/2026", "b", second, EXPIRY), Ok(false));
    assert_eq!(backend.give_back("orders/2026", "b", second), Ok(false));
    assert_eq!(take("d"), Attempt::Held(Some("c".to_owned())));
}

#[test]
fn in_a_process_locks_take_turns() {
    let clock = Arc::new(Held::default());
    takes_turns(&InProcess::new(clock.clone() as Arc<dyn Clock>), |length| clock.forward(length));
}

/// A folder of locks whose time a test holds is not to be had: leases are shorter here.
#[test]
fn in_a_folder_locks_take_turns() {
    let folder = tempfile::tempdir().expect("a folder");
    struct Short(Files);
    impl Backend for Short {
        fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
            self.0.take(name, owner, expiry / 100)
        }
        fn renew(&self, name: &str, owner: &str, fence: Fence, expiry: Duration) -> Result<bool, BackendError> {
            self.0.renew(name, owner, fence, expiry / 100)
        }
        fn give_back(&self, name: &str, owner: &str, fence: Fence) -> Result<bool, BackendError> {
            self.0.give_back(name, owner, fence)
        }
    }
    let files = Files::open(&folder.path().join("locks")).expect("a folder");
    takes_turns(&Short(files), |length| std::thread::sleep(length / 100));
}

#[test]
fn names_of_locks_are_no_paths() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Files::open(folder.path()).expect("a folder");
    let long = "x".repeat(5000);
    for name in ["../../etc/passwd", "a/b", "a%2fb", "", ".", "CON", "ä", &long, &format!("{long}y")] {
        assert!(matches!(files.take(name, "a", EXPIRY), Ok(Attempt::Granted(_))), "{name} is another one's");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 9, "a file each");
}

#[test]
fn a_broken_file_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("orders.lock"), "nonsense").expect("written");
    let files = Files::open(folder.path()).expect("a folder");
    let error = files.take("orders", "a", EXPIRY).expect_err("broken").to_string();
    assert!(error.contains("orders.lock") && error.contains("remove it if nobody holds the lock"), "{error}");
}

#[test]
fn a_lock_is_tried_again_with_doubling_pauses() {
    let clock = Arc::new(Held::default());
    let backend = Arc::new(InProcess::new(clock.clone() as Arc<dyn Clock>));
    assert!(matches!(backend.take("p", "another", EXPIRY), Ok(Attempt::Granted(_))));
    let locks = Locks::new(backend, "me", LockSettings::default(), clock.clone() as Arc<dyn Clock>);
    let began = clock.nanos();
    let error = locks.lock("p").err().expect("held");
    assert_eq!(error.to_string(), "lock `p` is held by another; it was asked for 4 times");
    let waited = (clock.nanos() - began) as f64 * 1e-9;
    assert!((waited - 0.7).abs() < 0.01, "{waited}");
    assert_eq!(locks.statistics(), LockStatistics { asked: 1, held_by_others: 1, ..LockStatistics::default() });
}

/// Answers as long as it is told to.
struct Moody {
    backend: InProcess,
    silent: AtomicBool,
}

impl Moody {
    fn answer<R>(&self, answer: impl FnOnce() -> R) -> Result<R, BackendError> {
        let silent = self.silent.load(Ordering::SeqCst);
        if silent { Err(BackendError { backend: "moody", what: "silence".into() }) } else { Ok(answer()) }
    }
}

impl Backend for Moody {
    fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        self.answer(|| self.backend.take(name, owner, expiry))?
    }
    fn renew(&self, name: &str, owner: &str, fence: Fence, expiry: Duration) -> Result<bool, BackendError> {
        self.answer(|| self.backend.renew(name, owner, fence, expiry))?
    }
    fn give_back(&self, name: &str, owner: &str, fence: Fence) -> Result<bool, BackendError> {
        self.answer(|| self.backend.give_back(name, owner, fence))?
    }
}

#[test]
fn leases_are_renewed_and_work_stops_where_they_cannot_be() {
    let clock = Wall::start();
    let backend = Arc::new(Moody { backend: InProcess::new(clock.clone()), silent: AtomicBool::new(false) });
    let settings = LockSettings { expiry: Duration::from_millis(600), ..LockSettings::default() };
    let locks = Locks::new(backend.clone(), "me", settings, clock);
    let lock = locks.lock("p").expect("free");
    let rest = |millis: u64| std::thread::sleep(Duration::from_millis(millis));
    rest(1500);
    assert_eq!(lock.check(), Ok(()));
    assert!(locks.statistics().renewals >= 3, "{:?}", locks.statistics());
    backend.silent.store(true, Ordering::SeqCst);
    let began = std::thread::spawn({
        let token = lock.token().clone();
        move || token.rest(Duration::from_secs(60))
    });
    assert!(began.join().expect("no panic").is_err(), "it is told to stop");
    assert_eq!(lock.check(), Err(LockError::Lost { name: "p".into() }));
    backend.silent.store(false, Ordering::SeqCst);
    assert_eq!(lock.unlock(), Err(LockError::Lost { name: "p".into() }));
    assert_eq!(locks.statistics().lost, 1);
    // Given back in time, it is lost to nobody.
    let lock = locks.lock("p").expect("free");
    rest(800);
    assert_eq!(lock.unlock(), Ok(()));
    assert_eq!(locks.statistics().lost, 1);
}

#[test]
fn a_gate_lets_no_older_holder_in() {
    let mut gate = Gate::default();
    assert_eq!(gate.show(Fence(5)), Ok(()));
    assert_eq!(gate.show(Fence(5)), Ok(()));
    assert_eq!(gate.show(Fence(7)), Ok(()));
    assert_eq!(gate.show(Fence(6)), Err(Stale { fence: Fence(6), highest: Fence(7) }));
}

#[test]
fn addresses_that_are_none_are_told_without_their_passwords() {
    let second = Duration::from_secs(1);
    let errors = [
        Redis::new("redis://u:secret@:x:y", second).err(),
        PostgresRows::new("postgresql://u:secret@host:port/x", second).err(),
        PostgresAdvisory::new("postgresql://u:secret@host:port/x", second).err(),
    ];
    for error in errors {
        let text = error.expect("no address").to_string();
        assert!(!text.contains("secret"), "{text}");
    }
    for backend in [
        Arc::new(Redis::new("redis://u:secret@127.0.0.1:1", second).expect("an address")) as Arc<dyn Backend>,
        Arc::new(PostgresRows::new("postgresql://u:secret@127.0.0.1:1/x", second).expect("an address")),
        Arc::new(PostgresAdvisory::new("postgresql://u:secret@127.0.0.1:1/x", second).expect("an address")),
        Arc::new(ZooKeeper::new("127.0.0.1:1", second).expect("an address")),
    ] {
        let error = backend.take("p", "me", second).expect_err("nobody is there").to_string();
        assert!(error.starts_with("locks on ") && !error.contains("secret"), "{error}");
    }
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    // The system takes connections for it, up to those that wait to be taken.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = mute.local_addr().expect("an address");
    let patience = Duration::from_millis(300);
    let backends: [(&str, Box<dyn Backend>); 4] = [
        ("rows", Box::new(PostgresRows::new(&format!("postgresql://me@{address}/db"), patience).expect("a URL"))),
        (
            "advisory",
            Box::new(PostgresAdvisory::new(&format!("postgresql://me@{address}/db"), patience).expect("a URL")),
        ),
        ("Redis", Box::new(Redis::new(&format!("redis://{address}"), patience).expect("a URL"))),
        ("ZooKeeper", Box::new(ZooKeeper::new(&address.to_string(), patience).expect("a thread"))),
    ];
    for (name, backend) in backends {
        let clock = Wall::start();
        let error = backend.take("orders", "me", Duration::from_secs(10)).expect_err("nobody answers");
        assert!(clock.nanos() < 5_000_000_000, "{name} was waited for: {} ns", clock.nanos());
        assert!(!error.to_string().contains("me@"), "{error}");
    }
}

/// A PostgreSQL server that logs anybody in, makes the table, and says no more.
fn falls_silent() -> std::net::SocketAddr {
    use std::io::{Read, Write};
    const LOGGED_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    const MADE: &[u8] = b"C\0\0\0\x11CREATE TABLE\0Z\0\0\0\x05I";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut asked = [0; 4096];
                for answer in [LOGGED_IN, MADE] {
                    if stream.read(&mut asked).is_ok_and(|bytes| bytes > 0) {
                        let _ = stream.write_all(answer);
                    }
                }
                while stream.read(&mut asked).is_ok_and(|bytes| bytes > 0) {}
            });
        }
    });
    address
}

#[test]
fn a_server_that_falls_silent_is_not_waited_for() {
    let url = format!("postgresql://me@{}/db", falls_silent());
    let patience = Duration::from_millis(200);
    let rows = PostgresRows::new(&url, patience).expect("a URL");
    let advisory = PostgresAdvisory::new(&url, patience).expect("a URL");
    for backend in [&rows as &dyn Backend, &advisory] {
        // Again and again: no question of before stands in the way.
        for _ in 0..3 {
            let clock = Wall::start();
            let error = backend.take("orders", "me", EXPIRY).expect_err("nobody answers").to_string();
            assert!(error.contains("no answer within 0.2 s"), "{error}");
            assert!(clock.nanos() < 4_000_000_000, "{} ns", clock.nanos());
        }
    }
    assert!(rows.renew("orders", "me", Fence(1), EXPIRY).is_err(), "not lost: it could not be asked");
}

#[test]
fn inside_an_asynchronous_task_it_is_refused() {
    let rows = PostgresRows::new("postgresql://me@127.0.0.1:1/db", Duration::from_millis(200)).expect("a URL");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(async { rows.take("orders", "me", EXPIRY) }).expect_err("it would block");
    assert!(error.to_string().contains("asynchronous task"), "{error}");
}
