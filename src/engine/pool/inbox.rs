//! Where a waiter finds its answer: a place of its own, so that looking there holds up nobody who asks for slots or gives them back.

use super::{Refusal, core::LeaseKey};
use std::task::Waker;

/// What a waiter is told: once, by whoever holds the pools.
#[derive(Default)]
pub(super) struct Inbox {
    answer: Option<Result<LeaseKey, Refusal>>,
    waker: Option<Waker>,
}

/// What a waiter finds when it looks for its answer.
pub(super) enum Found {
    Answer(Result<LeaseKey, Refusal>),
    /// None yet; the waker that was there before, to be dropped.
    Nothing(Option<Waker>),
    /// None yet, and none that would wake it: it must bring one.
    WakerWanted,
}

impl Inbox {
    /// The answer, if there is one. Else `brought` is woken when there is; it is cloned where nobody holds the inbox.
    pub(super) fn look(&mut self, waker: &Waker, brought: Option<Waker>) -> Found {
        if let Some(answer) = self.answer.take() {
            return Found::Answer(answer);
        }
        match brought {
            Some(brought) => Found::Nothing(self.waker.replace(brought)),
            None if self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) => Found::Nothing(None),
            None => Found::WakerWanted,
        }
    }

    /// Puts the answer in; whom to wake.
    pub(super) fn tell(&mut self, answer: Result<LeaseKey, Refusal>) -> Option<Waker> {
        self.answer = Some(answer);
        self.waker.take()
    }

    /// The answer that its waiter did not take.
    pub(super) fn untaken(&mut self) -> Option<Result<LeaseKey, Refusal>> {
        self.answer.take()
    }

    /// Nobody waits any more: the waker that is not needed.
    pub(super) fn close(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}
