//! Pools as callers see them: requests, futures and leases, for threads and for tasks of any executor.

use super::{
    PoolSpec, PoolStatistics, Refusal, Settings, SpecError,
    asked::{Asked, Needs},
    core::{Core, LeaseKey, Overdue, Start, WaiterKey},
};
use crate::{
    engine::{
        blocking::{nanos, wait_until},
        guard::{Guard, Guarding, Threads},
    },
    model::{Clock, Text},
};
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

struct Inner<G: Guarding> {
    core: G::Of<Core>,
    clock: Arc<dyn Clock>,
    names: Vec<Text>,
    priorities: Vec<u8>,
    /// Each pool with those that it lies within.
    chains: Vec<Box<[u32]>>,
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
        let chains = (0..specs.len()).map(|place| chain(place, &specs)).collect::<Result<Vec<_>, _>>()?;
        let ageing = nanos(settings.ageing);
        let priorities = specs.iter().map(|spec| spec.priority).collect();
        let core = Core::new(specs, ageing, settings.most_waiting, clock.nanos());
        Ok(Self { inner: Arc::new(Inner { core: Guard::new(core), clock, names, priorities, chains }) })
    }

    /// The pool of that name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<PoolId> {
        let place = self.inner.names.iter().position(|known| &**known == name)?;
        u32::try_from(place).ok().map(PoolId)
    }

    /// A request for one slot, of the pool's own priority.
    #[must_use]
    pub fn request(&self, pool: PoolId) -> Request<G> {
        Request { pools: self.clone(), slots: Slots::Of(pool, 1), priority: None, holder: None }
    }

    /// Sets the number of slots; 0 lets nobody in any more.
    pub fn resize(&self, pool: PoolId, slots: u32) {
        self.inner.act(|core, now, wakes| core.resize(now, pool.0, slots, wakes));
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
        self.inner.act(|core, now, wakes| gone.iter().for_each(|(lease, _)| core.reclaim(now, *lease, wakes)));
        gone.into_iter().map(|(_, told)| told).collect()
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
    /// Acts on the state, and wakes whom that concerns once it is let go of.
    fn act<R>(&self, act: impl FnOnce(&mut Core, u64, &mut Vec<Waker>) -> R) -> R {
        let mut wakes = Vec::new();
        // The clock is read under the guard: turns are given in the order of their times.
        let result = self.core.with(|core| {
            let now = core.no_earlier(self.clock.nanos());
            act(core, now, &mut wakes)
        });
        wakes.into_iter().for_each(Waker::wake);
        result
    }
}

#[derive(Clone, Debug)]
enum Slots {
    Of(PoolId, u32),
    Several(Vec<(PoolId, u32)>),
}

/// What is asked for.
pub struct Request<G: Guarding = Threads> {
    pools: Pools<G>,
    slots: Slots,
    priority: Option<u8>,
    holder: Option<Text>,
}

impl<G: Guarding> Request<G> {
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
    pub fn try_acquire(self) -> Result<Lease<G>, Refusal> {
        let (pools, asked) = self.into_parts();
        match pools.inner.act(|core, now, _| core.ask(now, asked, false))? {
            Start::Granted(key) => Ok(Lease { inner: pools.inner, key }),
            Start::Waits(_) => Err(Refusal::Busy),
        }
    }

    /// Waits as long as it takes. It asks when it is first polled.
    pub fn acquire(self) -> Acquire<G> {
        Acquire { request: Some(self), waits: None }
    }

    /// Waits so long on this thread.
    ///
    /// # Errors
    /// [`Refusal::TimedOut`], or it can never be granted.
    pub fn wait(self, timeout: Duration) -> Result<Lease<G>, Refusal> {
        let clock = self.pools.inner.clock.clone();
        let timeout = nanos(timeout);
        let deadline = clock.nanos().saturating_add(timeout);
        let mut acquire = pin!(self.acquire());
        wait_until(acquire.as_mut(), &*clock, deadline).unwrap_or_else(|| acquire.give_up())
    }

