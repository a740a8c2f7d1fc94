//! `events`: send events to a server, watch them come in, look at what became of them, and replay them.

mod list;
mod replay;
mod send;
mod tail;

use super::Failure;

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate events send --type ecUser --data @user.json
  tidegate events send events.ndjson
  tidegate events tail --type 'shop.*' --verbose
  tidegate events list --unmatched
  tidegate events replay --integration vip-alert --from '1 hour ago' --rate 10/s --dry-run")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Send one event, or a file of them
    #[command(after_help = send::EXAMPLES)]
    Send(send::Args),
    /// Show events as they come in
    #[command(after_help = tail::EXAMPLES)]
    Tail(tail::Args),
    /// List the events that came in, the newest first
    #[command(after_help = list::LIST_EXAMPLES)]
    List(list::Listing),
    /// Show one event: its body, and what became of it, as JSON
    #[command(after_help = list::SHOW_EXAMPLES)]
    Show(list::One),
    /// Give events of the past to one integration again
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::Args),
    /// List, follow and stop replays
    #[command(after_help = replay::LIST_EXAMPLES)]
    Replays(replay::Listing),
}

/// Does what was asked.
pub async fn events(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Send(args) => send::send(args).await,
        Command::Tail(args) => tail::tail(args).await,
        Command::List(listing) => list::list(listing).await,
        Command::Show(one) => list::show(one).await,
        Command::Replay(args) => replay::replay(args).await,
        Command::Replays(listing) => replay::replays(listing).await,
    }
}
