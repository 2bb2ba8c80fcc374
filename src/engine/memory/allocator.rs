//! What the C library's allocator holds, and giving back what it does not need. Of glibc only; elsewhere nothing is known.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use crate::engine::c_library::{allocated, trim};

/// Bytes that the allocator has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocatorStatistics {
    /// Handed out.
    pub in_use: u64,
    /// Kept for later.
    pub free: u64,
}

/// What the allocator holds.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[must_use]
pub fn allocator_statistics() -> Option<AllocatorStatistics> {
    let (in_use, free) = allocated();
    Some(AllocatorStatistics { in_use, free })
}

/// Gives memory that is free back to the system; whether there was any.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() -> bool {
    trim()
}

/// What the allocator holds: not known here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
#[must_use]
pub fn allocator_statistics() -> Option<AllocatorStatistics> {
    None
}

/// Gives memory that is free back to the system: not possible here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() -> bool {
    false
}