    /// Waits until `timer` is done.
    ///
    /// # Errors
    /// [`Refusal::TimedOut`], or it can never be granted.
    pub async fn acquire_until(self, timer: impl Future<Output = ()>) -> Result<Lease<G>, Refusal> {
        let (mut acquire, mut timer) = (pin!(self.acquire()), pin!(timer));
        std::future::poll_fn(|context| {
            if let Poll::Ready(answer) = acquire.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            timer.as_mut().poll(context).map(|()| acquire.give_up())
        })
        .await
    }

    fn into_parts(self) -> (Pools<G>, Asked) {
        let chains = &self.pools.inner.chains;
        let needs = match &self.slots {
            Slots::Of(PoolId(pool), slots) if chains[*pool as usize].len() == 1 => Needs::one(*pool, *slots),
            Slots::Of(pool, slots) => Needs::new(within(chains, &[(*pool, *slots)])),
            Slots::Several(all) => Needs::new(within(chains, all)),
        };
        let first = match &self.slots {
            Slots::Of(pool, _) => *pool,
            Slots::Several(all) => all[0].0,
        };
        let priority = self.priority.unwrap_or(self.pools.inner.priorities[first.0 as usize]);
        (self.pools, Asked { needs, priority, holder: self.holder })
    }
}

/// Slots of the pools and of all that they lie within.
fn within(chains: &[Box<[u32]>], slots: &[(PoolId, u32)]) -> Vec<(u32, u32)> {
    let all = |(PoolId(pool), slots): &(PoolId, u32)| {
        let slots = *slots;
        chains[*pool as usize].iter().map(move |outer| (*outer, slots))
    };
    slots.iter().flat_map(all).collect()
}

/// A request that may wait. Dropped, it is cancelled, and what was granted to it meanwhile goes to the next one.
#[must_use = "a request asks when it is polled"]
pub struct Acquire<G: Guarding = Threads> {
    request: Option<Request<G>>,
    waits: Option<(Pools<G>, WaiterKey)>,
}

impl<G: Guarding> Acquire<G> {
    /// The time is up: the lease that was granted just now after all, or the refusal.
    fn give_up(&mut self) -> Result<Lease<G>, Refusal> {
        let Some((pools, key)) = self.waits.take() else { return Err(Refusal::Busy) };
        let key = pools.inner.act(|core, now, wakes| core.time_out(now, key, wakes))?;
        Ok(Lease { inner: pools.inner, key })
    }
}

impl<G: Guarding> Future for Acquire<G> {
    type Output = Result<Lease<G>, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(request) = self.request.take() {
            let (pools, asked) = request.into_parts();
            match pools.inner.act(|core, now, _| core.ask(now, asked, true)) {
                Err(refusal) => return Poll::Ready(Err(refusal)),
                Ok(Start::Granted(key)) => return Poll::Ready(Ok(Lease { inner: pools.inner, key })),
                Ok(Start::Waits(key)) => self.waits = Some((pools, key)),
            }
        }
        let Some((pools, key)) = &self.waits else { return Poll::Pending };
        let Some(answer) = pools.inner.core.with(|core| core.poll(*key, context.waker())) else { return Poll::Pending };
        let inner = pools.inner.clone();
        self.waits = None;
        Poll::Ready(answer.map(|key| Lease { inner, key }))
    }
}

impl<G: Guarding> Drop for Acquire<G> {
    fn drop(&mut self) {
        if let Some((pools, key)) = self.waits.take() {
            pools.inner.act(|core, now, wakes| core.cancel(now, key, wakes));
        }
    }
}

/// Slots, until it is dropped.
#[must_use = "slots are given back when the lease is dropped"]
pub struct Lease<G: Guarding = Threads> {
    inner: Arc<Inner<G>>,
    key: LeaseKey,
}

impl<G: Guarding> Lease<G> {
    /// Were its slots taken back, because its holder seemed to be gone?
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        !self.inner.core.with(|core| core.is_held(self.key))
    }
}

impl<G: Guarding> Drop for Lease<G> {
    fn drop(&mut self) {
        self.inner.act(|core, now, wakes| core.release(now, self.key, wakes));
    }
}

impl<G: Guarding> std::fmt::Debug for Lease<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("key", &self.key).finish_non_exhaustive()
    }
}
