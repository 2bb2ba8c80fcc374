//! Locks that several processes share: leases with an owner, an expiry, renewal and a fencing token.
//!
//! **What a lock is worth.** A lease can expire while its holder is paused, and a paused holder does not know: no lock service can
//! prevent two from believing that they hold it (Kleppmann 2016, "How to do distributed locking"). What makes it safe is the
//! resource: it is shown the [`Fence`] of each holder, on reading and on writing, and refuses any that is lower than the highest it
//! has seen ([`Gate`] in a process; `UPDATE .. WHERE fence <= $1` in a database). Without such a resource a lock saves work twice
//! done, and no more.
//!
//! **Fences grow**, as long as the backend's clock is not set back, even where it forgets everything: they are counted, from the
//! microseconds since 1970. ZooKeeper's are its transaction numbers, those of advisory locks come from a sequence of the database.
//!
//! **A lease that is lost stops its work**: the token of [`Lock::token`] is cancelled as soon as a renewal fails for good, or once
//! the lease may have expired unrenewed.
//!
//! | backend | what holds the lock | after its holder dies |
//! |---|---|---|
//! | [`InProcess`] | a table in memory | expiry |
//! | [`Files`] | a file, changed under `flock`; time is that of the file system | expiry |
//! | [`Redis`] | `SET NX PX`, released and renewed by compare-and-set scripts | expiry |
//! | [`PostgresRows`] | a row, changed by one statement | expiry |
//! | [`PostgresAdvisory`] | a session's advisory lock | the session ends: at once, or after `idle_session_timeout` |
//! | [`ZooKeeper`] | an ephemeral node | its session expires |

mod backend;
mod file;
mod in_process;
mod manager;
mod postgres;
mod redis;
mod zookeeper;

#[cfg(test)]
mod tests;

pub use self::{
    postgres::{PostgresAdvisory, PostgresRows},
    redis::Redis,
    zookeeper::ZooKeeper,
};
pub use backend::{Attempt, Backend, BackendError, Fence, Gate, Stale};
pub use file::Files;
pub use in_process::InProcess;
pub use manager::{Lock, LockError, LockSettings, LockStatistics, Locks};
