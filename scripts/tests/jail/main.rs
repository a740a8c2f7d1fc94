//! The jail from inside: a process that enters it and then makes one system call that its code would never make.
//!
//! Each probe is tried twice, by this same test binary as a child: free, to see that the call is a real one, and jailed.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod child;
mod confined;
mod probes;

use std::os::unix::process::ExitStatusExt;

use child::Child;
use probes::{Free, PROBES};

/// The signal that ends a process at a call that the filter does not know.
const SIGSYS: i32 = 31;

#[test]
fn no_probe_gets_through() {
    assert!(PROBES.len() >= 60, "{}", PROBES.len());
    let mut through = Vec::new();
    let (mut killed, mut refused) = (0, 0);
    let children: Vec<_> = PROBES.iter().map(|probe| (probe, Child::start(probe.name, true))).collect();
    for (probe, child) in children {
        let status = child.wait();
        match (status.signal(), status.code()) {
            (Some(SIGSYS), _) => killed += 1,
            // Said not to exist, so that the C library takes the call whose arguments can be read.
            (_, Some(libc::ENOSYS)) if probe.number == libc::SYS_clone3 => refused += 1,
            // Allocators ask as well, and go on.
            (_, Some(libc::EACCES)) if [libc::SYS_openat, libc::SYS_faccessat].contains(&probe.number) => refused += 1,
            _ => through.push(format!("{}: {status}", probe.name)),
        }
    }
    println!("{} probes: {killed} ended by the kernel, {refused} refused", PROBES.len());
    assert!(through.is_empty(), "{through:#?}");
}

/// What shows that the probes above prove something.
#[test]
fn outside_of_the_jail_probes_are_real_calls() {
    let tried = PROBES.iter().filter(|probe| probe.free != Free::Untried);
    let children: Vec<_> = tried.map(|probe| (probe, Child::start(probe.name, false))).collect();
    let mut wrong = Vec::new();
    let mut works = 0;
    for (probe, child) in children {
        let status = child.wait();
        let expected = match probe.free {
            Free::Works => status.code() == Some(0),
            Free::Fails => status.code().is_some_and(|code| code != 0),
            Free::Any => status.code().is_some(),
            Free::Untried => false,
        };
        works += usize::from(probe.free == Free::Works);
        if !expected {
            wrong.push(format!("{}: {status}", probe.name));
        }
    }
    println!("{works} of {} probes work outside", PROBES.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn threads_memory_time_and_chance_are_there() {
    let status = Child::start("needs", true).wait();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn memory_is_bounded() {
    let status = Child::start("hoard", true).wait();
    assert_eq!(status.code(), Some(0), "{status}");
}

/// Not a test: what a child of these tests does. Without its variable it has nothing to do.
#[test]
fn be_a_child() {
    child::main();
}
