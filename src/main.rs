//! The `tidegate` binary: one program, whose sub-commands are in [`cli`].

mod app;
mod cli;
mod config;
mod echo;
mod http;
mod logging;
mod metrics;
mod shutdown;

use std::process::ExitCode;

fn main() -> ExitCode {
    // A runner must be up within milliseconds: nothing is parsed, read or started before it.
    if std::env::args_os().nth(1).is_some_and(|word| word == "runner") {
        return cli::runner::main();
    }
    cli::main()
}
