//! Locks as callers see them: waited for, renewed meanwhile, given back.

use super::{Attempt, Backend, BackendError, Fence};
use crate::{
    engine::{
        blocking::{nanos, rest},
        workers::Token,
    },
    model::{Clock, Text},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What a lock manager goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockSettings {
    /// How long a lease lasts unrenewed. Default 30 s; it is renewed each time that a third of it has passed.
    pub expiry: Duration,
    /// How often it is tried again where somebody has the lock, or the backend does not answer. Default 3.
    pub retries: u32,
    /// Pause before the first of these; each is twice as long as the last. Default 0.1 s.
    pub first_pause: Duration,
}

impl Default for LockSettings {
    fn default() -> Self {
        Self { expiry: Duration::from_secs(30), retries: 3, first_pause: Duration::from_millis(100) }
    }
}

/// Why there is no lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("lock `{name}` is held by {}; it was asked for {attempts} times", by.as_deref().unwrap_or("somebody else"))]
    Held {
        /// Its name.
        name: String,
        /// Who, where the backend tells.
        by: Option<String>,
        /// How often it was asked for.
        attempts: u32,
    },
    /// The lease was lost.
    #[error("lock `{name}` was lost: it was not renewed in time")]
    Lost {
        /// Its name.
        name: String,
    },
    /// The backend does not answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// What a lock manager did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockStatistics {
    /// Locks asked for.
    pub asked: u64,
    /// Of these, had.
    pub granted: u64,
    /// Of these, held by somebody until the end.
    pub held_by_others: u64,
    /// Of these, the backend did not answer in the end.
    pub backend_errors: u64,
    /// Leases renewed.
    pub renewals: u64,
    /// Leases lost.
    pub lost: u64,
}

/// Locks of one backend. Clones are the same manager.
#[derive(Clone)]
pub struct Locks {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    settings: LockSettings,
    owner: Text,
    held: Mutex<Held>,
    statistics: Mutex<LockStatistics>,
}

#[derive(Default)]
struct Held {
    locks: BTreeMap<u64, Arc<Lease>>,
    next: u64,
    /// Renews, as long as there are locks, and a while longer; with the time at which it looks again.
    renewer: Option<(thread::Thread, u64)>,
}

struct Lease {
    name: Text,
    fence: Fence,
    /// When the last renewal that went well was begun: from then on the lease lasts.
    since: AtomicU64,
    lost: Token,
}

/// A lock, until it is dropped.
#[must_use = "a lock is given back when it is dropped"]
pub struct Lock {
    inner: Arc<Inner>,
    lease: Arc<Lease>,
    /// Its place among those that are renewed; none once it was given back.
    key: Option<u64>,
}

/// Part of the expiry after which a lease is renewed.
const RENEW_AFTER: u64 = 3;
/// Part of the expiry after which it is tried again where that failed.
const TRY_AGAIN_AFTER: u64 = 10;

