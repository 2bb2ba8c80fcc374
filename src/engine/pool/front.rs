//! Pools as callers see them: requests, futures and leases, for threads and for tasks of any executor.

use super::{
    PoolSpec, PoolStatistics, Refusal, Settings, SpecError,
    asked::{Asked, Needs},
    core::{Core, LeaseKey, Overdue, Start, Wait, Wakers},
    inbox::Found,
};
use crate::{
    engine::{
        blocking::{nanos, wait_until},
        guard::{Guard, Guarding, Threads},
    },
    model::{Clock, Text},
};
use crossbeam_utils::CachePadded;
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// All pools of a program. Clones are the same pools.
pub struct Pools<G: Guarding = Threads> {
    inner: Arc<Inner<G>>,
}

/// The state lies apart from what is only read and from the counter of who keeps it: threads that write one of them do not take the
/// cache's lines of the others from each other.
struct Inner<G: Guarding> {
    core: CachePadded<G::Of<Core<G>>>,
    clock: Arc<dyn Clock>,
    places: Vec<Place>,
}

/// What does not change about a pool.
struct Place {
    name: Text,
    priority: u8,
    /// The pool with those that it lies within.
    chain: Box<[u32]>,
}

/// The pools that a request or a lease is of: borrowed, or kept by it. To keep them costs two atomic operations.
enum Of<'a, G: Guarding> {
    Borrowed(&'a Inner<G>),
    Kept(Arc<Inner<G>>),
}

impl<G: Guarding> std::ops::Deref for Of<'_, G> {
    type Target = Inner<G>;

    #[inline]
    fn deref(&self) -> &Inner<G> {
        match self {
            Self::Borrowed(inner) => inner,
            Self::Kept(inner) => inner,
        }
    }
}

impl<G: Guarding> Clone for Pools<G> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

/// One of the pools, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolId(u32);

impl<G: Guarding> Pools<G> {
    /// Makes pools.
    ///
    /// # Errors
    /// Where two have one name, or one lies within itself or within none.
    pub fn new(specs: Vec<PoolSpec>, settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, SpecError> {
        let names: Vec<Text> = specs.iter().map(|spec| spec.name.clone()).collect();
        if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return Err(SpecError::Twice(name.clone()));
        }
        let place = |(place, spec): (usize, &PoolSpec)| {
            Ok(Place { name: spec.name.clone(), priority: spec.priority, chain: chain(place, &specs)? })
        };
        let places = specs.iter().enumerate().map(place).collect::<Result<_, _>>()?;
        let core = Core::new(specs, nanos(settings.ageing), settings.most_waiting, clock.nanos());
        Ok(Self { inner: Arc::new(Inner { core: CachePadded::new(Guard::new(core)), clock, places }) })
    }

    /// The pool of that name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<PoolId> {
        let place = self.inner.places.iter().position(|place| &*place.name == name)?;
        u32::try_from(place).ok().map(PoolId)
    }

    /// A request for one slot, of the pool's own priority.
    #[must_use]
    #[inline]
    pub fn request(&self, pool: PoolId) -> Request<'_, G> {
        Request { of: Of::Borrowed(&self.inner), slots: Slots::Of(pool, 1), priority: None, holder: None }
    }

    /// A request like [`Self::request`], whose lease keeps the pools alive: for one that outlives the caller's.
    #[must_use]
    pub fn owned_request(&self, pool: PoolId) -> Request<'static, G> {
        Request { of: Of::Kept(self.inner.clone()), slots: Slots::Of(pool, 1), priority: None, holder: None }
    }

    /// Sets the number of slots; 0 lets nobody in any more.
    pub fn resize(&self, pool: PoolId, slots: u32) {
        self.inner.act(|core, now, wakers| core.resize(now, pool.0, slots, wakers));
    }

    /// Statistics of each pool.
    #[must_use]
    pub fn statistics(&self) -> Vec<PoolStatistics> {
        self.inner.act(|core, now, _| core.statistics(now))
    }

    /// Leases that are held for longer than their pools allow: leaks, most likely.
    #[must_use]
    pub fn overdue(&self) -> Vec<Overdue> {
        self.inner.act(|core, now, _| core.overdue(now)).into_iter().map(|(_, told)| told).collect()
    }

    /// Takes back the slots of overdue leases whose holder is gone, as `is_gone` says; what was taken back. A holder that lives on
    /// finds its lease revoked.
    pub fn reclaim(&self, mut is_gone: impl FnMut(&Overdue) -> bool) -> Vec<Overdue> {
        let overdue = self.inner.act(|core, now, _| core.overdue(now));
        let gone: Vec<(LeaseKey, Overdue)> = overdue.into_iter().filter(|(_, told)| is_gone(told)).collect();
        let take = |core: &mut Core<G>, now: u64, wakers: &mut Wakers| {
            gone.into_iter().filter(|(lease, _)| core.reclaim(now, *lease, wakers)).map(|(_, told)| told).collect()
        };
        self.inner.act(take)
    }

    #[cfg(test)]
    pub(super) fn plant(&self, fault: super::core::Fault) {
        self.inner.core.with(|core| core.fault = fault);
    }
}

