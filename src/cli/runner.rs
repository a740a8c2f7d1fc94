//! `runner`: this process becomes a runner; its socket is its standard input.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use scripts::jail::{self, Allowance};
use workers::runners::{NO_JAIL, WITHOUT_JAIL};

/// Locks itself up, then serves the engine on standard input until it hangs up.
pub fn main() -> ExitCode {
    // Process lists show this name instead of `exe`; without /proc there is nothing to rename.
    let _ = std::fs::write("/proc/self/comm", "tidegate-runner");
    let free = std::env::args_os().nth(2).is_some_and(|word| word == WITHOUT_JAIL);
    if !free && let Err(error) = jail::enter(Allowance::default()) {
        eprintln!("runner: no jail: {error}");
        return ExitCode::from(NO_JAIL);
    }
    let served = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|socket| scripts::runner::serve(UnixStream::from(socket)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("runner: {error}");
            ExitCode::FAILURE
        }
    }
}
