//! Locks among the threads of one process.

use super::{Attempt, Backend, BackendError, Fence, backend::next_fence};
use crate::{engine::blocking::nanos, model::Clock};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Locks in memory.
pub struct InProcess {
    clock: Arc<dyn Clock>,
    held: Mutex<BTreeMap<String, Entry>>,
}

/// Kept when the lock is given back: fences go on from it.
struct Entry {
    owner: String,
    fence: Fence,
    /// 0 once it was given back.
    expires: u64,
}

impl InProcess {
    /// Nobody holds any.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, held: Mutex::new(BTreeMap::new()) }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acts on the entry if it is still that owner's under that fence.
    fn own(&self, name: &str, owner: &str, fence: Fence, act: impl FnOnce(&mut Entry, u64)) -> bool {
        let now = self.clock.nanos();
        let mut held = self.held();
        let own =
            held.get_mut(name).filter(|entry| entry.owner == owner && entry.fence == fence && entry.expires > now);
        own.map(|entry| act(entry, now)).is_some()
    }
}

impl Backend for InProcess {
    fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        let now = self.clock.nanos();
        let mut held = self.held();
        let last = held.get(name);
        if let Some(entry) = last.filter(|entry| entry.expires > now) {
            return Ok(Attempt::Held(Some(entry.owner.clone())));
        }
        // The process has one clock from its start to its end, and one table: counting is enough.
        let fence = next_fence(last.map_or(0, |entry| entry.fence.0), 0);
        held.insert(
            name.to_owned(),
            Entry { owner: owner.to_owned(), fence, expires: now.saturating_add(nanos(expiry)) },
        );
        Ok(Attempt::Granted(fence))
    }

    fn renew(&self, name: &str, owner: &str, fence: Fence, expiry: Duration) -> Result<bool, BackendError> {
        Ok(self.own(name, owner, fence, |entry, now| entry.expires = now.saturating_add(nanos(expiry))))
    }

    fn give_back(&self, name: &str, owner: &str, fence: Fence) -> Result<bool, BackendError> {
        Ok(self.own(name, owner, fence, |entry, _| entry.expires = 0))
    }
}
