//! `runner`: this process becomes a runner; its socket is its standard input.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// Serves the engine on standard input until it hangs up.
pub fn main() -> ExitCode {
    // Process lists show this name instead of `exe`; without /proc there is nothing to rename.
    let _ = std::fs::write("/proc/self/comm", "tidegate-runner");
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
