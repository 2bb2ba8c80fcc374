//! Objects that are used again instead of being made anew, within a budget of bytes.

use crate::{
    engine::{
        blocking::nanos,
        guard::{Guard, Guarding, Threads},
    },
    model::Clock,
};
use std::{
    collections::BTreeMap,
    mem,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

/// What can be used again.
pub trait Reusable: Send + 'static {
    /// Makes one with room for so many bytes.
    fn with_room(bytes: u64) -> Self;
    /// Bytes it has room for.
    fn room(&self) -> u64;
    /// Empties it; its room stays.
    fn clear(&mut self);
}

impl<T: Send + 'static> Reusable for Vec<T> {
    fn with_room(bytes: u64) -> Self {
        Self::with_capacity(usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(mem::size_of::<T>().max(1)))
    }

    fn room(&self) -> u64 {
        (self.capacity() * mem::size_of::<T>()) as u64
    }

    fn clear(&mut self) {
        Self::clear(self);
    }
}

/// What a pool of objects goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectSettings {
    /// Bytes of all objects, lent and kept. Default 50 MB.
    pub budget: u64,
    /// Bytes of the largest object that is made; one larger than the budget is made for its user alone. Default 100 MB.
    pub largest: u64,
    /// After so many objects given back, those unused for long are freed. Default 1,000.
    pub cleanup_every: u64,
    /// How long an object is kept unused. Default 60 s.
    pub expiry: Duration,
}

impl Default for ObjectSettings {
    fn default() -> Self {
        Self { budget: 50_000_000, largest: 100_000_000, cleanup_every: 1000, expiry: Duration::from_secs(60) }
    }
}

/// What a pool of objects did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectStatistics {
    /// Objects asked for; all but the refused were made, used again, or made past the pool.
    pub asked: u64,
    /// Objects used again.
    pub reused: u64,
    /// Objects made for the pool.
    pub made: u64,
    /// Objects made for their user alone, as the budget had no room for them.
    pub past_pool: u64,
    /// Objects too large to be made.
    pub refused: u64,
    /// Objects freed since they were unused for long, or to make room.
    pub freed: u64,
    /// Bytes lent, of the pool.
    pub lent_bytes: u64,
    /// Bytes kept.
    pub kept_bytes: u64,
}

/// An object that is larger than any that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object of {bytes} bytes was asked for; {largest} are the most")]
pub struct ObjectTooLarge {
    /// Bytes asked for.
    pub bytes: u64,
    /// Most bytes.
    pub largest: u64,
}

/// A pool of objects. Clones are the same pool.
pub struct Objects<T: Reusable, G: Guarding = Threads> {
    inner: Arc<Inner<T, G>>,
}

struct Inner<T: Reusable, G: Guarding> {
    state: G::Of<State<T>>,
    settings: ObjectSettings,
    clock: Arc<dyn Clock>,
}

struct State<T> {
    /// By class: the logarithm of the room. The last one given back is the first one used again: it is warm.
    kept: BTreeMap<u32, Vec<(T, u64, u64)>>,
    statistics: ObjectStatistics,
    given_back: u64,
}

/// An object that is given back when it is dropped.
pub struct Borrowed<T: Reusable, G: Guarding = Threads> {
    object: Option<T>,
    /// Bytes that count against the budget; none of an object past the pool.
    bytes: Option<u64>,
    home: Arc<Inner<T, G>>,
}

impl<T: Reusable, G: Guarding> Clone for Objects<T, G> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

/// Least room of an object: smaller ones are not worth keeping apart.
const LEAST: u64 = 64;

/// Room of the class that an object of so many bytes falls into: the next power of two.
fn class(bytes: u64) -> u32 {
    bytes.max(LEAST).next_power_of_two().trailing_zeros()
}

impl<T: Reusable, G: Guarding> Objects<T, G> {
    /// An empty pool.
    #[must_use]
    pub fn new(settings: ObjectSettings, clock: Arc<dyn Clock>) -> Self {
        let state = State { kept: BTreeMap::new(), statistics: ObjectStatistics::default(), given_back: 0 };
        Self { inner: Arc::new(Inner { state: Guard::new(state), settings, clock }) }
    }

