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

use workers::packages::confined::CONFINED;

fn main() -> ExitCode {
    // A runner must be up within milliseconds: nothing is parsed, read or started before it.
    if std::env::args_os().nth(1).is_some_and(|word| word == "runner") {
        return cli::runner::main();
    }
    if std::env::args_os().nth(1).is_some_and(|word| word == CONFINED) {
        return cli::confined::main();
    }
    cli::main()
}
