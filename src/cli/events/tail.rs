//! `events tail`: events as they come in, and what becomes of them.

use serde_json::Value;

use super::list::{line, miss};
use crate::cli::client::{Account, segment};
use crate::cli::{Failure, terminal};

pub const EXAMPLES: &str = "\
Examples:
  tidegate events tail
  tidegate events tail --type 'shop.*' --verbose
  tidegate events tail --json | jq .";

/// Which events.
#[derive(clap::Args)]
pub struct Args {
    /// Of this type, or of those below a name: shop.*
    #[arg(long)]
    r#type: Option<String>,
    /// Show the body of each, and why it was not for integrations that subscribe to its type
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON, an event per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
}

/// Shows them until it is interrupted.
pub async fn tail(args: Args) -> Result<(), Failure> {
    let client = args.account.client()?;
    let filter = args.r#type.as_deref().map(|kind| format!("?type={}", segment(kind))).unwrap_or_default();
    let mut events = client.stream(&format!("/v1/events/stream{filter}")).await?;
    terminal::say("waiting for events; Ctrl-C ends");
    while let Some(event) = events.next().await? {
        let mut data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        if event.name != "event" {
            terminal::say(&format!("{} events were missed", data["missed"]));
            continue;
        }
        if args.verbose {
            let id = data["id"].as_str().unwrap_or_default();
            // It may be forgotten between the two questions.
            data = client.find(&format!("/v1/events/{}", segment(id))).await?.unwrap_or(data);
        }
        if args.json {
            terminal::out(&data.to_string());
            continue;
        }
        terminal::out(&line(&data));
        if args.verbose {
            for it in data["missed"].as_array().into_iter().flatten() {
                terminal::out(&format!("  {}", terminal::dim(&miss(it))));
            }
            terminal::out(&format!("  {}", terminal::dim(&data["body"].to_string())));
        }
    }
    Ok(())
}
