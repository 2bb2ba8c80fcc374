//! Admission by memory: work says how many bytes it will need, and waits until there is room for them.
//!
//! What is promised to work that has been let in counts, whether it has taken it yet or not: what a probe reads lags behind. So the
//! memory in use is steered to [`Settings::target`], not noticed above it.

use super::{Probe, Reading, give_back};
use crate::{
    engine::{
        blocking::nanos,
        guard::{Guard, Guarding, Threads},
    },
    model::Clock,
};
use std::{
    collections::VecDeque,
    sync::Arc,
    thread::{self, Thread},
    time::Duration,
};

/// What a controller goes by; shares are of the limit that is nearest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Share that admissions are steered to. Default 0.6.
    pub target: f64,
    /// Share below which admissions go on once they had to pause. Default 0.55.
    pub resume: f64,
    /// Share from which warnings are counted. Default 0.7.
    pub warning: f64,
    /// Share from which everything that can be freed is freed, and nothing is admitted. Default 0.8.
    pub emergency: f64,
    /// Longest pause before it is looked again, and what can be freed is freed. Default 10 s.
    pub longest_pause: Duration,
    /// Items of a chunk. Default 1,000.
    pub chunk: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: 0.6,
            resume: 0.55,
            warning: 0.7,
            emergency: 0.8,
            longest_pause: Duration::from_secs(10),
            chunk: 1000,
        }
    }
}

/// How long a reading is good for: reading takes some tens of microseconds.
const FRESH: u64 = 2_000_000;
/// How soon it is looked again during a pause, should nobody say that memory was given back.
const LOOK_AGAIN: u64 = 20_000_000;

/// Work that needs more memory than it can ever have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are needed; of {limit} there are {free} below the emergency line when nothing else runs")]
pub struct TooLarge {
    /// Bytes needed.
    pub bytes: u64,
    /// Bytes there are in all.
    pub limit: u64,
    /// Bytes that can be had.
    pub free: u64,
}

/// What a controller did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ControlStatistics {
    /// Work let in.
    pub admitted: u64,
    /// Of it, let in above the target since nothing else ran: else it would have waited for ever.
    pub above_target: u64,
    /// Work refused.
    pub refused: u64,
    /// Times that work had to pause.
    pub pauses: u64,
    /// Nanoseconds of all pauses.
    pub paused_ns: u64,
    /// Longest pause of a piece of work, in nanoseconds.
    pub longest_pause_ns: u64,
    /// Readings at or above the warning share, counted when it is passed.
    pub warnings: u64,
    /// Times that all that can be freed was freed.
    pub cleanups: u64,
    /// Of these, at or above the emergency line.
    pub emergencies: u64,
    /// Largest share read.
    pub highest: f64,
}

/// Frees what can be done without.
type Cleanup = Box<dyn FnMut() + Send>;

/// Lets work in as there is memory for it. Clones are the same controller.
pub struct Controller<G: Guarding = Threads> {
    inner: Arc<Inner<G>>,
}

impl<G: Guarding> Clone for Controller<G> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

struct Inner<G: Guarding> {
    settings: Settings,
    probe: Arc<dyn Probe>,
    clock: Arc<dyn Clock>,
    state: G::Of<State>,
    cleanups: G::Of<Vec<Cleanup>>,
}

#[derive(Default)]
struct State {
    /// Promised to work that runs.
    promised: u64,
    running: u64,
    /// In use when nothing ran.
    base: u64,
    /// Paused, and not yet below the share to resume at.
    held: bool,
    warned: bool,
    /// Who waits, in the order of coming.
    waiting: VecDeque<(u64, Thread)>,
    next: u64,
    last: Option<(u64, Reading)>,
    statistics: ControlStatistics,
}

/// Memory promised to a piece of work, until this is dropped.
pub struct Admission<G: Guarding = Threads> {
    inner: Arc<Inner<G>>,
    bytes: u64,
}

enum Verdict {
    Admit {
        above_target: bool,
    },
    Wait,
    /// Wait, once what can be freed was freed.
    CleanUp {
        emergency: bool,
    },
    Refuse(TooLarge),
}

impl<G: Guarding> Controller<G> {
    /// A controller.
    #[must_use]
    pub fn new(settings: Settings, probe: Arc<dyn Probe>, clock: Arc<dyn Clock>) -> Self {
        let inner =
            Inner { settings, probe, clock, state: Guard::new(State::default()), cleanups: Guard::new(Vec::new()) };
        Self { inner: Arc::new(inner) }
    }

