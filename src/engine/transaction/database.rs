//! Transactions of a database, tried again where they collided with another.

use super::Again;
use crate::{engine::blocking::rest, model::Clock};
use rusqlite::ErrorCode;

/// A transaction that was not made.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E, D> {
    /// The caller's own reason; nothing was changed.
    #[error("{0}")]
    Own(E),
    /// The database's; nothing was changed, unless the connection was lost while it was committed.
    #[error("after {tries} tries: {error}")]
    Database {
        /// How often it was tried.
        tries: u32,
        /// The last time's reason.
        error: D,
    },
}

/// What went wrong inside a transaction: the caller's own reason, or the database's.
pub enum Inside<E, D> {
    /// The caller's own.
    Own(E),
    /// The database's.
    Database(D),
}

impl<E> From<rusqlite::Error> for Inside<E, rusqlite::Error> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl<E> From<postgres::Error> for Inside<E, postgres::Error> {
    fn from(error: postgres::Error) -> Self {
        Self::Database(error)
    }
}

/// Acts in a transaction that sees nothing of others' and is made as a whole or not at all.
///
/// # Errors
/// Where the caller gives up, or the database does for good.
pub fn transact_on_sqlite<R, E>(
    connection: &mut rusqlite::Connection,
    again: Again,
    clock: &dyn Clock,
    act: impl Fn(&rusqlite::Transaction<'_>) -> Result<R, Inside<E, rusqlite::Error>>,
) -> Result<R, TransactError<E, rusqlite::Error>> {
    let collided = |error: &rusqlite::Error| {
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    };
    let once = || {
        // It asks for the right to write at once: of two that read first, one would have to be thrown away.
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let result = act(&transaction)?;
        transaction.commit()?;
        Ok(result)
    };
    try_again(again, clock, collided, once)
}

/// As [`transact_on_sqlite`], serializable.
///
/// # Errors
/// Where the caller gives up, or the database does for good.
pub fn transact_on_postgres<R, E>(
    client: &mut postgres::Client,
    again: Again,
    clock: &dyn Clock,
    act: impl Fn(&mut postgres::Transaction<'_>) -> Result<R, Inside<E, postgres::Error>>,
) -> Result<R, TransactError<E, postgres::Error>> {
    use postgres::error::SqlState;
    let collided = |error: &postgres::Error| matches!(error.code(), Some(code) if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED);
    let once = || {
        let mut transaction =
            client.build_transaction().isolation_level(postgres::IsolationLevel::Serializable).start()?;
        let result = act(&mut transaction)?;
        transaction.commit()?;
        Ok(result)
    };
    try_again(again, clock, collided, once)
}

fn try_again<R, E, D>(
    again: Again,
    clock: &dyn Clock,
    collided: impl Fn(&D) -> bool,
    mut once: impl FnMut() -> Result<R, Inside<E, D>>,
) -> Result<R, TransactError<E, D>> {
    let mut tries = 1;
    loop {
        match once() {
            Ok(result) => return Ok(result),
            Err(Inside::Own(error)) => return Err(TransactError::Own(error)),
            Err(Inside::Database(error)) if !collided(&error) || tries > again.retries => {
                return Err(TransactError::Database { tries, error });
            }
            Err(Inside::Database(_)) => {
                rest(clock, again.pause(tries, clock.nanos()));
                tries += 1;
            }
        }
    }
}
