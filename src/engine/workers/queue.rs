//! A bounded queue with priorities: whoever is more urgent goes first, but nobody waits for ever.

use crate::engine::guard::{Guard, Guarding, Threads};
use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// How urgent a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// First.
    High,
    /// As usual.
    #[default]
    Normal,
    /// Last.
    Low,
}

/// How many places of the queue one level of priority is worth: a task is passed by those of the next level that come within as
/// many pushes after it, and by none that come later. So it waits for no more than twice that many tasks beyond those before it.
pub(super) const PLACES_A_LEVEL: u64 = 100;

/// What a queue did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStatistics {
    /// Let in.
    pub pushed: u64,
    /// Taken out.
    pub popped: u64,
    /// Not let in: full, or closed.
    pub refused: u64,
    /// Most at a time.
    pub most: usize,
    /// Now.
    pub length: usize,
}

/// A queue. Clones are the same queue.
pub struct Queue<T: Send + 'static, G: Guarding = Threads> {
    state: Arc<G::Of<State<T>>>,
}

impl<T: Send + 'static, G: Guarding> Clone for Queue<T, G> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone() }
    }
}

struct State<T> {
    /// By turn, then in the order of coming.
    items: BTreeMap<(u64, u64), T>,
    capacity: usize,
    closed: bool,
    pushes: u64,
    poppers: Sleepers,
    pushers: Sleepers,
    statistics: QueueStatistics,
    #[cfg(test)]
    fault: Fault,
}

/// A fault that a test plants.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// Whoever was woken and gives up wakes nobody in its place.
    GivenUpWakesNobody,
    /// A push wakes only where the queue was empty.
    WakesWhenEmptyOnly,
    /// Closing wakes one only.
    ClosingWakesOne,
}

/// Those that sleep, in the order in which they are woken.
#[derive(Default)]
struct Sleepers {
    asleep: VecDeque<(u64, Waker)>,
    next: u64,
}

impl Sleepers {
    /// Sleeps; `at` is the place of one that sleeps already or was woken.
    fn sleep(&mut self, at: &mut Option<u64>, waker: &Waker) {
        if let Some(key) = at
            && let Some((_, known)) = self.asleep.iter_mut().find(|(asleep, _)| asleep == key)
        {
            known.clone_from(waker);
            return;
        }
        self.next += 1;
        *at = Some(self.next);
        self.asleep.push_back((self.next, waker.clone()));
    }

    /// The one that slept longest.
    fn wake(&mut self) -> Option<Waker> {
        self.asleep.pop_front().map(|(_, waker)| waker)
    }

    /// Sleeps no more; whether it slept still.
    fn rise(&mut self, key: u64) -> bool {
        let before = self.asleep.len();
        self.asleep.retain(|(asleep, _)| *asleep != key);
        self.asleep.len() < before
    }
}

/// Why something was not let in: it comes back.
#[derive(Debug, PartialEq, Eq)]
pub enum NotQueued<T> {
    /// The queue is full.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

impl<T: Send + 'static, G: Guarding> Queue<T, G> {
    /// A queue for so many.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let state = State {
            items: BTreeMap::new(),
            capacity: capacity.max(1),
            closed: false,
            pushes: 0,
            poppers: Sleepers::default(),
            pushers: Sleepers::default(),
            statistics: QueueStatistics::default(),
            #[cfg(test)]
            fault: Fault::None,
        };
        Self { state: Arc::new(Guard::new(state)) }
    }

    /// Lets one in if there is room.
    ///
    /// # Errors
    /// Where there is none, or the queue is closed.
    pub fn try_push(&self, item: T, priority: Priority) -> Result<(), NotQueued<T>> {
        let (result, wake) = self.state.with(|state| match state.push(item, priority) {
            Ok(wake) => (Ok(()), wake),
            Err(refused) => {
                state.statistics.refused += 1;
                (Err(refused), None)
            }
        });
        wake.into_iter().for_each(Waker::wake);
        result
    }

    /// Lets one in once there is room; an error is the item that came to a closed queue.
    pub fn push(&self, item: T, priority: Priority) -> Push<T, G> {
        Push { queue: self.clone(), item: Some(item), priority, at: None }
    }

    /// Takes the next one once there is one; `None` once the queue is closed and empty.
    pub fn pop(&self) -> Pop<T, G> {
        Pop { queue: self.clone(), at: None, done: false }
    }

    /// Takes the next one if there is one.
    #[must_use]
    pub fn try_pop(&self) -> Option<T> {
        let (item, wake) = self.state.with(State::pop)?;
        wake.into_iter().for_each(Waker::wake);
        Some(item)
    }

    /// Lets nobody in any more; what is in it can be taken still.
    pub fn close(&self) {
        let wakes: Vec<Waker> = self.state.with(|state| {
            state.closed = true;
            #[cfg(test)]
            if state.fault == Fault::ClosingWakesOne {
                return state.poppers.wake().into_iter().collect();
            }
            let all = state.poppers.asleep.drain(..).chain(state.pushers.asleep.drain(..));
            all.map(|(_, waker)| waker).collect()
        });
        wakes.into_iter().for_each(Waker::wake);
    }

    /// What it did.
    #[must_use]
    pub fn statistics(&self) -> QueueStatistics {
        self.state.with(|state| QueueStatistics { length: state.items.len(), ..state.statistics })
    }

    #[cfg(test)]
    pub(super) fn plant(&self, fault: Fault) {
        self.state.with(|state| state.fault = fault);
    }
}

