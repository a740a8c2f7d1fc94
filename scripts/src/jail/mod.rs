//! The jail: what a runner process gives up before it holds anybody's code.
//!
//! A script that broke out of QuickJS would be native code in this process. It finds no file, no network, no other
//! process and no way to make code executable: one socket, memory, threads and the clock are all there is. Three walls,
//! each enough for most of it: resource limits, Landlock (files, ports, signals), and seccomp (a list of the system
//! calls that a runner needs; any other ends the process). A program that is not ours has a milder one: [`confine`].

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod denied;
#[cfg(target_os = "linux")]
mod landlock;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod seccomp;
#[cfg(target_os = "linux")]
mod settle;

#[cfg(target_os = "linux")]
pub use confine::{Confinement, confine};

/// What a jailed process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Address space, in bytes: stacks and heaps of all its runs, and what the allocator reserves.
    pub address_space_bytes: u64,
}

impl Default for Allowance {
    /// 16 GiB of address space: what the largest heaps of a full runner reserve. Each run's heap has its own, exact limit.
    fn default() -> Self {
        Self { address_space_bytes: 16 << 30 }
    }
}

/// How much of Landlock the kernel enforces; the other walls stand either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landlock {
    /// All that this build asks for.
    Full,
    /// Files at least; an older kernel knows no ports or signals.
    Partial,
    /// Nothing: the kernel is too old or was started without it.
    None,
}

/// Why there is no jail.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not on this system.
    #[error("the jail needs Linux on x86-64 or arm64")]
    Unsupported,
    /// The kernel refuses the filter of system calls.
    #[error("the kernel refuses the filter of system calls (seccomp): {0}")]
    Seccomp(String),
    /// The kernel refuses a resource limit.
    #[error("the limit of {0} cannot be set: {1}")]
    Limit(&'static str, std::io::Error),
}

/// Locks this process up, all its threads, for good; says what Landlock adds to the other walls. Call it before there is
/// anything to hide or to steal.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn enter(allowance: Allowance) -> Result<Landlock, Error> {
    settle::settle();
    limits::set(allowance)?;
    let landlock = landlock::enforce();
    seccomp::enforce()?;
    Ok(landlock)
}

/// There is no jail on this system.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn enter(_: Allowance) -> Result<Landlock, Error> {
    Err(Error::Unsupported)
}
