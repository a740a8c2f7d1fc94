//! A jail for another program, which this process becomes: it reads one folder, writes another, and has no network.
//!
//! Such a program needs many more system calls than a runner, so here those are listed that it must not make.

use std::path::{Path, PathBuf};

use landlock::{
    Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
    path_beneath_rules,
};
use rustix::process::Resource;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter_all_threads};

use super::landlock::{RULES, kept};
use super::limits::limit;
use super::{Error, Landlock, denied};

/// The most bytes of one file that is written.
const FILE_BYTES: u64 = 256 << 20;
const OPEN_FILES: u64 = 1024;

/// What the program may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The one file that may be started.
    pub program: PathBuf,
    /// What may be read, with everything below it.
    pub reads: Vec<PathBuf>,
    /// The folder in which files may be made and written.
    pub writes: PathBuf,
    /// Address space, in bytes.
    pub address_space_bytes: u64,
}

/// Locks this process up for good, and what it becomes; says what Landlock adds. Starting the program is the caller's.
pub fn confine(confinement: &Confinement) -> Result<Landlock, Error> {
    // The first to go when the machine runs out of memory; without /proc the kernel's own order holds.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    for (what, resource, most) in [
        ("memory", Resource::As, confinement.address_space_bytes),
        ("open files", Resource::Nofile, OPEN_FILES),
        ("file sizes", Resource::Fsize, FILE_BYTES),
        ("core dumps", Resource::Core, 0),
    ] {
        limit(resource, most).map_err(|error| Error::Limit(what, error))?;
    }
    let landlock = wall(confinement);
    filter()?;
    Ok(landlock)
}

/// Files outside of the folders, ports, and signals to processes outside.
fn wall(confinement: &Confinement) -> Landlock {
    let files: [(Vec<&Path>, BitFlags<AccessFs>); 3] = [
        (vec![&confinement.program], AccessFs::Execute | AccessFs::ReadFile),
        (confinement.reads.iter().map(PathBuf::as_path).collect(), AccessFs::ReadFile | AccessFs::ReadDir),
        (
            vec![&confinement.writes],
            AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::Truncate,
        ),
    ];
    let created = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RULES))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(RULES)))
        .and_then(|rules| rules.scope(Scope::from_all(RULES)))
        .and_then(Ruleset::create);
    let opened = files.into_iter().fold(created, |rules, (paths, access)| {
        rules.and_then(|rules| rules.add_rules(path_beneath_rules(paths, access)))
    });
    kept(opened)
}

/// Network, other processes, mounts, and what opens the kernel wide.
fn filter() -> Result<(), Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| Error::Unsupported)?;
    let refused = |error: &dyn std::fmt::Display| Error::Seccomp(error.to_string());
    let mut programs = Vec::new();
    for (rules, errno) in
        [(denied::absent(), libc::ENOSYS), (denied::calls().map_err(|error| refused(&error))?, libc::EPERM)]
    {
        let then = SeccompAction::Errno(errno.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, then, arch).map_err(|error| refused(&error))?;
        programs.push(BpfProgram::try_from(filter).map_err(|error| refused(&error))?);
    }
    #[cfg(target_arch = "x86_64")]
    programs.push(denied::other_numbers());
    programs.iter().try_for_each(|program| apply_filter_all_threads(program)).map_err(|error| refused(&error))
}