impl Locks {
    /// Locks of that backend. `owner` is shown to those who find a lock held: a host and a process, say.
    #[must_use]
    pub fn new(
        backend: Arc<dyn Backend>,
        owner: impl Into<Text>,
        settings: LockSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (held, statistics) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { backend, clock, settings, owner: owner.into(), held, statistics }) }
    }

    /// Takes a lock; where somebody has it, tries again with doubling pauses.
    ///
    /// # Errors
    /// Where it could not be had.
    pub fn lock(&self, name: &str) -> Result<Lock, LockError> {
        self.inner.count(|statistics| statistics.asked += 1);
        let settings = &self.inner.settings;
        let mut pause = settings.first_pause;
        let mut attempts = 1;
        loop {
            let error = match self.attempt(name) {
                Ok(Ok(lock)) => {
                    self.inner.count(|statistics| statistics.granted += 1);
                    return Ok(lock);
                }
                Ok(Err(by)) => LockError::Held { name: name.to_owned(), by, attempts },
                Err(error) => error.into(),
            };
            if attempts > settings.retries {
                self.inner.count(|statistics| match error {
                    LockError::Held { .. } => statistics.held_by_others += 1,
                    _ => statistics.backend_errors += 1,
                });
                return Err(error);
            }
            attempts += 1;
            rest(&*self.inner.clock, nanos(pause));
            pause = pause.saturating_mul(2);
        }
    }

    /// One attempt; who has it instead.
    fn attempt(&self, name: &str) -> Result<Result<Lock, Option<String>>, BackendError> {
        let inner = &self.inner;
        // The lease lasts from before it was asked for: the answer may be long on its way.
        let since = inner.clock.nanos();
        let fence = match inner.backend.take(name, &inner.owner, inner.settings.expiry)? {
            Attempt::Granted(fence) => fence,
            Attempt::Held(by) => return Ok(Err(by)),
        };
        let lease =
            Lease { name: name.into(), fence, since: AtomicU64::new(since), lost: Token::new(inner.clock.clone()) };
        let lease = Arc::new(lease);
        let mut held = inner.held();
        held.next += 1;
        let key = held.next;
        held.locks.insert(key, lease.clone());
        let due = since.saturating_add(inner.expiry() / RENEW_AFTER);
        match &held.renewer {
            Some((renewer, looks)) if due < *looks => renewer.unpark(),
            Some(_) => {}
            None => {
                let (kept, clock) = (Arc::downgrade(inner), inner.clock.clone());
                held.renewer = Some((thread::spawn(move || keep(&kept, &*clock)).thread().clone(), due));
            }
        }
        drop(held);
        Ok(Ok(Lock { inner: inner.clone(), lease, key: Some(key) }))
    }

    /// What it did.
    #[must_use]
    pub fn statistics(&self) -> LockStatistics {
        *self.inner.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lock {
    /// Shown to the resource with each reading and writing.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.lease.fence
    }

    /// Cancelled once the lease is lost.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.lease.lost
    }

    /// Is the lease still this holder's, as far as can be told here? A resource that checks the fence knows better.
    ///
    /// # Errors
    /// Where it was lost.
    pub fn check(&self) -> Result<(), LockError> {
        self.inner.look(&self.lease);
        if self.lease.lost.is_cancelled() { Err(LockError::Lost { name: self.lease.name.to_string() }) } else { Ok(()) }
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// Where it was lost before, or the backend does not answer: then it expires.
    pub fn unlock(mut self) -> Result<(), LockError> {
        if self.give_back()? {
            return Ok(());
        }
        self.inner.lose(&self.lease);
        Err(LockError::Lost { name: self.lease.name.to_string() })
    }

    fn give_back(&mut self) -> Result<bool, BackendError> {
        let Some(key) = self.key.take() else { return Ok(true) };
        // First it is renewed no more: a renewal that fails for its being given back is no loss.
        self.inner.held().locks.remove(&key);
        self.inner.backend.give_back(&self.lease.name, &self.inner.owner, self.lease.fence)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be given back expires; nobody is there to be told.
        let _ = self.give_back();
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, count: impl FnOnce(&mut LockStatistics)) {
        count(&mut self.statistics.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn expiry(&self) -> u64 {
        nanos(self.settings.expiry)
    }

    /// A lease that may have expired is lost.
    fn look(&self, lease: &Lease) {
        if self.clock.nanos() >= lease.since.load(Ordering::Acquire).saturating_add(self.expiry()) {
            self.lose(lease);
        }
    }

    fn lose(&self, lease: &Lease) {
        if !lease.lost.is_cancelled() {
            lease.lost.cancel();
            self.count(|statistics| statistics.lost += 1);
        }
    }

    /// Renews what is due; when it is to be looked again.
    fn renew(&self) -> u64 {
        let leases: Vec<(u64, Arc<Lease>)> =
            self.held().locks.iter().map(|(key, lease)| (*key, lease.clone())).collect();
        let mut next = u64::MAX;
        for (key, lease) in leases.iter().filter(|(_, lease)| !lease.lost.is_cancelled()) {
            let now = self.clock.nanos();
            let since = lease.since.load(Ordering::Acquire);
            if now < since.saturating_add(self.expiry() / RENEW_AFTER) {
                next = next.min(since.saturating_add(self.expiry() / RENEW_AFTER));
                continue;
            }
            match self.backend.renew(&lease.name, &self.owner, lease.fence, self.settings.expiry) {
                Ok(true) => {
                    lease.since.store(now, Ordering::Release);
                    self.count(|statistics| statistics.renewals += 1);
                    next = next.min(now.saturating_add(self.expiry() / RENEW_AFTER));
                }
                // It may have been given back meanwhile.
                Ok(false) if !self.held().locks.contains_key(key) => {}
                Ok(false) => self.lose(lease),
                Err(_) => {
                    self.look(lease);
                    next = next.min(now.saturating_add(self.expiry() / TRY_AGAIN_AFTER));
                }
            }
        }
        next
    }
}

/// Renews as long as there is something to renew.
fn keep(inner: &Weak<Inner>, clock: &dyn Clock) {
    /// How often it is looked whether there is anything to do still.
    const LOOK: u64 = 1_000_000_000;
    let mut idle = false;
    loop {
        let until = {
            let Some(inner) = inner.upgrade() else { return };
            let next = inner.renew();
            let mut held = inner.held();
            if held.locks.is_empty() && idle {
                held.renewer = None;
                return;
            }
            idle = held.locks.is_empty();
            // Locks that were taken while others were renewed are due as well.
            let due =
                |lease: &Arc<Lease>| lease.since.load(Ordering::Acquire).saturating_add(inner.expiry() / RENEW_AFTER);
            let living = held.locks.values().filter(|lease| !lease.lost.is_cancelled());
            let soonest = living.map(due).filter(|due| *due > clock.nanos()).min().unwrap_or(u64::MAX);
            let until = next.min(soonest).min(clock.nanos().saturating_add(LOOK));
            held.renewer.iter_mut().for_each(|(_, looks)| *looks = until);
            until
        };
        clock.park_until(until);
    }
}
