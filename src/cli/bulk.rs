//! `bulk`: cancel, move, replay or discard many jobs of a server, and follow how far that is.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Account, Client, segment};
use super::jobs::{self, Keyed};
use super::{Failure, terminal};

/// Between two looks at the progress.
const PAUSE: Duration = Duration::from_millis(300);

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate bulk cancel --integration reminder-email --match '{\"campaign\": \"spring\"}' --dry-run
  tidegate bulk reschedule --integration reminder-email --delay '1 day'
  tidegate bulk list
  tidegate bulk undo 01JD4Z8M3V9Q6T5X2Y7W0K1B8C")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Take pending jobs out; can be undone for ten minutes
    #[command(after_help = "\
Examples:
  tidegate bulk cancel --integration reminder-email --dry-run
  tidegate bulk cancel --integration reminder-email --match '{\"campaign\": \"spring\"}'")]
    Cancel(Cancelling),
    /// Give pending jobs another due time
    #[command(after_help = "\
Examples:
  tidegate bulk reschedule --integration reminder-email --match '{\"campaign\": \"spring\"}' --delay '1 day'
  tidegate bulk reschedule --integration reminder-email --time 2026-03-01T09:00:00Z")]
    Reschedule(Moving),
    /// Run dead jobs again
    #[command(after_help = "\
Examples:
  tidegate bulk replay --integration order-alert --release newest
  tidegate bulk replay --integration order-alert --fingerprint 3f1c0a9be2d47756")]
    Replay(Replaying),
    /// Forget dead jobs
    #[command(after_help = "\
Examples:
  tidegate bulk discard --integration order-alert --fingerprint 3f1c0a9be2d47756 --dry-run")]
    Discard(Discarding),
    /// List the newest bulk actions
    #[command(after_help = "\
Examples:
  tidegate bulk list")]
    List(Listing),
    /// Show how far one is, and what it left alone, as JSON
    #[command(after_help = "\
Examples:
  tidegate bulk show 01JD4Z8M3V9Q6T5X2Y7W0K1B8C")]
    Show(One),
    /// Follow one until its end
    #[command(after_help = "\
Examples:
  tidegate bulk follow 01JD4Z8M3V9Q6T5X2Y7W0K1B8C")]
    Follow(One),
    /// End one before its end; what is done stays done
    #[command(after_help = "\
Examples:
  tidegate bulk stop 01JD4Z8M3V9Q6T5X2Y7W0K1B8C")]
    Stop(One),
    /// Put back what one has cancelled
    #[command(after_help = "\
Examples:
  tidegate bulk undo 01JD4Z8M3V9Q6T5X2Y7W0K1B8C")]
    Undo(One),
}

/// How to start one.
#[derive(clap::Args)]
pub struct Follow {
    /// Change nothing: say how many jobs there are, and show some
    #[arg(long)]
    pub dry_run: bool,
    /// Print its id and do not wait for its end
    #[arg(long)]
    pub detach: bool,
}

#[derive(clap::Args)]
struct Cancelling {
    #[command(flatten)]
    keyed: Keyed,
    #[command(flatten)]
    follow: Follow,
    #[command(flatten)]
    account: Account,
}

#[derive(clap::Args)]
struct Moving {
    #[command(flatten)]
    jobs: Cancelling,
    /// After this time from now: milliseconds, or a text such as `2 days`
    #[arg(long, conflicts_with = "time", required_unless_present = "time")]
    delay: Option<String>,
    /// At this time: ISO 8601 (without a zone UTC), or Unix milliseconds
    #[arg(long)]
    time: Option<String>,
}

#[derive(clap::Args)]
struct Discarding {
    #[command(flatten)]
    jobs: Cancelling,
    /// With this fingerprint, as `tidegate dead list` shows it
    #[arg(long, conflicts_with_all = ["key", "match"])]
    fingerprint: Option<String>,
}

#[derive(clap::Args)]
struct Replaying {
    #[command(flatten)]
    jobs: Discarding,
    /// `same` (the major release each is pinned to) or `newest`
    #[arg(long, value_name = "RELEASE", default_value = "same", value_parser = ["same", "newest"])]
    release: String,
}

#[derive(clap::Args)]
struct Listing {
    #[command(flatten)]
    account: Account,
}

#[derive(clap::Args)]
struct One {
    /// The action's id
    id: String,
    #[command(flatten)]
    account: Account,
}

