//! Calls of the C library for which there is no safe one: all `unsafe` code of the program.

/// Bytes that glibc's allocator has handed out, and that it keeps for later.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn allocated() -> (u64, u64) {
    #[expect(
        unsafe_code,
        reason = "glibc tells this through a C function only, which takes nothing and returns plain numbers"
    )]
    let info = unsafe { libc::mallinfo2() };
    ((info.uordblks + info.hblkhd) as u64, info.fordblks as u64)
}

/// Gives memory that is free back to the system; whether there was any.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn trim() -> bool {
    #[expect(unsafe_code, reason = "a C function only, which touches nothing that is in use")]
    let released = unsafe { libc::malloc_trim(0) };
    released == 1
}

/// Has this process killed when the thread that started it ends, even if it is stopped then. On Linux only.
pub fn end_with_the_parent() {
    #[cfg(target_os = "linux")]
    {
        #[expect(
            unsafe_code,
            reason = "a C function only, which keeps two numbers in the kernel and touches no memory"
        )]
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        // The parent may have gone before that was said.
        if std::os::unix::process::parent_id() == 1 {
            std::process::exit(1);
        }
    }
}
