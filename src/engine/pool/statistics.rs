//! What pools were used for, counted exactly, and what follows for their size.

use super::PoolSpec;
use crate::model::Text;
use hdrhistogram::Histogram;
use std::time::Duration;

/// Significant figures of histograms: 1 % is finer than waits repeat themselves.
const FIGURES: u8 = 2;
/// Longest time that histograms tell apart: a day.
const LONGEST_NS: u64 = 86_400 * 1_000_000_000;
/// Share of the time a holder takes that a request may wait on average before more slots are advised.
const MUCH_WAITING: f64 = 0.1;
/// Share of time-outs among requests from which on more slots are advised.
const MANY_TIMEOUTS: f64 = 0.01;
/// Grants without which nothing is advised.
const MIN_GRANTS: u64 = 30;

/// Size of a line of the processor's cache. Where threads take turns, each line that both write costs as much as all else of a turn.
const LINE: usize = 64;

/// What each grant and each return of slots changes, in one line.
#[repr(C, align(64))]
pub(super) struct Usage {
    /// Slots there are.
    pub(super) capacity: u32,
    /// Of these, held.
    pub(super) held: u32,
    pub(super) requests: u64,
    /// Grants without waiting that are not in `waits` yet.
    at_once: u64,
    peak_held: u32,
    held_ns: u128,
    /// Slots of leases that were given back, times the nanoseconds for which they were held.
    busy: u128,
}

const _: () = assert!(size_of::<Usage>() == LINE && size_of::<Recent>() == LINE);

/// Holds that are not in their histogram yet, whose counts lie in many lines.
#[repr(C, align(64))]
#[derive(Default)]
struct Recent {
    count: u32,
    nanos: [u32; LINE / size_of::<u32>() - 1],
}

/// Counters of a pool.
#[repr(C)]
pub(super) struct Tally {
    pub(super) usage: Usage,
    recent: Recent,
    pub(super) timeouts: u64,
    pub(super) cancels: u64,
    pub(super) rejected: u64,
    pub(super) reclaimed: u64,
    pub(super) peak_waiting: usize,
    waits: Histogram<u64>,
    holds: Histogram<u64>,
    waited_ns: u128,
    /// Slots that there were, times nanoseconds, until `until`.
    there: u128,
    since: u64,
    until: u64,
}

impl Tally {
    pub(super) fn new(now: u64, capacity: u32) -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, LONGEST_NS, FIGURES).expect("the bounds are constants that fit");
        Self {
            usage: Usage { capacity, held: 0, requests: 0, at_once: 0, peak_held: 0, held_ns: 0, busy: 0 },
            recent: Recent::default(),
            timeouts: 0,
            cancels: 0,
            rejected: 0,
            reclaimed: 0,
            peak_waiting: 0,
            waits: histogram(),
            holds: histogram(),
            waited_ns: 0,
            there: 0,
            since: now,
            until: now,
        }
    }

    /// Slots that are free.
    #[inline]
    pub(super) fn free(&self) -> u32 {
        self.usage.capacity.saturating_sub(self.usage.held)
    }

    /// Time went by with as many slots as there are.
    fn there(&mut self, now: u64) {
        self.there += u128::from(now - self.until) * u128::from(self.usage.capacity);
        self.until = now;
    }

    pub(super) fn resized(&mut self, now: u64, capacity: u32) {
        self.there(now);
        self.usage.capacity = capacity;
    }

    #[inline]
    pub(super) fn granted(&mut self, slots: u32, waited: u64) {
        let usage = &mut self.usage;
        usage.held += slots;
        usage.peak_held = usage.peak_held.max(usage.held);
        if waited == 0 {
            usage.at_once += 1;
        } else {
            self.waited_ns += u128::from(waited);
            self.waits.saturating_record(waited);
        }
    }

    #[inline]
    pub(super) fn released(&mut self, slots: u32, held: u64) {
        self.usage.held -= slots;
        self.usage.held_ns += u128::from(held);
        self.usage.busy += u128::from(held) * u128::from(slots);
        match u32::try_from(held) {
            Ok(nanos) => {
                if self.recent.count as usize == self.recent.nanos.len() {
                    self.settle();
                }
                self.recent.nanos[self.recent.count as usize] = nanos;
                self.recent.count += 1;
            }
            // More than four seconds: rare enough.
            Err(_) => self.holds.saturating_record(held),
        }
    }

    #[cold]
    fn settle(&mut self) {
        let count = std::mem::take(&mut self.recent.count) as usize;
        self.recent.nanos[..count].iter().for_each(|nanos| self.holds.saturating_record(u64::from(*nanos)));
    }

    /// What was counted; `busy` are the slots of leases that are held still, times the nanoseconds for which they have been.
    pub(super) fn statistics(&mut self, now: u64, spec: &PoolSpec, waiting: usize, busy: u128) -> PoolStatistics {
        self.there(now);
        self.settle();
        self.waits.saturating_record_n(0, std::mem::take(&mut self.usage.at_once));
        let Usage { capacity, held, requests, peak_held, held_ns, .. } = self.usage;
        let wait = Times::of(&self.waits, self.waited_ns);
        PoolStatistics {
            name: spec.name.clone(),
            slots: capacity,
            held,
            waiting,
            requests,
            grants: wait.count,
            timeouts: self.timeouts,
            cancels: self.cancels,
            rejected: self.rejected,
            reclaimed: self.reclaimed,
            peak_held,
            peak_waiting: self.peak_waiting,
            wait,
            hold: Times::of(&self.holds, held_ns),
            efficiency: (self.there > 0).then(|| (self.usage.busy + busy) as f64 / self.there as f64),
            observed: Duration::from_nanos(self.until - self.since),
        }
    }
}

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How often it was measured.
    pub count: u64,
    /// Mean, exact.
    pub mean: Duration,
    /// Median; this and what follows to 1 %.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// Longest.
    pub max: Duration,
}

