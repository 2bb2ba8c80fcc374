//! How a task learns that it is to stop.

use crate::{engine::blocking::nanos, model::Clock};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

/// The task is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Tells a task whether it is to stop. Clones are the same token.
#[derive(Clone)]
pub struct Token {
    inner: Arc<Inner>,
}

struct Inner {
    cancelled: AtomicBool,
    resting: Mutex<Vec<Thread>>,
    clock: Arc<dyn Clock>,
}

impl Token {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { cancelled: AtomicBool::new(false), resting: Mutex::new(Vec::new()), clock }) }
    }

    /// Is the task to stop?
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::Acquire)
    }

    /// As [`Self::is_cancelled`], for `?`.
    ///
    /// # Errors
    /// Where the task is to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Rests so long, or until the task is to stop.
    ///
    /// # Errors
    /// Where the task is to stop.
    pub fn rest(&self, length: Duration) -> Result<(), Cancelled> {
        let clock = &self.inner.clock;
        let until = clock.nanos().saturating_add(nanos(length));
        let this = thread::current();
        self.resting().push(this.clone());
        while !self.is_cancelled() && clock.nanos() < until {
            clock.park_until(until);
        }
        self.resting().retain(|thread| thread.id() != this.id());
        self.check()
    }

    /// Tells the task to stop.
    pub fn cancel(&self) {
        self.inner.cancelled.store(true, Ordering::Release);
        self.resting().iter().for_each(Thread::unpark);
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Vec<Thread>> {
        self.inner.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
