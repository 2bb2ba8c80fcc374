//! Changes that do not overwrite each other: optimistic, by versions, and transactions of a database, tried again where they
//! collide.
//!
//! Who changes a value reads it with its version, works out the new one, and writes it only if the version is still the same (Kung &
//! Robinson 1981, "On optimistic methods for concurrency control", TODS 6, 213). On a conflict a [`Conflict`] policy says what to do: work it
//! out anew, merge both changes, or tell the caller. Nothing is ever overwritten unseen.

mod database;
mod store;
mod versioned;

#[cfg(test)]
mod tests;

pub use database::{Inside, TransactError, transact_on_postgres, transact_on_sqlite};
pub use store::{PostgresStore, SqliteStore, StoreError};
pub use versioned::{Conflict, Memory, Merge, Store, UpdateError, Updated, Version, update};

use crate::engine::blocking::nanos;
use std::time::Duration;

/// How often, and after which pauses, something is tried again that collided with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// How often. Default 20.
    pub retries: u32,
    /// Longest pause before the first of these; each may be twice as long as the last. Default 1 ms.
    pub first_pause: Duration,
    /// Longest pause. Default 0.1 s.
    pub longest_pause: Duration,
}

impl Default for Again {
    fn default() -> Self {
        Self { retries: 20, first_pause: Duration::from_millis(1), longest_pause: Duration::from_millis(100) }
    }
}

impl Again {
    /// Nanoseconds to rest before that try, counted from 1. Those that collided rest differently long, by `salt`: else they would
    /// collide again.
    fn pause(self, tried: u32, salt: u64) -> u64 {
        let longest = nanos(self.longest_pause);
        let first = nanos(self.first_pause);
        let most = first.saturating_mul(1 << (tried - 1).min(32)).min(longest);
        // Half of it and some more, by a multiplicative hash (Knuth 1998, The Art of Computer Programming 3, section 6.4).
        let spread = (salt ^ u64::from(tried)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        most / 2 + (most / 2).checked_mul(spread).map_or(0, |part| part >> 32)
    }
}