    /// What can be freed when memory is short: caches, pools.
    pub fn on_cleanup(&self, cleanup: impl FnMut() + Send + 'static) {
        self.inner.cleanups.with(|all| all.push(Box::new(cleanup)));
    }

    /// Share of the limit in use; `None` where it cannot be told.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.inner.state.with(|state| self.inner.read(state, true)).map(|reading| reading.share())
    }

    /// Bytes below the target that are not in use; `None` where it cannot be told.
    #[must_use]
    pub fn room(&self) -> Option<u64> {
        let reading = self.inner.state.with(|state| self.inner.read(state, true))?;
        Some(((self.inner.settings.target * reading.limit as f64) as u64).saturating_sub(reading.used))
    }

    /// What it did.
    #[must_use]
    pub fn statistics(&self) -> ControlStatistics {
        self.inner.state.with(|state| state.statistics)
    }

    /// Waits until there is memory for so many bytes, in the order of coming. What runs alone is let in above the target, as far as
    /// the emergency line: nothing else here will give memory back. Whoever holds one admission and asks for another waits for itself.
    ///
    /// # Errors
    /// Where there would not be so much even then, or others on the machine keep it for [`Settings::longest_pause`].
    pub fn admit(&self, bytes: u64) -> Result<Admission<G>, TooLarge> {
        let inner = &self.inner;
        let ticket = inner.state.with(|state| {
            state.next += 1;
            state.waiting.push_back((state.next, thread::current()));
            state.next
        });
        // Whoever panics on the way, in a cleanup say, makes way.
        let waits = Waits { inner, ticket };
        let mut began: Option<u64> = None;
        let mut cleaned: Option<u64> = None;
        loop {
            let now = inner.clock.nanos();
            let may_clean = cleaned.is_none_or(|at| now.saturating_sub(at) >= inner.longest_pause());
            let waited = began.is_some_and(|at: u64| now.saturating_sub(at) >= inner.longest_pause());
            let verdict = inner.state.with(|state| inner.judge(state, ticket, bytes, may_clean, waited));
            match verdict {
                Verdict::Admit { above_target } => {
                    drop(waits);
                    inner.count(|statistics| {
                        statistics.admitted += 1;
                        statistics.above_target += u64::from(above_target);
                        if let Some(began) = began {
                            let paused = inner.clock.nanos().saturating_sub(began);
                            statistics.paused_ns += paused;
                            statistics.longest_pause_ns = statistics.longest_pause_ns.max(paused);
                        }
                    });
                    return Ok(Admission { inner: inner.clone(), bytes });
                }
                Verdict::Refuse(why) => {
                    drop(waits);
                    inner.count(|statistics| statistics.refused += 1);
                    return Err(why);
                }
                Verdict::CleanUp { emergency } => {
                    cleaned = Some(now);
                    inner.clean_up(emergency);
                }
                Verdict::Wait => {
                    if began.is_none() {
                        began = Some(now);
                        inner.state.with(|state| state.statistics.pauses += 1);
                    }
                    inner.clock.park_until(now + LOOK_AGAIN.min(inner.longest_pause()));
                }
            }
        }
    }

    /// Items in chunks of [`Settings::chunk`] at most, each with the memory that its items need, as `bytes` tells.
    pub fn chunks<I: Iterator>(
        &self,
        items: I,
        bytes: impl FnMut(&I::Item) -> u64,
    ) -> Chunks<I, impl FnMut(&I::Item) -> u64, G> {
        Chunks { controller: self.clone(), items: items.peekable(), bytes }
    }
}

impl<G: Guarding> Inner<G> {
    fn longest_pause(&self) -> u64 {
        nanos(self.settings.longest_pause)
    }

    fn read(&self, state: &mut State, anew: bool) -> Option<Reading> {
        let now = self.clock.nanos();
        if let Some((at, reading)) = state.last.filter(|(at, _)| !anew && now.saturating_sub(*at) < FRESH) {
            state.last = Some((at, reading));
            return Some(reading);
        }
        let reading = self.probe.read()?;
        state.last = Some((now, reading));
        let share = reading.share();
        state.statistics.highest = state.statistics.highest.max(share);
        state.statistics.warnings += u64::from(share >= self.settings.warning && !state.warned);
        state.warned = share >= self.settings.warning;
        Some(reading)
    }

