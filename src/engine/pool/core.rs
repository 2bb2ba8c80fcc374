//! The rules of pools as a state machine: no thread, no clock. Whoever calls it holds it alone and says what time it is; the wakers
//! that it hands out are woken once it is let go of. Waiters find their answers in inboxes of their own, which are held for a
//! moment while this is.

use super::{
    PRIORITIES, PoolSpec, Refusal,
    asked::{Asked, Needs, Turn},
    deadlock::{Holding, deadlocked},
    inbox::Inbox,
    statistics::{PoolStatistics, Tally},
};
use crate::{
    engine::{
        blocking::nanos,
        guard::{Guard, Guarding},
    },
    model::Text,
};
use slotmap::{SlotMap, new_key_type};
use smallvec::SmallVec;
use std::{collections::BTreeMap, sync::Arc, task::Waker};

new_key_type! {
    /// A waiter.
    pub(super) struct WaiterKey;
    /// A lease: after it was given back, its key means nothing any more.
    pub(super) struct LeaseKey;
}

/// What each turn writes comes first, as in [`Core`]: the fewer lines of the cache it is in, the less do threads wait for each other.
#[repr(C)]
struct State {
    tally: Tally,
    queue: BTreeMap<Turn, WaiterKey>,
    spec: PoolSpec,
}

struct Waiter<G: Guarding> {
    asked: Asked,
    turn: Turn,
    since: u64,
    inbox: Arc<G::Of<Inbox>>,
}

struct Held {
    needs: Needs,
    holder: Option<Text>,
    since: u64,
}

/// A lease that is older than its pool allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Name of the holder, if it gave one.
    pub holder: Option<Text>,
    /// Pools and slots.
    pub slots: Vec<(Text, u32)>,
    /// Nanoseconds since it was granted.
    pub age: u64,
}

/// Faults that a test plants to see that it would be noticed.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    CancelSwallowsGrant,
    NotifyOne,
    NoReservation,
    NoAgeing,
}

/// All pools.
#[repr(C)]
pub(super) struct Core<G: Guarding> {
    latest: u64,
    pools: Box<[State]>,
    leases: SlotMap<LeaseKey, Held>,
    /// Those that were not answered yet.
    waiters: SlotMap<WaiterKey, Waiter<G>>,
    ageing: u64,
    most_waiting: usize,
    number: u64,
    #[cfg(test)]
    pub(super) fault: Fault,
}

/// Wakers that are let go of once nobody holds the state: what they run is others' code, which may ask for slots or give them back.
#[derive(Default)]
pub(super) struct Wakers {
    /// To be woken.
    pub(super) wake: SmallVec<[Waker; 2]>,
    /// Of those who wait no more.
    pub(super) forget: Vec<Waker>,
}

/// What came of a request at once.
pub(super) enum Start<G: Guarding> {
    Granted(LeaseKey),
    Waits(Wait<G>),
}

/// A request that waits.
pub(super) struct Wait<G: Guarding> {
    key: WaiterKey,
    pub(super) inbox: Arc<G::Of<Inbox>>,
}

impl<G: Guarding> Core<G> {
    pub(super) fn new(specs: Vec<PoolSpec>, ageing: u64, most_waiting: usize, now: u64) -> Self {
        let state = |spec: PoolSpec| State { tally: Tally::new(now, spec.slots), queue: BTreeMap::new(), spec };
        Self {
            pools: specs.into_iter().map(state).collect(),
            waiters: SlotMap::with_key(),
            leases: SlotMap::with_key(),
            ageing,
            most_waiting,
            number: 0,
            latest: now,
            #[cfg(test)]
            fault: Fault::None,
        }
    }