/// The pool and those it lies within.
fn chain(place: usize, specs: &[PoolSpec]) -> Result<Box<[u32]>, SpecError> {
    let mut chain = vec![place as u32];
    let mut at = place;
    while let Some(within) = &specs[at].within {
        let outer = specs.iter().position(|spec| spec.name == *within);
        at = outer.ok_or_else(|| SpecError::NoSuchPool { pool: specs[at].name.clone(), within: within.clone() })?;
        if chain.contains(&(at as u32)) {
            return Err(SpecError::Circle(specs[at].name.clone()));
        }
        chain.push(at as u32);
    }
    Ok(chain.into())
}

impl<G: Guarding> Inner<G> {
    /// Acts on the state, and wakers whom that concerns once it is let go of.
    #[inline]
    fn act<R>(&self, act: impl FnOnce(&mut Core<G>, u64, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::default();
        // Read before the guard, which is held for less time so. Who comes later is given no earlier time.
        let read = self.clock.nanos();
        let result = self.core.with(|core| {
            let now = core.no_earlier(read);
            act(core, now, &mut wakers)
        });
        if !wakers.wake.is_empty() {
            wakers.wake.into_iter().for_each(Waker::wake);
        }
        result
    }
}

#[derive(Clone, Debug)]
enum Slots {
    Of(PoolId, u32),
    Several(Vec<(PoolId, u32)>),
}

/// What is asked for.
pub struct Request<'a, G: Guarding = Threads> {
    of: Of<'a, G>,
    slots: Slots,
    priority: Option<u8>,
    holder: Option<Text>,
}

impl<'a, G: Guarding> Request<'a, G> {
    /// So many slots, at least 1.
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Self {
        match &mut self.slots {
            Slots::Of(_, count) => *count = slots.max(1),
            Slots::Several(all) => all.iter_mut().take(1).for_each(|(_, count)| *count = slots.max(1)),
        }
        self
    }

    /// And so many of another pool, together with the first.
    #[must_use]
    pub fn and(mut self, pool: PoolId, slots: u32) -> Self {
        match &mut self.slots {
            Slots::Of(first, count) => self.slots = Slots::Several(vec![(*first, *count), (pool, slots.max(1))]),
            Slots::Several(all) => all.push((pool, slots.max(1))),
        }
        self
    }

    /// 1 to 10, the most urgent.
    #[must_use]
    pub fn priority(self, priority: u8) -> Self {
        Self { priority: Some(priority), ..self }
    }

    /// A name, for those who wait for it and for leaks.
    #[must_use]
    pub fn holder(self, name: impl Into<Text>) -> Self {
        Self { holder: Some(name.into()), ..self }
    }

    /// Without waiting.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where nothing is free for it, or it can never be granted.
    #[inline]
    pub fn try_acquire(self) -> Result<Lease<'a, G>, Refusal> {
        match self.start(false) {
            Ok(key) => Ok(Lease { of: self.of, key }),
            Err((_, start)) => match start? {
                Start::Granted(key) => Ok(Lease { of: self.of, key }),
                Start::Waits(_) => Err(Refusal::Busy),
            },
        }
    }

    /// Waits as long as it takes. It asks when it is first polled.
    pub fn acquire(self) -> Acquire<'a, G> {
        Acquire(Stage::Asks(self))
    }

    /// Waits so long on this thread.
    ///
    /// # Errors
    /// [`Refusal::TimedOut`], or it can never be granted.
    pub fn wait(self, timeout: Duration) -> Result<Lease<'a, G>, Refusal> {
        let (asked_at, start) = match self.start(true) {
            Ok(key) => return Ok(Lease { of: self.of, key }),
            Err(other) => other,
        };
        match start? {
            Start::Granted(key) => Ok(Lease { of: self.of, key }),
            Start::Waits(wait) => {
                let clock = self.of.clock.clone();
                let deadline = asked_at.saturating_add(nanos(timeout));
                let mut acquire = pin!(Acquire(Stage::Waits(self.of, wait)));
                wait_until(acquire.as_mut(), &*clock, deadline).unwrap_or_else(|| acquire.give_up())
            }
        }
    }

    /// Waits until `timer` is done.
    ///
    /// # Errors
    /// [`Refusal::TimedOut`], or it can never be granted.
    pub async fn acquire_until(self, timer: impl Future<Output = ()>) -> Result<Lease<'a, G>, Refusal> {
        let (mut acquire, mut timer) = (pin!(self.acquire()), pin!(timer));
        std::future::poll_fn(|context| {
            if let Poll::Ready(answer) = acquire.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            timer.as_mut().poll(context).map(|()| acquire.give_up())
        })
        .await
    }

    /// Asks: the lease, in the usual case, or what else came of it at what time.
    #[inline]
    fn start(&self, wait: bool) -> Result<LeaseKey, (u64, Result<Start<G>, Refusal>)> {
        let usual = match (&self.slots, &self.holder) {
            (Slots::Of(PoolId(pool), slots), None) if self.of.places[*pool as usize].chain.len() == 1 => {
                Some((*pool, *slots))
            }
            _ => None,
        };
        // What is seldom there is written elsewhere: a value that is moved through memory is read again at once, which stalls the
        // processor.
        let mut other = None;
        let read = self.of.clock.nanos();
        let key = self.of.core.with(|core| {
            let now = core.no_earlier(read);
            let key = usual.and_then(|(pool, slots)| core.at_once(now, pool, slots));
            if key.is_none() {
                other = Some((now, core.ask(now, self.asked(), wait)));
            }
            key
        });
        key.ok_or_else(|| other.expect("without a lease, something else came of it"))
    }

    fn asked(&self) -> Asked {
        let places = &self.of.places;
        let (PoolId(first), needs) = match &self.slots {
            Slots::Of(pool, slots) if places[pool.0 as usize].chain.len() == 1 => (*pool, Needs::one(pool.0, *slots)),
            Slots::Of(pool, slots) => (*pool, Needs::new(within(places, &[(*pool, *slots)]))),
            Slots::Several(all) => (all[0].0, Needs::new(within(places, all))),
        };
        let priority = self.priority.unwrap_or(places[first as usize].priority);
        Asked { needs, priority, holder: self.holder.clone() }
    }
}

