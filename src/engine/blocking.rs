//! A future waited for on a thread, by a clock that a test may hold.

use crate::model::Clock;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

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