/// Does what was asked.
pub async fn bulk(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Cancel(it) => begin(&it, json!({ "action": "cancel" }), None).await,
        Command::Reschedule(it) => {
            let mut body = jobs::when(it.delay.as_deref(), it.time.as_deref());
            body["action"] = "reschedule".into();
            begin(&it.jobs, body, None).await
        }
        Command::Discard(it) => begin(&it.jobs, json!({ "action": "discard" }), it.fingerprint.as_deref()).await,
        Command::Replay(it) => {
            let body = json!({ "action": "replay", "release": it.release });
            begin(&it.jobs.jobs, body, it.jobs.fingerprint.as_deref()).await
        }
        Command::List(listing) => list(&listing).await,
        Command::Show(one) => {
            let found = one.account.client()?.get(&format!("/v1/bulk/{}", segment(&one.id))).await?;
            terminal::out(&serde_json::to_string_pretty(&found).unwrap_or_default());
            Ok(())
        }
        Command::Follow(one) => follow(&one.account.client()?, &one.id).await,
        Command::Stop(one) => {
            let path = format!("/v1/bulk/{}/stop", segment(&one.id));
            let stopped = one.account.client()?.send(Method::POST, &path, &json!({})).await?;
            terminal::say(&summary(&stopped));
            Ok(())
        }
        Command::Undo(one) => {
            let client = one.account.client()?;
            client.send(Method::POST, &format!("/v1/bulk/{}/undo", segment(&one.id)), &json!({})).await?;
            follow(&client, &one.id).await
        }
    }
}

async fn begin(jobs: &Cancelling, mut body: Value, fingerprint: Option<&str>) -> Result<(), Failure> {
    let Some(integration) = &jobs.keyed.integration else {
        return Err(Failure::usage("whose jobs?").help("name an integration with --integration"));
    };
    let mut filter = json!({ "integration": integration });
    let parts = [
        ("key", jobs.keyed.key.clone()),
        ("match", jobs.keyed.r#match.clone()),
        ("fingerprint", fingerprint.map(Value::from)),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            filter[name] = value;
        }
    }
    body["filter"] = filter;
    start(&jobs.account.client()?, body, &jobs.follow).await
}

/// Starts one and follows it to its end, or shows what it would do.
pub async fn start(client: &Client, mut body: Value, how: &Follow) -> Result<(), Failure> {
    body["dryRun"] = how.dry_run.into();
    let answer = client.send(Method::POST, "/v1/bulk", &body).await?;
    if how.dry_run {
        for job in answer["samples"].as_array().into_iter().flatten() {
            terminal::out(&jobs::line(job));
        }
        terminal::say(&format!("{} jobs; nothing was changed", answer["count"]));
        return Ok(());
    }
    let id = answer["id"].as_str().unwrap_or_default();
    if how.detach {
        terminal::out(id);
        return Ok(());
    }
    terminal::say(&terminal::dim(&format!("bulk action {id}")));
    follow(client, id).await
}

async fn list(listing: &Listing) -> Result<(), Failure> {
    let found = listing.account.client()?.get("/v1/bulk").await?;
    for bulk in found["items"].as_array().into_iter().flatten() {
        let text = |name: &str| bulk[name].as_str().unwrap_or_default();
        let line = format!("{}  {}  {:<10}  {}", text("id"), text("createdAt"), text("action"), text("integration"));
        terminal::out(&format!("{line}  {}", summary(bulk)));
    }
    Ok(())
}

/// Shows the progress until the end.
async fn follow(client: &Client, id: &str) -> Result<(), Failure> {
    let path = format!("/v1/bulk/{}", segment(id));
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").map_err(|error| Failure::new(error.to_string()))?;
    let bar = ProgressBar::new(0).with_style(style);
    loop {
        let bulk = client.get(&path).await?;
        let number = |name: &str| bulk[name].as_u64().unwrap_or_default();
        let is_undo = bulk["state"] == "undoing" || bulk["state"] == "undone";
        let (total, done) = if is_undo {
            (number("done"), number("undone") + number("lost"))
        } else {
            (number("total"), number("done") + number("skipped"))
        };
        bar.set_length(total);
        bar.set_position(done);
        if bulk["state"] != "running" && bulk["state"] != "undoing" {
            bar.finish_and_clear();
            terminal::say(&summary(&bulk));
            for (reason, count) in bulk["reasons"].as_object().into_iter().flatten() {
                terminal::say(&format!("  {count} {reason}"));
            }
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn summary(bulk: &Value) -> String {
    let number = |name: &str| bulk[name].as_u64().unwrap_or_default();
    let state = bulk["state"].as_str().unwrap_or_default();
    let mut text = format!("{state}: {} of {} done, {} skipped", number("done"), number("total"), number("skipped"));
    if number("undone") + number("lost") > 0 {
        text += &format!(", {} put back, {} could not be", number("undone"), number("lost"));
    }
    text
}