impl Times {
    fn of(histogram: &Histogram<u64>, sum: u128) -> Self {
        let count = histogram.len();
        let at = |quantile: f64| Duration::from_nanos(histogram.value_at_quantile(quantile));
        Self {
            count,
            mean: Duration::from_nanos(u64::try_from(sum / u128::from(count.max(1))).unwrap_or(u64::MAX)),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: Duration::from_nanos(histogram.max()),
        }
    }
}

/// Statistics of a pool. `requests` = `grants` + `timeouts` + `cancels` + `rejected` + `waiting`, always; a request for several
/// pools counts in each of them. A grant that its waiter did not live to take is a grant, and was given back at once.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolStatistics {
    /// Name.
    pub name: Text,
    /// Slots there are.
    pub slots: u32,
    /// Of these, held now; more than there are after the pool became smaller.
    pub held: u32,
    /// Requests that wait now.
    pub waiting: usize,
    /// Requests in all.
    pub requests: u64,
    /// Granted.
    pub grants: u64,
    /// Given up because their time was up.
    pub timeouts: u64,
    /// Given up by whoever made them.
    pub cancels: u64,
    /// Refused at once: too wide, nothing free and not to wait, too many waiting, a deadlock.
    pub rejected: u64,
    /// Leases that were taken back.
    pub reclaimed: u64,
    /// Most slots held at a time.
    pub peak_held: u32,
    /// Most requests waiting at a time.
    pub peak_waiting: usize,
    /// From request to grant.
    pub wait: Times,
    /// From grant to release.
    pub hold: Times,
    /// Share of the slots' time in which they were held; `None` before time went by.
    pub efficiency: Option<f64>,
    /// Time that this is about.
    pub observed: Duration,
}

/// What to do about a pool's size.
#[derive(Clone, Debug, PartialEq)]
pub enum Advice {
    /// More slots, about so many: requests wait long, or in vain.
    More {
        /// Slots of which few would have to wait.
        slots: u32,
        /// Share of requests that timed out.
        timeouts: f64,
        /// Mean wait over mean hold.
        wait_share: f64,
    },
    /// Fewer slots: no more than `slots` were ever held at a time.
    Fewer {
        /// Most that were held.
        slots: u32,
    },
    /// As it is.
    Keep,
    /// Too few grants to say.
    Unknown {
        /// Grants that were seen.
        grants: u64,
    },
}

impl PoolStatistics {
    /// What to do about its size. More slots: as many as let a request wait for less than a tenth of a hold on average, were the
    /// requests to come by chance at the mean rate seen (M/M/c queue, Erlang 1917).
    #[must_use]
    pub fn advice(&self) -> Advice {
        if self.grants < MIN_GRANTS || self.observed.is_zero() {
            return Advice::Unknown { grants: self.grants };
        }
        let hold = self.hold.mean.as_secs_f64().max(1e-9);
        let wait_share = self.wait.mean.as_secs_f64() / hold;
        let timeouts = self.timeouts as f64 / self.requests as f64;
        if wait_share > MUCH_WAITING || timeouts > MANY_TIMEOUTS {
            let load = (self.grants + self.timeouts) as f64 / self.observed.as_secs_f64() * hold;
            return Advice::More { slots: slots_for(load).max(self.slots + 1), timeouts, wait_share };
        }
        if self.peak_held < self.slots && self.waiting == 0 {
            return Advice::Fewer { slots: self.peak_held };
        }
        Advice::Keep
    }
}

/// Fewest slots with which the mean wait is below [`MUCH_WAITING`] holds; `load` in erlangs.
fn slots_for(load: f64) -> u32 {
    // Erlang B by its recursion over the slots, from it Erlang C.
    let mut blocked = 1.0;
    for slots in 1..=100_000_u32 {
        blocked = load * blocked / (f64::from(slots) + load * blocked);
        let spare = f64::from(slots) - load;
        let waits = f64::from(slots) * blocked / (f64::from(slots) - load * (1.0 - blocked));
        if spare > 0.0 && waits / spare <= MUCH_WAITING {
            return slots;
        }
    }
    100_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_erlang() {
        // Textbook values: 10 erlangs on 14 slots, C = 0.1741, mean wait 0.0435 holds; on 13, C = 0.2853, 0.0951 holds; on 12, 0.2249.
        assert_eq!((slots_for(10.0), slots_for(0.0)), (13, 1));
        assert!(slots_for(0.5) == 2 && slots_for(100.0) > 100);
    }
}
