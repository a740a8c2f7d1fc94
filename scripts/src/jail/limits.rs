//! Resource limits, and what else a process says of itself.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::{Allowance, Error};

/// The socket, standard output and error, and a second handle of the socket; nothing is ever opened.
const OPEN_FILES: u64 = 16;

/// Sets the limits: memory, open files, no bytes into files, no core dump; and lets no other process look inside.
pub(super) fn set(allowance: Allowance) -> Result<(), Error> {
    // The first to go when the machine runs out of memory; without /proc the kernel's own order holds.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    for (what, resource, most) in [
        ("memory", Resource::As, allowance.address_space_bytes),
        ("open files", Resource::Nofile, OPEN_FILES),
        ("file sizes", Resource::Fsize, 0),
        ("core dumps", Resource::Core, 0),
    ] {
        limit(resource, most).map_err(|error| Error::Limit(what, error))?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| Error::Limit("core dumps", error.into()))
}

/// Sets both bounds, so that it can only be lowered; one that is lower already stays.
pub(super) fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let held = rustix::process::getrlimit(resource);
    let most = held.maximum.map_or(most, |held| held.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}