    #[cfg(test)]
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// That time, or the latest that was seen: a clock that went back must not turn a wait around.
    #[inline]
    pub(super) fn no_earlier(&mut self, now: u64) -> u64 {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// Asks for slots of one pool without a name, and takes them if they are free and nobody waits: the usual case, and the one that
    /// must cost nothing. `None` says that nothing was done.
    #[inline]
    pub(super) fn at_once(&mut self, now: u64, pool: u32, slots: u32) -> Option<LeaseKey> {
        let state = &mut self.pools[pool as usize];
        if !state.queue.is_empty() || state.tally.free() < slots {
            return None;
        }
        state.tally.usage.requests += 1;
        state.tally.granted(slots, 0);
        // Made in its place: a value that is moved there is written and read again at once, which stalls the processor.
        Some(self.leases.insert_with_key(|_| Held { needs: Needs::one(pool, slots), holder: None, since: now }))
    }

    /// Asks; `wait` says whether it may wait. Not inlined: the usual case has no need of it.
    #[inline(never)]
    pub(super) fn ask(&mut self, now: u64, asked: Asked, wait: bool) -> Result<Start<G>, Refusal> {
        for (pool, _) in asked.needs.as_slice() {
            self.pools[*pool as usize].tally.usage.requests += 1;
        }
        let turn = self.turn(now, asked.priority);
        if let Some(&(pool, slots)) = asked.needs.as_slice().iter().find(|(p, n)| *n > self.capacity(*p)) {
            let capacity = self.capacity(pool);
            return Err(self.refuse(&asked.needs, Refusal::TooWide { pool: self.name(pool), slots, capacity }));
        }
        let first =
            |(pool, _): &(u32, u32)| self.pools[*pool as usize].queue.keys().next().is_none_or(|head| turn < *head);
        if self.fits(&asked.needs) && asked.needs.as_slice().iter().all(first) {
            return Ok(Start::Granted(self.grant(now, now, asked.needs, asked.holder)));
        }
        if !wait {
            return Err(self.refuse(&asked.needs, Refusal::Busy));
        }
        if self.waiters.len() >= self.most_waiting {
            return Err(self.refuse(&asked.needs, Refusal::QueueFull { waiting: self.waiters.len() }));
        }
        let holder = asked.holder.clone();
        let inbox = Arc::new(G::Of::new(Inbox::default()));
        let key = self.waiters.insert(Waiter { asked, turn, since: now, inbox: inbox.clone() });
        for &(pool, _) in self.waiters[key].asked.needs.as_slice() {
            let pool = &mut self.pools[pool as usize];
            pool.queue.insert(turn, key);
            pool.tally.peak_waiting = pool.tally.peak_waiting.max(pool.queue.len());
        }
        if let Some(holders) = holder.and_then(|holder| self.deadlock_of(&holder)) {
            let waiter = self.leave(key).expect("it was put there just now");
            return Err(self.refuse(&waiter.asked.needs, Refusal::Deadlock { holders }));
        }
        Ok(Start::Waits(Wait { key, inbox }))
    }

    fn turn(&mut self, now: u64, priority: u8) -> Turn {
        self.number += 1;
        let below = u64::from(PRIORITIES.end() - priority.clamp(*PRIORITIES.start(), *PRIORITIES.end()));
        #[cfg(test)]
        if self.has(Fault::NoAgeing) {
            return Turn { due: below, number: self.number };
        }
        Turn { due: now.saturating_add(below.saturating_mul(self.ageing)), number: self.number }
    }

    fn capacity(&self, pool: u32) -> u32 {
        self.pools[pool as usize].tally.usage.capacity
    }

    fn name(&self, pool: u32) -> Text {
        self.pools[pool as usize].spec.name.clone()
    }

    fn refuse(&mut self, needs: &Needs, why: Refusal) -> Refusal {
        needs.as_slice().iter().for_each(|(pool, _)| self.pools[*pool as usize].tally.rejected += 1);
        why
    }

    fn fits(&self, needs: &Needs) -> bool {
        needs.as_slice().iter().all(|(pool, slots)| self.pools[*pool as usize].tally.free() >= *slots)
    }

    fn grant(&mut self, now: u64, since: u64, needs: Needs, holder: Option<Text>) -> LeaseKey {
        for &(pool, slots) in needs.as_slice() {
            self.pools[pool as usize].tally.granted(slots, now - since);
        }
        self.leases.insert(Held { needs, holder, since: now })
    }

    /// A waiter's time is up: the answer that came in time after all, or the refusal.
    pub(super) fn time_out(&mut self, now: u64, wait: &Wait<G>, wakers: &mut Wakers) -> Result<LeaseKey, Refusal> {
        let Some(waiter) = self.leave(wait.key) else {
            return wait.inbox.with(Inbox::untaken).expect("a waiter that is gone was answered");
        };
        wakers.forget.extend(wait.inbox.with(Inbox::close));
        let needs = waiter.asked.needs;
        needs.as_slice().iter().for_each(|(pool, _)| self.pools[*pool as usize].tally.timeouts += 1);
        self.serve(now, needs.as_slice(), wakers);
        Err(Refusal::TimedOut { waited: now - waiter.since, holders: self.holders(now, &needs) })
    }

    /// A waiter is gone. What was granted to it meanwhile goes to the next one.
    pub(super) fn cancel(&mut self, now: u64, wait: &Wait<G>, wakers: &mut Wakers) {
        if let Some(waiter) = self.leave(wait.key) {
            wakers.forget.extend(wait.inbox.with(Inbox::close));
            let needs = waiter.asked.needs;
            needs.as_slice().iter().for_each(|(pool, _)| self.pools[*pool as usize].tally.cancels += 1);
            self.serve(now, needs.as_slice(), wakers);
            return;
        }
        #[cfg(test)]
        if self.has(Fault::CancelSwallowsGrant) {
            return;
        }
        if let Some(Ok(lease)) = wait.inbox.with(Inbox::untaken) {
            self.release(now, lease, wakers);
        }
    }

    /// Takes a waiter that was not answered yet out of the queues.
    fn leave(&mut self, key: WaiterKey) -> Option<Waiter<G>> {
        let waiter = self.waiters.remove(key)?;
        for (pool, _) in waiter.asked.needs.as_slice() {
            self.pools[*pool as usize].queue.remove(&waiter.turn);
        }
        Some(waiter)
    }

    /// Gives slots back; false where they were taken back before.
    pub(super) fn release(&mut self, now: u64, lease: LeaseKey, wakers: &mut Wakers) -> bool {
        let Some(held) = self.leases.remove(lease) else { return false };
        for &(pool, slots) in held.needs.as_slice() {
            self.pools[pool as usize].tally.released(slots, now - held.since);
        }
        self.serve(now, held.needs.as_slice(), wakers);
        true
    }

    pub(super) fn is_held(&self, lease: LeaseKey) -> bool {
        self.leases.contains_key(lease)
    }

    /// Grants what can be granted since something changed in these pools. Who comes first in a pool and does not fit keeps what
    /// is free for itself: otherwise narrow requests would pass a wide one for ever.
    fn serve(&mut self, now: u64, changed: &[(u32, u32)], wakers: &mut Wakers) {
        if changed.iter().all(|(pool, _)| self.pools[*pool as usize].queue.is_empty()) {
            return;
        }
        let mut look_at: SmallVec<[u32; 4]> = changed.iter().map(|(pool, _)| *pool).collect();
        while let Some(pool) = look_at.pop() {
            while let Some(waiter) = self.next_of(pool).and_then(|key| self.leave(key)) {
                let Asked { needs, holder, .. } = waiter.asked;
                look_at.extend(needs.as_slice().iter().map(|(other, _)| *other).filter(|other| *other != pool));
                let lease = self.grant(now, waiter.since, needs, holder);
                wakers.wake.extend(waiter.inbox.with(|inbox| inbox.tell(Ok(lease))));
                #[cfg(test)]
                if self.has(Fault::NotifyOne) {
                    return;
                }
            }
        }
    }

    /// The waiter that comes first in the pool, if it comes first wherever it waits and there is enough for it.
    fn next_of(&self, pool: u32) -> Option<WaiterKey> {
        #[cfg(test)]
        if self.has(Fault::NoReservation) {
            let mut all = self.pools[pool as usize].queue.values();
            return all.find(|key| self.fits(&self.waiters[**key].asked.needs)).copied();
        }
        let (turn, key) = self.pools[pool as usize].queue.first_key_value()?;
        let needs = &self.waiters[*key].asked.needs;
        let first = |(pool, _): &(u32, u32)| self.pools[*pool as usize].queue.keys().next() == Some(turn);
        (needs.as_slice().iter().all(first) && self.fits(needs)).then_some(*key)
    }

    /// Another number of slots. Those that are held beyond it stay so until they are given back; who asks for more than there
    /// will be is refused.
    pub(super) fn resize(&mut self, now: u64, pool: u32, capacity: u32, wakers: &mut Wakers) {
        self.pools[pool as usize].tally.resized(now, capacity);
        let slots = |needs: &Needs| needs.as_slice().iter().find(|(p, _)| *p == pool).map_or(0, |(_, slots)| *slots);
        let waiting: Vec<WaiterKey> = self.pools[pool as usize].queue.values().copied().collect();
        let too_wide: Vec<(WaiterKey, u32)> = waiting
            .into_iter()
            .map(|key| (key, slots(&self.waiters[key].asked.needs)))
            .filter(|(_, slots)| *slots > capacity)
            .collect();
        let mut changed = vec![(pool, 0)];
        for (key, slots) in too_wide {
            let Some(waiter) = self.leave(key) else { continue };
            let needs = &waiter.asked.needs;
            let why = self.refuse(needs, Refusal::TooWide { pool: self.name(pool), slots, capacity });
            wakers.wake.extend(waiter.inbox.with(|inbox| inbox.tell(Err(why))));
            changed.extend(needs.as_slice());
        }
        self.serve(now, &changed, wakers);
    }

    /// Holders of slots in these pools, the oldest first, with the nanoseconds for which they have held them.
    fn holders(&self, now: u64, needs: &Needs) -> Vec<(Option<Text>, u64)> {
        let shares = |held: &&Held| {
            held.needs.as_slice().iter().any(|(pool, _)| needs.as_slice().iter().any(|(wanted, _)| wanted == pool))
        };
        let mut all: Vec<(Option<Text>, u64)> =
            self.leases.values().filter(shares).map(|held| (held.holder.clone(), now - held.since)).collect();
        all.sort_by_key(|(_, age)| std::cmp::Reverse(*age));
        all
    }

    /// Leases that are older than a pool of theirs allows.
    pub(super) fn overdue(&self, now: u64) -> Vec<(LeaseKey, Overdue)> {
        let limit = |held: &Held| {
            held.needs.as_slice().iter().map(|(pool, _)| self.pools[*pool as usize].spec.longest_hold).min()
        };
        let told = |held: &Held| Overdue {
            holder: held.holder.clone(),
            slots: held.needs.as_slice().iter().map(|(pool, slots)| (self.name(*pool), *slots)).collect(),
            age: now - held.since,
        };
        let late = |held: &Held| limit(held).is_some_and(|limit| now - held.since > nanos(limit));
        self.leases.iter().filter(|(_, held)| late(held)).map(|(key, held)| (key, told(held))).collect()
    }

    /// Takes the slots of a lease back from a holder that is gone; false where it was given back meanwhile.
    pub(super) fn reclaim(&mut self, now: u64, lease: LeaseKey, wakers: &mut Wakers) -> bool {
        let Some(held) = self.leases.get(lease) else { return false };
        let needs = held.needs.clone();
        needs.as_slice().iter().for_each(|(pool, _)| self.pools[*pool as usize].tally.reclaimed += 1);
        self.release(now, lease, wakers)
    }

    /// Holders that wait for each other for ever, if the waiter of that name is one of them.
    fn deadlock_of(&self, holder: &Text) -> Option<Vec<Text>> {
        if !self.leases.values().any(|held| held.holder.as_ref() == Some(holder)) {
            return None;
        }
        let holdings =
            self.leases.values().map(|held| Holding { holder: held.holder.as_ref(), slots: held.needs.as_slice() });
        let waiting = self
            .waiters
            .values()
            .map(|waiter| Holding { holder: waiter.asked.holder.as_ref(), slots: waiter.asked.needs.as_slice() });
        let capacities: Vec<u32> = self.pools.iter().map(|pool| pool.tally.usage.capacity).collect();
        let stuck = deadlocked(&capacities, &holdings.collect::<Vec<_>>(), &waiting.collect::<Vec<_>>());
        stuck.contains(holder).then(|| stuck.into_iter().collect())
    }

    /// Statistics of each pool, in the order of the pools.
    pub(super) fn statistics(&mut self, now: u64) -> Vec<PoolStatistics> {
        let mut busy = vec![0; self.pools.len()];
        for held in self.leases.values() {
            let age = u128::from(now - held.since);
            held.needs.as_slice().iter().for_each(|(pool, slots)| busy[*pool as usize] += age * u128::from(*slots));
        }
        let of = |(pool, busy): (&mut State, u128)| pool.tally.statistics(now, &pool.spec, pool.queue.len(), busy);
        self.pools.iter_mut().zip(busy).map(of).collect()
    }
}
