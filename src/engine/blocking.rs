//! Waiting on a thread, by a clock that a test may hold: for a future, or for a time.

use crate::model::Clock;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

/// A length in the clock's unit; one of centuries is as long as can be told.
pub(super) fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

/// Rests so many nanoseconds.
pub(super) fn rest(clock: &dyn Clock, length: u64) {
    let until = clock.nanos().saturating_add(length);
    while clock.nanos() < until {
        clock.park_until(until);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits until the future is done, or until that time of the clock: then `None`, and the future is as it was.
pub(super) fn wait_until<F: Future>(mut future: Pin<&mut F>, clock: &dyn Clock, deadline: u64) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        if clock.nanos() >= deadline {
            return None;
        }
        clock.park_until(deadline);
    }
}
