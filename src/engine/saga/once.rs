//! What was done under a key is not done again: the key is kept in the same transaction.

/// Keeps keys in a table `windtunnel_once` of the database that what they guard is written to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Once;

const MAKE: &str = "CREATE TABLE IF NOT EXISTS windtunnel_once (key TEXT PRIMARY KEY)";

impl Once {
    /// Makes the table on SQLite.
    ///
    /// # Errors
    /// Those of the database.
    pub fn make_on_sqlite(self, connection: &rusqlite::Connection) -> rusqlite::Result<()> {
        connection.execute_batch(MAKE)
    }

    /// Whether that key is new in this transaction; from then on it is known, if the transaction is committed.
    ///
    /// # Errors
    /// Those of the database.
    pub fn is_new_on_sqlite(self, transaction: &rusqlite::Transaction<'_>, key: &str) -> rusqlite::Result<bool> {
        let mut insert =
            transaction.prepare_cached("INSERT INTO windtunnel_once (key) VALUES (?1) ON CONFLICT DO NOTHING")?;
        Ok(insert.execute([key])? == 1)
    }

    /// Makes the table on PostgreSQL.
    ///
    /// # Errors
    /// Those of the database.
    pub fn make_on_postgres(self, client: &mut postgres::Client) -> Result<(), postgres::Error> {
        client.batch_execute(MAKE)
    }

    /// As [`Self::is_new_on_sqlite`]. Of two transactions with one key the second waits for the first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn is_new_on_postgres(
        self,
        transaction: &mut postgres::Transaction<'_>,
        key: &str,
    ) -> Result<bool, postgres::Error> {
        Ok(transaction.execute("INSERT INTO windtunnel_once (key) VALUES ($1) ON CONFLICT DO NOTHING", &[&key])? == 1)
    }
}
