//! The guard of the model checker: where it is taken, threads change places.

use super::guard::{Guard, Guarding};
use shuttle::sync::Mutex;
use std::sync::PoisonError;

/// The family of guards that models are run with.
pub(super) enum Checked {}

impl Guarding for Checked {
    type Of<T: Send + 'static> = Mutex<T>;
}

impl<T: Send + 'static> Guard<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        // After a failure the checker unwinds all threads, and what they hold is given back while it does.
        act(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
