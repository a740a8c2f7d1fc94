//! The C library's allocator, which would read a file to learn how many cores there are.

#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "`mallopt` is a call of the C library"))]

/// Areas that threads allocate from side by side; each reserves 64 MiB of address space.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 8;

/// Tells the allocator what it would look up.
pub(super) fn settle() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number of the allocator; there is no memory involved, and any thread may call it.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}
