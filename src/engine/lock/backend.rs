//! What a backend of locks does, and what a resource checks.

use std::{fmt, time::Duration};

/// Fencing token: of two holders of one lock, the later one has the higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The lock is the caller's, with that fence.
    Granted(Fence),
    /// Somebody has it: who, where the backend tells.
    Held(Option<String>),
}

/// A backend that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("locks on {backend}: {what}")]
pub struct BackendError {
    /// Which.
    pub backend: &'static str,
    /// What it said; no password of an address is in it.
    pub what: String,
}

impl BackendError {
    pub(super) fn new(backend: &'static str, what: impl fmt::Display) -> Self {
        Self { backend, what: what.to_string() }
    }
}

/// Holds locks. All of it may be called from several threads at a time.
pub trait Backend: Send + Sync {
    /// Takes the lock of that name if nobody has it.
    ///
    /// # Errors
    /// Where the backend cannot be asked. The lock may have been taken all the same; then it expires.
    fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError>;

    /// Puts the expiry off; `false` where the lock is no longer that owner's under that fence.
    ///
    /// # Errors
    /// Where the backend cannot be asked.
    fn renew(&self, name: &str, owner: &str, fence: Fence, expiry: Duration) -> Result<bool, BackendError>;

    /// Gives the lock back; `false` where it is no longer that owner's under that fence: then nothing is touched.
    ///
    /// # Errors
    /// Where the backend cannot be asked: then it expires.
    fn give_back(&self, name: &str, owner: &str, fence: Fence) -> Result<bool, BackendError>;
}

/// The fence after `last` at `micros` since 1970.
pub(super) fn next_fence(last: u64, micros: u64) -> Fence {
    Fence(last.saturating_add(1).max(micros))
}

/// A fence that is older than one that the resource has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fence {fence} is older than {highest}, which came later: the lease was lost")]
pub struct Stale {
    /// The fence shown.
    pub fence: Fence,
    /// The highest seen.
    pub highest: Fence,
}

/// Guards a resource of this process: whoever reads or writes it shows a fence first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gate(Option<Fence>);

impl Gate {
    /// Lets a holder in, and no older one after it.
    ///
    /// # Errors
    /// Where a later holder was let in before.
    pub fn show(&mut self, fence: Fence) -> Result<(), Stale> {
        match self.0 {
            Some(highest) if fence < highest => Err(Stale { fence, highest }),
            _ => {
                self.0 = Some(fence);
                Ok(())
            }
        }
    }
}
