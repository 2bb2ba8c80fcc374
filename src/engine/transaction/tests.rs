//! Changes that collide. PostgreSQL is started by `tests/it/locks.rs`.

use super::*;
use crate::engine::held::{Held, Wall};
use std::{sync::Arc, thread};

fn add_one(value: Option<&String>) -> String {
    (value.map_or(0, |text| text.parse::<u64>().expect("a number")) + 1).to_string()
}

#[test]
fn nobody_overwrites_anybody() {
    let store = Arc::new(Memory::default());
    let threads = [0; 8].map(|_| store.clone()).map(|store| {
        thread::spawn(move || {
            let clock = Wall::start();
            let again = Again { retries: 10_000, ..Again::default() };
            (0..500)
                .map(|_| update(&*store, "n", &Conflict::Retry, again, &*clock, add_one).expect("made").conflicts)
                .sum::<u32>()
        })
    });
    let conflicts: Vec<u32> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert_eq!(conflicts.len(), 8);
    assert_eq!(store.get("n"), Ok((Some("4000".to_owned()), Version(4000))));
}

#[test]
fn on_sqlite_nobody_overwrites_anybody() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("values.sqlite");
    let open = |path: &std::path::Path| {
        let connection = rusqlite::Connection::open(path).expect("a database");
        connection.busy_timeout(Duration::from_secs(20)).expect("set");
        connection.pragma_update(None, "journal_mode", "WAL").expect("set");
        connection.pragma_update(None, "synchronous", "OFF").expect("set");
        connection
    };
    drop(SqliteStore::new(open(&path)).expect("a table"));
    let threads = [0; 4].map(|_| path.clone()).map(|path| {
        thread::spawn(move || {
            let (store, clock) = (SqliteStore::new(open(&path)).expect("a table"), Wall::start());
            let again = Again { retries: 10_000, ..Again::default() };
            for _ in 0..50 {
                update(&store, "n", &Conflict::Retry, again, &*clock, add_one).expect("made");
            }
            let mut connection = open(&path);
            for _ in 0..50 {
                let added = transact_on_sqlite(&mut connection, again, &*clock, |transaction| {
                    let value: String =
                        transaction
                            .query_row("SELECT value FROM windtunnel_values WHERE key = 'n'", [], |row| row.get(0))?;
                    let sql = "UPDATE windtunnel_values SET value = ?1, version = version + 1 WHERE key = 'n'";
                    transaction.execute(sql, [add_one(Some(&value))])?;
                    Ok::<(), Inside<String, _>>(())
                });
                added.expect("made");
            }
        })
    });
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let store = SqliteStore::new(open(&path)).expect("a table");
    assert_eq!(store.get("n").expect("read"), (Some("400".to_owned()), Version(400)));
    // The caller's own reason leaves everything as it was.
    let mut connection = open(&path);
    let failed = transact_on_sqlite(&mut connection, Again::default(), &*Wall::start(), |transaction| {
        transaction.execute("DELETE FROM windtunnel_values", [])?;
        Err::<(), _>(Inside::Own("no"))
    });
    assert!(matches!(failed, Err(TransactError::Own("no"))));
    assert_eq!(store.get("n").expect("read").1, Version(400));
}

/// A store in which somebody else is always first.
struct Busy(Memory<String>);

impl Store<String> for Busy {
    type Error = std::convert::Infallible;
    fn get(&self, key: &str) -> Result<(Option<String>, Version), Self::Error> {
        self.0.get(key)
    }
    fn put_if(&self, key: &str, value: &String, version: Version) -> Result<bool, Self::Error> {
        let (theirs, now) = self.0.get(key)?;
        if now.0 < 3 {
            self.0.put_if(key, &(theirs.unwrap_or_default() + "t"), now)?;
        }
        self.0.put_if(key, value, version)
    }
}

#[test]
fn a_conflict_is_told_merged_or_worked_out_anew() {
    let clock = Held::default();
    let change = |value: Option<&String>| value.cloned().unwrap_or_default() + "o";
    let go = |conflict: &Conflict<'_, String>, again: Again| {
        update(&Busy(Memory::default()), "k", conflict, again, &clock, change)
    };
    let updated = go(&Conflict::Retry, Again::default()).expect("made");
    assert_eq!(updated, Updated { value: "ttto".to_owned(), version: Version(4), conflicts: 3 });
    let told = go(&Conflict::Tell, Again::default()).expect_err("a conflict");
    assert_eq!(told.to_string(), "`k` was changed meanwhile: its version is 1, no longer 0");
    let merge = |base: Option<&String>, ours: &String, theirs: &String| {
        let added = ours.strip_prefix(base.map_or("", |base| base.as_str()))?;
        Some(format!("{theirs}{added}"))
    };
    let updated = go(&Conflict::Merge(&merge), Again::default()).expect("merged");
    assert_eq!(updated.value, "ttto");
    let contradiction = go(&Conflict::Merge(&|_, _, _| None), Again::default()).expect_err("none");
    assert_eq!(contradiction, UpdateError::Contradiction { key: "k".into() });
    let too_many = go(&Conflict::Retry, Again { retries: 2, ..Again::default() }).expect_err("three");
    assert_eq!(too_many.to_string(), "`k` was changed by others 3 times in a row");
}

#[test]
fn pauses_grow_and_differ() {
    let again = Again::default();
    for (tried, most) in [(1, 1_000_000), (2, 2_000_000), (5, 16_000_000), (9, 100_000_000), (40, 100_000_000)] {
        let pauses: Vec<u64> = (0..50).map(|salt| again.pause(tried, salt * 7919)).collect();
        assert!(pauses.iter().all(|pause| (most / 2..=most).contains(pause)), "{tried}: {pauses:?}");
        assert!(pauses.iter().min() < pauses.iter().max());
    }
}
