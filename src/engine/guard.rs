//! What guards shared state: threads' own mutex, or that of a model checker, which tries the orders in which threads may meet.

use parking_lot::Mutex;

/// A family of guards.
pub trait Guarding: 'static {
    /// Guard of a value.
    type Of<T: Send + 'static>: Guard<T>;
}

/// Guards a value.
pub trait Guard<T>: Send + Sync + 'static {
    /// Guards it.
    fn new(value: T) -> Self;
    /// Acts on it while nobody else does.
    fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R;
}

/// A mutex of threads, which nothing that panics under it makes useless: what is guarded here is left whole, as callers' code does
/// not run under the guard.
#[derive(Clone, Copy, Debug)]
pub enum Threads {}

impl Guarding for Threads {
    type Of<T: Send + 'static> = Mutex<T>;
}

impl<T: Send + 'static> Guard<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    #[inline]
    fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.lock())
    }
}
