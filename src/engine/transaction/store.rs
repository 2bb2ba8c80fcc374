//! Values with versions in a table `windtunnel_values` of a database, as text.

use super::{Store, Version};
use rusqlite::OptionalExtension;
use std::sync::{Mutex, PoisonError};

const MAKE: &str =
    "CREATE TABLE IF NOT EXISTS windtunnel_values (key TEXT PRIMARY KEY, value TEXT NOT NULL, version BIGINT NOT NULL)";

/// A database that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[error("PostgreSQL: {0}")]
    Postgres(#[from] postgres::Error),
}

/// Values on SQLite.
pub struct SqliteStore(Mutex<rusqlite::Connection>);

impl SqliteStore {
    /// Makes the table if it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(connection: rusqlite::Connection) -> Result<Self, StoreError> {
        connection.execute_batch(MAKE)?;
        Ok(Self(Mutex::new(connection)))
    }
}

impl Store<String> for SqliteStore {
    type Error = StoreError;

    fn get(&self, key: &str) -> Result<(Option<String>, Version), StoreError> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare_cached("SELECT value, version FROM windtunnel_values WHERE key = ?1")?;
        let row = statement.query_row([key], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).optional()?;
        Ok(row.map_or((None, Version(0)), |(value, version)| (Some(value), Version(version as u64))))
    }

    fn put_if(&self, key: &str, value: &String, Version(version): Version) -> Result<bool, StoreError> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = if version == 0 {
            let mut insert = connection.prepare_cached(
                "INSERT INTO windtunnel_values (key, value, version) VALUES (?1, ?2, 1) ON CONFLICT DO NOTHING",
            )?;
            insert.execute([key, value])?
        } else {
            let mut update = connection.prepare_cached(
                "UPDATE windtunnel_values SET value = ?2, version = version + 1 WHERE key = ?1 AND version = ?3",
            )?;
            update.execute(rusqlite::params![key, value, version as i64])?
        };
        Ok(changed == 1)
    }
}

/// Values on PostgreSQL.
pub struct PostgresStore(Mutex<postgres::Client>);

impl PostgresStore {
    /// Makes the table if it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(mut client: postgres::Client) -> Result<Self, StoreError> {
        client.batch_execute(MAKE)?;
        Ok(Self(Mutex::new(client)))
    }
}

impl Store<String> for PostgresStore {
    type Error = StoreError;

    fn get(&self, key: &str) -> Result<(Option<String>, Version), StoreError> {
        let mut client = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = client.query_opt("SELECT value, version FROM windtunnel_values WHERE key = $1", &[&key])?;
        Ok(row.map_or((None, Version(0)), |row| (Some(row.get(0)), Version(row.get::<_, i64>(1) as u64))))
    }

    fn put_if(&self, key: &str, value: &String, Version(version): Version) -> Result<bool, StoreError> {
        let mut client = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = if version == 0 {
            let insert =
                "INSERT INTO windtunnel_values (key, value, version) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING";
            client.execute(insert, &[&key, value])?
        } else {
            let update =
                "UPDATE windtunnel_values SET value = $2, version = version + 1 WHERE key = $1 AND version = $3";
            client.execute(update, &[&key, value, &(version as i64)])?
        };
        Ok(changed == 1)
    }
}