    /// An object with room for so many bytes at least, empty.
    ///
    /// # Errors
    /// Where it would be larger than any that is made.
    pub fn take(&self, bytes: u64) -> Result<Borrowed<T, G>, ObjectTooLarge> {
        let (largest, budget) = (self.inner.settings.largest, self.inner.settings.budget);
        let wanted = class(bytes);
        let mut dropped = Vec::new();
        let found = self.inner.state.with(|state| {
            state.statistics.asked += 1;
            if bytes > largest {
                state.statistics.refused += 1;
                return Err(ObjectTooLarge { bytes, largest });
            }
            // One twice as large will do as well; beyond that room would be wasted.
            if let Some((object, room)) = state.reuse(wanted).or_else(|| state.reuse(wanted + 1)) {
                return Ok(Some((Some(object), room)));
            }
            let room = 1u64 << wanted;
            while state.statistics.lent_bytes + state.statistics.kept_bytes + room > budget
                && state.statistics.kept_bytes > 0
            {
                dropped.extend(state.free_oldest());
            }
            if state.statistics.lent_bytes + room > budget {
                state.statistics.past_pool += 1;
                return Ok(None);
            }
            state.statistics.made += 1;
            state.statistics.lent_bytes += room;
            Ok(Some((None, room)))
        });
        // Memory is freed and made while nobody waits for the guard.
        drop(dropped);
        let (object, counted) = match found? {
            Some((Some(object), room)) => (object, Some(room)),
            Some((None, room)) => (T::with_room(room), Some(room)),
            None => (T::with_room(bytes), None),
        };
        Ok(Borrowed { object: Some(object), bytes: counted, home: self.inner.clone() })
    }

    /// Frees what was unused for long.
    pub fn clean(&self) {
        self.inner.clean();
    }

    /// Frees all that is kept: for emergencies.
    pub fn empty(&self) {
        let freed = self.inner.state.with(|state| {
            state.statistics.freed += state.kept.values().map(|kept| kept.len() as u64).sum::<u64>();
            state.statistics.kept_bytes = 0;
            mem::take(&mut state.kept)
        });
        drop(freed);
    }

    /// What it did.
    #[must_use]
    pub fn statistics(&self) -> ObjectStatistics {
        self.inner.state.with(|state| state.statistics)
    }
}

impl<T: Reusable, G: Guarding> Inner<T, G> {
    fn clean(&self) {
        let now = self.clock.nanos();
        let expiry = nanos(self.settings.expiry);
        let freed: Vec<T> = self.state.with(|state| {
            let mut freed = Vec::new();
            let mut bytes = 0;
            for kept in state.kept.values_mut() {
                // Those given back first stand first.
                let fresh = kept.partition_point(|(_, _, since)| now.saturating_sub(*since) > expiry);
                freed.extend(kept.drain(..fresh).map(|(object, room, _)| {
                    bytes += room;
                    object
                }));
            }
            state.statistics.kept_bytes -= bytes;
            state.statistics.freed += freed.len() as u64;
            freed
        });
        drop(freed);
    }
}

impl<T> State<T> {
    fn reuse(&mut self, class: u32) -> Option<(T, u64)> {
        let (object, room, _) = self.kept.get_mut(&class)?.pop()?;
        self.statistics.reused += 1;
        self.statistics.kept_bytes -= room;
        self.statistics.lent_bytes += room;
        Some((object, room))
    }

    fn free_oldest(&mut self) -> Option<T> {
        let oldest = self.kept.iter().filter_map(|(class, kept)| Some((kept.first()?.2, *class))).min()?.1;
        let (object, room, _) = self.kept.get_mut(&oldest)?.remove(0);
        self.statistics.kept_bytes -= room;
        self.statistics.freed += 1;
        Some(object)
    }
}

impl<T: Reusable, G: Guarding> Deref for Borrowed<T, G> {
    type Target = T;
    fn deref(&self) -> &T {
        self.object.as_ref().expect("it is there until it is dropped")
    }
}

impl<T: Reusable, G: Guarding> DerefMut for Borrowed<T, G> {
    fn deref_mut(&mut self) -> &mut T {
        self.object.as_mut().expect("it is there until it is dropped")
    }
}

impl<T: Reusable, G: Guarding> Drop for Borrowed<T, G> {
    fn drop(&mut self) {
        let (Some(mut object), Some(bytes)) = (self.object.take(), self.bytes) else { return };
        object.clear();
        let (now, room) = (self.home.clock.nanos(), object.room());
        let (clean, dropped) = self.home.state.with(|state| {
            state.statistics.lent_bytes -= bytes;
            state.given_back += 1;
            // It may have grown meanwhile: beyond the budget it is not kept, and its class is that of the room it is sure to have.
            let fits = state.statistics.lent_bytes + state.statistics.kept_bytes + room <= self.home.settings.budget;
            let dropped = if fits && room >= LEAST {
                state.statistics.kept_bytes += room;
                state.kept.entry(room.ilog2()).or_default().push((object, room, now));
                None
            } else {
                state.statistics.freed += 1;
                Some(object)
            };
            (state.given_back.is_multiple_of(self.home.settings.cleanup_every.max(1)), dropped)
        });
        drop(dropped);
        if clean {
            self.home.clean();
        }
    }
}