    fn judge(&self, state: &mut State, ticket: u64, bytes: u64, may_clean: bool, waited: bool) -> Verdict {
        if state.waiting.front().is_some_and(|(first, _)| *first != ticket) {
            return Verdict::Wait;
        }
        let Some(reading) = self.read(state, state.held) else {
            // Where nothing is known nothing can be steered.
            state.admit(bytes);
            return Verdict::Admit { above_target: false };
        };
        if state.running == 0 {
            state.base = reading.used;
        }
        let limit = reading.limit as f64;
        let expected = reading.used.max(state.base.saturating_add(state.promised)).saturating_add(bytes) as f64;
        if reading.share() >= self.settings.emergency && may_clean {
            return Verdict::CleanUp { emergency: true };
        }
        let line = if state.held { self.settings.resume } else { self.settings.target };
        if expected <= line * limit {
            state.held = false;
            state.admit(bytes);
            return Verdict::Admit { above_target: false };
        }
        state.held = true;
        if state.running > 0 {
            return Verdict::Wait;
        }
        if may_clean {
            return Verdict::CleanUp { emergency: false };
        }
        if expected <= self.settings.emergency * limit {
            state.held = false;
            state.admit(bytes);
            return Verdict::Admit { above_target: expected > self.settings.target * limit };
        }
        // Somebody else may give memory back: it is waited for, but not for ever.
        if bytes as f64 <= self.settings.emergency * limit && !waited {
            return Verdict::Wait;
        }
        let free = (self.settings.emergency * limit) as u64;
        Verdict::Refuse(TooLarge { bytes, limit: reading.limit, free: free.saturating_sub(reading.used) })
    }

    fn count(&self, count: impl FnOnce(&mut ControlStatistics)) {
        self.state.with(|state| count(&mut state.statistics));
    }

    fn clean_up(&self, emergency: bool) {
        self.cleanups.with(|all| all.iter_mut().for_each(|cleanup| cleanup()));
        give_back();
        self.state.with(|state| {
            state.last = None;
            state.statistics.cleanups += 1;
            state.statistics.emergencies += u64::from(emergency);
        });
    }
}

/// A place in the line, until it is dropped.
struct Waits<'a, G: Guarding> {
    inner: &'a Inner<G>,
    ticket: u64,
}

impl<G: Guarding> Drop for Waits<'_, G> {
    fn drop(&mut self) {
        let next = self.inner.state.with(|state| {
            state.waiting.retain(|(waits, _)| *waits != self.ticket);
            state.waiting.front().map(|(_, thread)| thread.clone())
        });
        if let Some(next) = next {
            next.unpark();
        }
    }
}

impl State {
    fn admit(&mut self, bytes: u64) {
        self.promised += bytes;
        self.running += 1;
    }
}

impl<G: Guarding> Drop for Admission<G> {
    fn drop(&mut self) {
        let next = self.inner.state.with(|state| {
            state.promised -= self.bytes;
            state.running -= 1;
            // What was read before is no longer so.
            state.last = None;
            state.waiting.front().map(|(_, thread)| thread.clone())
        });
        if let Some(next) = next {
            next.unpark();
        }
    }
}

/// Items in chunks, as there is memory for them.
pub struct Chunks<I: Iterator, F, G: Guarding = Threads> {
    controller: Controller<G>,
    items: std::iter::Peekable<I>,
    bytes: F,
}

impl<I: Iterator, F: FnMut(&I::Item) -> u64, G: Guarding> Iterator for Chunks<I, F, G> {
    /// The items with the memory they need; or those for which there is none.
    type Item = Result<(Vec<I::Item>, Admission<G>), (Vec<I::Item>, TooLarge)>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.items.next()?;
        let mut bytes = (self.bytes)(&first);
        let settings = &self.controller.inner.settings;
        // A chunk by itself is to leave room for others: a quarter of what there is.
        let most = self.controller.inner.state.with(|state| self.controller.inner.read(state, false));
        let most = most.map_or(u64::MAX, |reading| {
            (settings.target * reading.limit as f64).max(reading.used as f64) as u64 - reading.used
        }) / 4;
        let mut chunk = vec![first];
        while chunk.len() < settings.chunk {
            let Some(item) = self.items.peek() else { break };
            let more = bytes.saturating_add((self.bytes)(item));
            if more > most {
                break;
            }
            bytes = more;
            chunk.extend(self.items.next());
        }
        match self.controller.admit(bytes) {
            Ok(admission) => Some(Ok((chunk, admission))),
            Err(why) => Some(Err((chunk, why))),
        }
    }
}