impl<T> State<T> {
    fn push(&mut self, item: T, priority: Priority) -> Result<Option<Waker>, NotQueued<T>> {
        if self.closed {
            return Err(NotQueued::Closed(item));
        }
        if self.items.len() >= self.capacity {
            return Err(NotQueued::Full(item));
        }
        self.pushes += 1;
        let turn = self.pushes + priority as u64 * PLACES_A_LEVEL;
        self.items.insert((turn, self.pushes), item);
        self.statistics.pushed += 1;
        self.statistics.most = self.statistics.most.max(self.items.len());
        #[cfg(test)]
        if self.fault == Fault::WakesWhenEmptyOnly && self.items.len() > 1 {
            return Ok(None);
        }
        Ok(self.poppers.wake())
    }

    fn pop(&mut self) -> Option<(T, Option<Waker>)> {
        let (_, item) = self.items.pop_first()?;
        self.statistics.popped += 1;
        Some((item, self.pushers.wake()))
    }

    fn gives_up_in_silence(&self) -> bool {
        #[cfg(test)]
        return self.fault == Fault::GivenUpWakesNobody;
        #[cfg(not(test))]
        false
    }
}

/// One that is to be let in. Dropped, it is not.
#[must_use = "nothing is let in before it is polled"]
pub struct Push<T: Send + 'static, G: Guarding = Threads> {
    queue: Queue<T, G>,
    item: Option<T>,
    priority: Priority,
    at: Option<u64>,
}

impl<T: Send + 'static, G: Guarding> Unpin for Push<T, G> {}

impl<T: Send + 'static, G: Guarding> Future for Push<T, G> {
    type Output = Result<(), T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(item) = self.item.take() else { return Poll::Pending };
        let (priority, mut at) = (self.priority, self.at);
        let queue = self.queue.clone();
        let (poll, back, wake) = queue.state.with(|state| match state.push(item, priority) {
            Ok(wake) => {
                at.take().map(|key| state.pushers.rise(key));
                (Poll::Ready(Ok(())), None, wake)
            }
            Err(NotQueued::Closed(item)) => {
                state.statistics.refused += 1;
                at = None;
                (Poll::Ready(Err(item)), None, None)
            }
            Err(NotQueued::Full(item)) => {
                state.pushers.sleep(&mut at, context.waker());
                (Poll::Pending, Some(item), None)
            }
        });
        (self.item, self.at) = (back, at);
        wake.into_iter().for_each(Waker::wake);
        poll
    }
}

impl<T: Send + 'static, G: Guarding> Push<T, G> {
    /// Gives up: the item comes back.
    #[must_use]
    pub fn give_up(mut self) -> Option<T> {
        self.item.take()
    }
}

impl<T: Send + 'static, G: Guarding> Drop for Push<T, G> {
    fn drop(&mut self) {
        let Some(key) = self.at.take() else { return };
        let wake = self.queue.state.with(|state| {
            let woken = !state.pushers.rise(key);
            // It was woken for room that somebody else may have now.
            if woken && state.items.len() < state.capacity { state.pushers.wake() } else { None }
        });
        wake.into_iter().for_each(Waker::wake);
    }
}

/// The next one, once there is one.
#[must_use = "nothing is taken before it is polled"]
pub struct Pop<T: Send + 'static, G: Guarding = Threads> {
    queue: Queue<T, G>,
    at: Option<u64>,
    done: bool,
}

impl<T: Send + 'static, G: Guarding> Future for Pop<T, G> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.done {
            return Poll::Ready(None);
        }
        let mut at = self.at;
        let queue = self.queue.clone();
        let (poll, wake) = queue.state.with(|state| match state.pop() {
            Some((item, wake)) => {
                at.take().map(|key| state.poppers.rise(key));
                (Poll::Ready(Some(item)), wake)
            }
            None if state.closed => {
                at = None;
                (Poll::Ready(None), None)
            }
            None => {
                state.poppers.sleep(&mut at, context.waker());
                (Poll::Pending, None)
            }
        });
        self.at = at;
        self.done = poll.is_ready();
        wake.into_iter().for_each(Waker::wake);
        poll
    }
}

impl<T: Send + 'static, G: Guarding> Drop for Pop<T, G> {
    fn drop(&mut self) {
        let Some(key) = self.at.take() else { return };
        let wake = self.queue.state.with(|state| {
            let woken = !state.poppers.rise(key);
            // It was woken for an item that somebody else is to take now.
            if woken && !state.items.is_empty() && !state.gives_up_in_silence() { state.poppers.wake() } else { None }
        });
        wake.into_iter().for_each(Waker::wake);
    }
}
