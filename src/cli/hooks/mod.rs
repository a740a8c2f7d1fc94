//! `hooks`: where an HTTP trigger is called, and requests signed as a service would sign them.

mod curl;
mod sign;

use super::client::{Client, Connection, segment};
use super::{Failure, terminal};

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate hooks url stripe-events
  tidegate hooks sign --preset stripe --secret-env STRIPE_SECRET --body @event.json --url \"$(tidegate hooks url stripe-events)\"
  tidegate hooks sign --preset github --secret-env HOOK_SECRET --url http://127.0.0.1:7070/hooks/default/pushes --send")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the address of an integration's hook
    #[command(after_help = "\
Examples:
  tidegate hooks url stripe-events
  tidegate hooks url stripe-events --server https://tidegate.example.com")]
    Url(Url),
    /// Print a signed request as a curl command, or send it
    #[command(after_help = "\
Examples:
  tidegate hooks sign --preset stripe --secret-env STRIPE_SECRET --body @event.json
  tidegate hooks sign --preset slack --secret-env SLACK_SECRET --content-type application/x-www-form-urlencoded --body 'text=hi'
  tidegate hooks sign --kind standard_webhooks --secret-env HOOK_SECRET --id msg_1 --timestamp 1700000000
  tidegate hooks sign --kind hmac --secret-env HOOK_SECRET --header X-Signature --prefix sha256= --send --url URL
  tidegate hooks sign --kind token --secret-env HOOK_TOKEN --query token --url URL --send")]
    Sign(Box<sign::Args>),
}

#[derive(clap::Args)]
struct Url {
    /// The integration
    name: String,
    #[command(flatten)]
    connection: Connection,
}

/// Does what was asked.
pub async fn hooks(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Url(args) => url(args).await,
        Command::Sign(args) => sign::sign(*args).await,
    }
}

async fn url(args: Url) -> Result<(), Failure> {
    let client = Client::new(&args.connection)?;
    let integration = client.get(&format!("/v1/integrations/{}", segment(&args.name))).await?;
    let Some(path) = integration["hook"].as_str() else {
        let trigger = integration["trigger"].as_str().unwrap_or_default();
        return Err(Failure::usage(format!("{} has the trigger {trigger:?}, and so no hook", args.name))
            .help("`tidegate new NAME --trigger http` makes an integration with one"));
    };
    terminal::out(&format!("{}{path}", args.connection.server.trim_end_matches('/')));
    if integration["release"].is_null() {
        terminal::say("it is a draft only: nobody can call it until it is released");
    }
    Ok(())
}
