//! The command line: one file per command, and what they share.

mod api_keys;
mod bulk;
mod client;
mod completions;
pub mod confined;
mod dead;
mod declarations;
mod deploy;
mod dev;
mod events;
mod examples;
mod explain;
mod failure;
mod folder;
mod hooks;
mod jobs;
mod keys;
mod limits;
mod local;
mod logs;
mod new;
mod plan;
mod run;
pub mod runner;
mod schedules;
mod secrets;
mod serve;
mod simulate;
mod sse;
mod store;
mod table;
mod terminal;
mod test;
mod verify;
mod welcome;

use std::future::Future;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use failure::Failure;

/// Runs people's JavaScript integrations at the right time: on schedules, later by key, on calls.
#[derive(Parser)]
#[command(name = "tidegate", version, max_term_width = 110, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Start here:
  tidegate serve --examples      a server with examples to try
  tidegate new hello             a first integration
  tidegate dev                   runs what is in this folder, and reloads it on every save

Exit codes: 0 done, 1 failed, 2 wrong usage or file, 3 not found, 4 not allowed, 10 changes (deploy --plan --exit-code,
simulate --against)";

#[derive(Subcommand)]
enum Command {
    /// Run a server
    Serve(serve::Args),
    /// Run a folder of integrations, and reload them on every save
    Dev(dev::Args),
    /// Make the folder of a new integration
    New(new::Args),
    /// Bring folders of integrations to a server
    Deploy(deploy::Args),
    /// Run one integration here and now, without a server
    Run(run::Args),
    /// Run the tests of integrations
    Test(test::Args),
    /// Show the logs of a server's runs
    Logs(logs::Args),
    /// List, look at, cancel, move and replay jobs
    Jobs(jobs::Args),
    /// Look at dead jobs by what went wrong; replay or discard them
    Dead(dead::Args),
    /// Cancel, move, replay or discard many jobs
    Bulk(bulk::Args),
    /// Send events, watch them come in, and replay them
    Events(events::Args),
    /// Make, look at, pause, run and backfill schedules
    Schedules(schedules::Args),
    /// Show what folders of integrations would do in a stretch of time
    Simulate(simulate::Args),
    /// Prove that no tick of a schedule is missing or doubled
    Verify(verify::Args),
    /// Say why a job has not started, and when it will
    Explain(explain::Args),
    /// Look into rate limits; pause, resume and reset single keys
    Limits(limits::Args),
    /// Print a hook's address, and sign requests to it
    Hooks(hooks::Args),
    /// Set, list and delete secrets
    Secrets(secrets::Args),
    /// Make and revoke API keys; change the key that secrets are encrypted with
    Keys(keys::Args),
    /// Look after what is stored
    Store(store::Args),
    /// Write type declarations for the scripts of a folder
    Types(declarations::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Be a runner process; started by the engine only
    #[command(hide = true)]
    Runner,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => block_on(serve::serve(args)),
        Command::Dev(args) => block_on(dev::dev(args)),
        Command::New(args) => new::new(&args),
        Command::Deploy(args) => block_on(deploy::deploy(args)),
        Command::Run(args) => block_on(run::run(args)),
        Command::Test(args) => block_on(test::test(args)),
        Command::Logs(args) => block_on(logs::logs(args)),
        Command::Jobs(args) => block_on(jobs::jobs(args)),
        Command::Dead(args) => block_on(dead::dead(args)),
        Command::Bulk(args) => block_on(bulk::bulk(args)),
        Command::Events(args) => block_on(events::events(args)),
        Command::Schedules(args) => block_on(schedules::schedules(args)),
        Command::Simulate(args) => block_on(simulate::simulate(args)),
        Command::Verify(args) => block_on(verify::verify(args)),
        Command::Explain(args) => block_on(explain::explain(args)),
        Command::Limits(args) => block_on(limits::limits(args)),
        Command::Hooks(args) => block_on(hooks::hooks(args)),
        Command::Secrets(args) => block_on(secrets::secrets(args)),
        Command::Keys(args) => block_on(keys::keys(args)),
        Command::Store(args) => block_on(store::store(args)),
        Command::Types(args) => declarations::types(&args),
        Command::Completions(args) => {
            completions::completions(&args);
            Ok(())
        }
        Command::Runner => Err(Failure::usage("`runner` is started by the engine only")),
    }
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_examples() {
        let mut cli = Cli::command();
        cli.clone().debug_assert();
        cli.build();
        check_examples(&cli);
    }

    fn check_examples(of: &clap::Command) {
        for command in of.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.contains("tidegate "), "`{}` has no examples", command.get_name());
            check_examples(command);
        }
    }
}
