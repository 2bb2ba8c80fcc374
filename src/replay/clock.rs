//! The clock of this machine.

use crate::model::Clock;
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// Time as it passes: monotonic, from when it was made.
#[derive(Debug)]
pub struct Wall(Instant);

impl Wall {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Arc<dyn Clock> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for Wall {
    fn nanos(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn park_until(&self, nanos: u64) {
        thread::park_timeout(Duration::from_nanos(nanos.saturating_sub(self.nanos())));
    }
}
