//! `dead`: dead jobs grouped by what went wrong; replay or discard a whole group.

use serde_json::{Value, json};

use super::bulk::{self, Follow};
use super::client::{Client, Connection, segment};
use super::{Failure, jobs, terminal};

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate dead list
  tidegate dead show 3f1c0a9be2d47756
  tidegate dead replay 3f1c0a9be2d47756 --release newest
  tidegate dead discard 3f1c0a9be2d47756 --dry-run")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the groups, those with the most jobs first
    #[command(after_help = "\
Examples:
  tidegate dead list
  tidegate dead list --integration order-alert --json")]
    List(Listing),
    /// Show a group: its error, and its newest jobs
    #[command(after_help = "\
Examples:
  tidegate dead show 3f1c0a9be2d47756
  tidegate dead show 3f1c0a9be2d47756 --json")]
    Show(Group),
    /// Run all jobs of a group again
    #[command(after_help = "\
Examples:
  tidegate dead replay 3f1c0a9be2d47756
  tidegate dead replay 3f1c0a9be2d47756 --release newest")]
    Replay(Replaying),
    /// Forget all jobs of a group
    #[command(after_help = "\
Examples:
  tidegate dead discard 3f1c0a9be2d47756
  tidegate dead discard 3f1c0a9be2d47756 --dry-run")]
    Discard(Discarding),
}

#[derive(clap::Args)]
struct Listing {
    /// Of this integration
    #[arg(long, value_name = "NAME")]
    integration: Option<String>,
    /// How many
    #[arg(short, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    n: u16,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(clap::Args)]
struct Which {
    /// The group's fingerprint, as `tidegate dead list` shows it
    fingerprint: String,
    /// Its integration, if jobs of several died of the same
    #[arg(long, value_name = "NAME")]
    integration: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(clap::Args)]
struct Group {
    #[command(flatten)]
    which: Which,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Replaying {
    #[command(flatten)]
    which: Which,
    /// `same` (the major release each is pinned to) or `newest`
    #[arg(long, value_name = "RELEASE", default_value = "same", value_parser = ["same", "newest"])]
    release: String,
    #[command(flatten)]
    follow: Follow,
}

#[derive(clap::Args)]
struct Discarding {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    follow: Follow,
}

/// Does what was asked.
pub async fn dead(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::List(listing) => list(&listing).await,
        Command::Show(group) => show(&group).await,
        Command::Replay(it) => {
            let more = json!({ "action": "replay", "release": it.release });
            act(&it.which, more, &it.follow).await
        }
        Command::Discard(it) => act(&it.which, json!({ "action": "discard" }), &it.follow).await,
    }
}

async fn list(listing: &Listing) -> Result<(), Failure> {
    let of = listing.integration.as_deref().map(|name| format!("&integration={}", segment(name))).unwrap_or_default();
    let page = Client::new(&listing.connection)?.get(&format!("/v1/dead?first={}{of}", listing.n)).await?;
    if listing.json {
        terminal::out(&page.to_string());
        return Ok(());
    }
    let groups = page["items"].as_array().cloned().unwrap_or_default();
    if groups.is_empty() {
        terminal::say("no job is dead");
    }
    groups.iter().for_each(|group| terminal::out(&line(group)));
    if page["complete"] == false {
        terminal::say(&terminal::dim("there are more dead jobs: only the newest were looked at"));
    }
    Ok(())
}

fn line(group: &Value) -> String {
    let text = |name: &str| group[name].as_str().unwrap_or_default();
    let message = text("message").lines().next().unwrap_or_default();
    format!(
        "{}  {:>6}  {}  {}  {}: {message}",
        text("fingerprint"),
        group["count"].as_u64().unwrap_or_default(),
        text("lastAt"),
        terminal::bold(text("integration")),
        text("code"),
    )
}

async fn find(which: &Which) -> Result<Value, Failure> {
    let of = which.integration.as_deref().map(|name| format!("?integration={}", segment(name))).unwrap_or_default();
    Client::new(&which.connection)?.get(&format!("/v1/dead/{}{of}", segment(&which.fingerprint))).await
}

async fn show(group: &Group) -> Result<(), Failure> {
    let found = find(&group.which).await?;
    if group.json {
        terminal::out(&found.to_string());
        return Ok(());
    }
    terminal::out(&line(&found));
    if let Some(stack) = found["sample"]["error"]["stack"].as_str() {
        terminal::out(&terminal::dim(stack));
    }
    for job in found["jobs"].as_array().into_iter().flatten() {
        terminal::out(&jobs::line(job));
    }
    Ok(())
}

async fn act(which: &Which, mut body: Value, follow: &Follow) -> Result<(), Failure> {
    let group = find(which).await?;
    body["filter"] = json!({ "integration": group["integration"], "fingerprint": group["fingerprint"] });
    bulk::start(&Client::new(&which.connection)?, body, follow).await
}
