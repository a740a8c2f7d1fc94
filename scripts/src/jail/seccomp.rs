//! The filter of system calls: those of [`super::calls`] pass, any other ends the process.

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter_all_threads};

use super::{Error, calls};

/// Puts the filter on all threads; new ones inherit it.
pub(super) fn enforce() -> Result<(), Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| Error::Unsupported)?;
    let refused = |error: &dyn std::fmt::Display| Error::Seccomp(error.to_string());
    let allowed = calls::allowed().map_err(|error| refused(&error))?;
    // Where two filters answer differently, the stricter answer holds.
    for (rules, otherwise, then) in [
        (calls::absent(), SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.unsigned_abs())),
        (calls::refused(), SeccompAction::Allow, SeccompAction::Errno(libc::EACCES.unsigned_abs())),
        (allowed, SeccompAction::KillProcess, SeccompAction::Allow),
    ] {
        let filter = SeccompFilter::new(rules, otherwise, then, arch).map_err(|error| refused(&error))?;
        let program = BpfProgram::try_from(filter).map_err(|error| refused(&error))?;
        apply_filter_all_threads(&program).map_err(|error| refused(&error))?;
    }
    Ok(())
}