/// Slots of the pools and of all that they lie within.
fn within(places: &[Place], slots: &[(PoolId, u32)]) -> Vec<(u32, u32)> {
    let all = |(PoolId(pool), slots): &(PoolId, u32)| {
        let slots = *slots;
        places[*pool as usize].chain.iter().map(move |outer| (*outer, slots))
    };
    slots.iter().flat_map(all).collect()
}

/// A request that may wait. Dropped, it is cancelled, and what was granted to it meanwhile goes to the next one.
#[must_use = "a request asks when it is polled"]
pub struct Acquire<'a, G: Guarding = Threads>(Stage<'a, G>);

enum Stage<'a, G: Guarding> {
    Asks(Request<'a, G>),
    Waits(Of<'a, G>, Wait<G>),
    Answered,
}

impl<'a, G: Guarding> Acquire<'a, G> {
    fn take(&mut self) -> Stage<'a, G> {
        std::mem::replace(&mut self.0, Stage::Answered)
    }

    /// The time is up: the lease that was granted just now after all, or the refusal.
    fn give_up(&mut self) -> Result<Lease<'a, G>, Refusal> {
        let Stage::Waits(of, wait) = self.take() else { return Err(Refusal::Busy) };
        let key = of.act(|core, now, wakers| core.time_out(now, &wait, wakers))?;
        Ok(Lease { of, key })
    }
}

impl<G: Guarding> Unpin for Acquire<'_, G> {}

impl<'a, G: Guarding> Future for Acquire<'a, G> {
    type Output = Result<Lease<'a, G>, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut brought = None;
        if let Stage::Asks(request) = &self.0 {
            let start = request.start(true);
            let Stage::Asks(Request { of, .. }) = self.take() else { return Poll::Pending };
            match start {
                Ok(key) | Err((_, Ok(Start::Granted(key)))) => return Poll::Ready(Ok(Lease { of, key })),
                Err((_, Err(refusal))) => return Poll::Ready(Err(refusal)),
                Err((_, Ok(Start::Waits(wait)))) => {
                    self.0 = Stage::Waits(of, wait);
                    brought = Some(context.waker().clone());
                }
            }
        }
        let answer = loop {
            let Stage::Waits(_, wait) = &self.0 else { return Poll::Pending };
            match wait.inbox.with(|inbox| inbox.look(context.waker(), brought.take())) {
                Found::Answer(answer) => break answer,
                Found::Nothing(before) => {
                    // Here, where nobody holds the inbox.
                    drop(before);
                    return Poll::Pending;
                }
                Found::WakerWanted => brought = Some(context.waker().clone()),
            }
        };
        let Stage::Waits(of, _) = self.take() else { return Poll::Pending };
        Poll::Ready(answer.map(|key| Lease { of, key }))
    }
}

impl<G: Guarding> Drop for Acquire<'_, G> {
    fn drop(&mut self) {
        if let Stage::Waits(of, wait) = &self.0 {
            of.act(|core, now, wakers| core.cancel(now, wait, wakers));
        }
    }
}

/// Slots, until it is dropped.
#[must_use = "slots are given back when the lease is dropped"]
pub struct Lease<'a, G: Guarding = Threads> {
    of: Of<'a, G>,
    key: LeaseKey,
}

impl<G: Guarding> Lease<'_, G> {
    /// Were its slots taken back, because its holder seemed to be gone?
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        !self.of.core.with(|core| core.is_held(self.key))
    }
}

impl<G: Guarding> Drop for Lease<'_, G> {
    #[inline]
    fn drop(&mut self) {
        self.of.act(|core, now, wakers| core.release(now, self.key, wakers));
    }
}

impl<G: Guarding> std::fmt::Debug for Lease<'_, G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("key", &self.key).finish_non_exhaustive()
    }
}
