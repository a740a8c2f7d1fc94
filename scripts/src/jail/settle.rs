//! What the C library would read from files later: how many cores its allocator should mind, and the local time zone.

#![expect(unsafe_code, reason = "calls of the C library")]

/// Areas that threads allocate from side by side; each reserves 64 MiB of address space.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 8;

/// Lets the C library look up what it needs, while it can.
pub(super) fn settle() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number of the allocator; there is no memory involved, and any thread may call it.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
    // SAFETY: both are there and as large as the call expects; `tm` is numbers and a pointer, for which zeros are fine.
    unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        libc::localtime_r(&0, &raw mut parts);
    }
}
