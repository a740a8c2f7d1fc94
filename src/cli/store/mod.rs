//! `store`: what an operator does with what is stored.

mod check;
pub mod migrate;

use super::Failure;

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate store check                              the queue in ./data, while no server uses it
  tidegate store check --data /var/lib/tidegate
  TIDEGATE_QUEUE=redis://10.0.0.5:6379/0 tidegate store check --json
  tidegate store migrate --from embedded --to redis://10.0.0.5:6379/0 --plan")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Look through a queue for contradictions
    Check(check::Args),
    /// Move the queue from one engine to another
    Migrate(migrate::Args),
}

/// Does what was asked.
pub async fn store(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Check(args) => check::check(args).await,
        Command::Migrate(args) => migrate::migrate(args).await,
    }
}
