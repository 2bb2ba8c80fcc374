//! What the C library's allocator holds, and giving back what it does not need. Of glibc only; elsewhere nothing is known.

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
    #[expect(
        unsafe_code,
        reason = "glibc tells this through a C function only, which takes nothing and returns plain numbers"
    )]
    let info = unsafe { libc::mallinfo2() };
    Some(AllocatorStatistics { in_use: (info.uordblks + info.hblkhd) as u64, free: info.fordblks as u64 })
}

/// Gives memory that is free back to the system; whether there was any.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() -> bool {
    #[expect(unsafe_code, reason = "a C function only, which touches nothing that is in use")]
    let released = unsafe { libc::malloc_trim(0) };
    released == 1
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
