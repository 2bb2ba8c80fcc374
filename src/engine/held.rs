//! A clock for tests.

use crate::model::Clock;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A clock that stands until it is moved.
#[derive(Default)]
pub(in crate::engine) struct Held(AtomicU64);

impl Held {
    pub(in crate::engine) fn forward(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for Held {
    fn nanos(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// A millisecond goes by.
    fn park_until(&self, _: u64) {
        self.forward(Duration::from_millis(1));
        std::thread::yield_now();
    }
}

/// The machine's own, for tests of threads.
pub(in crate::engine) struct Wall(quanta::Instant);

impl Wall {
    pub(in crate::engine) fn start() -> std::sync::Arc<dyn Clock> {
        std::sync::Arc::new(Self(quanta::Instant::now()))
    }
}

impl Clock for Wall {
    fn nanos(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn park_until(&self, nanos: u64) {
        std::thread::park_timeout(Duration::from_nanos(nanos.saturating_sub(self.nanos())));
    }
}
