//! Time that passes, as opposed to instants of a history.

/// A clock that never goes back. Who waits, ages or expires is handed one, so that a test, or a replay in virtual time, can hold
/// it.
pub trait Clock: Send + Sync {
    /// Nanoseconds since an origin of the clock's own.
    fn nanos(&self) -> u64;

    /// Lets this thread rest until that time, or until it is unparked; it may come back earlier.
    fn park_until(&self, nanos: u64);
}
