//! What sagas write down.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// One thing written down of a saga. Steps are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// It begins: its kind, its number of steps, and what it is about.
    Begun {
        /// Kind.
        kind: String,
        /// Number of steps.
        steps: usize,
        /// What it is about, as its kind writes it.
        about: String,
    },
    /// A step is about to be done.
    Doing(usize),
    /// It is done.
    Done(usize),
    /// A step failed and had done nothing: from here on all is undone.
    Failed {
        /// Step.
        step: usize,
        /// Why.
        why: String,
    },
    /// A step is about to be undone.
    Undoing(usize),
    /// It is undone.
    Undone(usize),
    /// A step could not be undone.
    Stuck {
        /// Step.
        step: usize,
        /// Why.
        why: String,
    },
    /// All is done, or all is undone.
    Ended {
        /// Which.
        done: bool,
    },
}

/// A saga that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its name.
    pub id: String,
    /// What is written down of it.
    pub entries: Vec<Entry>,
}

/// A log that cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("log of sagas: {0}")]
pub struct LogError(pub String);

impl From<rusqlite::Error> for LogError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// Where sagas are written down.
pub trait SagaLog: Send + Sync {
    /// Writes one thing; it is kept for good when this returns.
    ///
    /// # Errors
    /// Where it cannot be.
    fn write(&self, id: &str, entry: &Entry) -> Result<(), LogError>;

    /// What is written down of a saga; nothing of one that is not known.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn read(&self, id: &str) -> Result<Vec<Entry>, LogError>;

    /// Sagas that have not ended, in the order in which they began.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn open(&self) -> Result<Vec<Open>, LogError>;
}

/// A log in memory: for tests, and for sagas that end with the process.
#[derive(Debug, Default)]
pub struct VecLog(Mutex<All>);

/// Names in the order of beginning, and what is written of each.
type All = (Vec<String>, BTreeMap<String, Vec<Entry>>);

impl VecLog {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SagaLog for VecLog {
    fn write(&self, id: &str, entry: &Entry) -> Result<(), LogError> {
        let (order, all) = &mut *self.all();
        let entries = all.entry(id.to_owned()).or_default();
        if entries.is_empty() {
            order.push(id.to_owned());
        }
        entries.push(entry.clone());
        Ok(())
    }

    fn read(&self, id: &str) -> Result<Vec<Entry>, LogError> {
        Ok(self.all().1.get(id).cloned().unwrap_or_default())
    }

    fn open(&self) -> Result<Vec<Open>, LogError> {
        let (order, all) = &*self.all();
        let open = |id: &String| Some(Open { id: id.clone(), entries: all.get(id)?.clone() });
        let ended = |open: &Open| matches!(open.entries.last(), Some(Entry::Ended { .. }));
        Ok(order.iter().filter_map(open).filter(|open| !ended(open)).collect())
    }
}

/// A log in a SQLite file.
pub struct SqliteLog(Mutex<Connection>);

/// How long it is waited for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);

impl SqliteLog {
    /// Opens a log, or begins one.
    ///
    /// # Errors
    /// Where the file cannot be opened, or is something else.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let made = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(PATIENCE)?;
            // What was written must be on the disk before it is acted upon.
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS saga_log (number INTEGER PRIMARY KEY, saga TEXT NOT NULL, entry TEXT NOT NULL);
                 CREATE INDEX IF NOT EXISTS saga_log_of ON saga_log (saga);
                 CREATE TABLE IF NOT EXISTS saga_open (saga TEXT PRIMARY KEY, first INTEGER NOT NULL);",
            )?;
            Ok(connection)
        };
        let connection = made().map_err(|error: rusqlite::Error| LogError(format!("{}: {error}", path.display())))?;
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SagaLog for SqliteLog {
    fn write(&self, id: &str, entry: &Entry) -> Result<(), LogError> {
        let text = serde_json::to_string(entry).map_err(|error| LogError(error.to_string()))?;
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute("INSERT INTO saga_log (saga, entry) VALUES (?1, ?2)", params![id, text])?;
        match entry {
            Entry::Begun { .. } => {
                let first = transaction.last_insert_rowid();
                transaction.execute("INSERT INTO saga_open (saga, first) VALUES (?1, ?2)", params![id, first])?;
            }
            Entry::Ended { .. } => {
                transaction.execute("DELETE FROM saga_open WHERE saga = ?1", [id])?;
            }
            _ => {}
        }
        Ok(transaction.commit()?)
    }

    fn read(&self, id: &str) -> Result<Vec<Entry>, LogError> {
        let connection = self.connection();
        let mut rows =
            connection.prepare_cached("SELECT number, entry FROM saga_log WHERE saga = ?1 ORDER BY number")?;
        let rows = rows.query_map([id], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        let parse = |row: Result<(i64, String), rusqlite::Error>| {
            let (number, text) = row?;
            serde_json::from_str(&text)
                .map_err(|error| LogError(format!("row {number} of saga `{id}` is no entry: {error}")))
        };
        rows.map(parse).collect()
    }

    fn open(&self) -> Result<Vec<Open>, LogError> {
        let ids: Vec<String> = {
            let connection = self.connection();
            let mut rows = connection.prepare("SELECT saga FROM saga_open ORDER BY first")?;
            rows.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        ids.into_iter().map(|id| Ok(Open { entries: self.read(&id)?, id })).collect()
    }
}

impl SqliteLog {
    /// Whether a saga of that name was ever begun.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn knows(&self, id: &str) -> Result<bool, LogError> {
        let connection = self.connection();
        let row = connection.query_row("SELECT 1 FROM saga_log WHERE saga = ?1 LIMIT 1", [id], |_| Ok(()));
        Ok(row.optional()?.is_some())
    }
}
