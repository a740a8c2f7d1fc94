//! `events replay` and `events replays`: events of the past for one integration again.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::client::{Account, Client, segment};
use crate::cli::{Failure, terminal};

pub const EXAMPLES: &str = "\
Examples:
  tidegate events replay --integration vip-alert --from 2026-03-01T09:00:00Z --dry-run
  tidegate events replay --integration vip-alert --from '2 hours ago' --to '1 hour ago' --rate 100/s
  tidegate events replay --integration vip-alert --from '1 day ago' --type 'shop.*' --no-filter --detach";

pub const LIST_EXAMPLES: &str = "\
Examples:
  tidegate events replays
  tidegate events replays --follow 01JD4Z8M3V9Q6T5X2Y7W0K1B8C
  tidegate events replays --stop 01JD4Z8M3V9Q6T5X2Y7W0K1B8C";

/// Between two looks at the progress.
const PAUSE: Duration = Duration::from_millis(300);

/// What to replay.
#[derive(clap::Args)]
pub struct Args {
    /// To this integration
    #[arg(long)]
    integration: String,
    /// Events that came in at this time or later: ISO 8601 (without a zone UTC), Unix milliseconds, or `2 hours ago`
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Events that came in before this time [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only of these types, such as shop.*; without it those that the integration subscribes to
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// How fast, such as 100/s, 5/m or 1/h; without it as fast as they can be queued
    #[arg(long)]
    rate: Option<String>,
    /// All of them, whatever the integration's filter says
    #[arg(long)]
    no_filter: bool,
    /// Make nothing: say how many events there are
    #[arg(long)]
    dry_run: bool,
    /// Print its id and do not wait for its end
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    account: Account,
}

/// Which replays.
#[derive(clap::Args)]
pub struct Listing {
    /// Follow this one until its end
    #[arg(long, value_name = "ID", conflicts_with = "stop")]
    follow: Option<String>,
    /// End this one before its end; the jobs that it made stay
    #[arg(long, value_name = "ID")]
    stop: Option<String>,
    #[command(flatten)]
    account: Account,
}

/// Starts a replay, and follows it to its end.
pub async fn replay(args: Args) -> Result<(), Failure> {
    let client = args.account.client()?;
    let mut body = json!({ "integration": args.integration, "filter": !args.no_filter, "dryRun": args.dry_run });
    body["from"] = time("--from", &args.from)?;
    if let Some(to) = &args.to {
        body["to"] = time("--to", to)?;
    }
    if let Some(rate) = &args.rate {
        body["rate"] = rate.as_str().into();
    }
    if !args.types.is_empty() {
        body["types"] = json!(args.types);
    }
    let answer = client.send(Method::POST, "/v1/events/replay", &body).await?;
    if args.dry_run {
        for id in answer["samples"].as_array().into_iter().flatten() {
            terminal::out(id.as_str().unwrap_or_default());
        }
        let (matched, looked_at, total) = (&answer["matched"], &answer["lookedAt"], &answer["total"]);
        let of = if looked_at == total { total.to_string() } else { format!("the first {looked_at} of {total}") };
        terminal::say(&format!("{matched} of {of} events would be replayed; nothing was made"));
        return Ok(());
    }
    let id = answer["id"].as_str().unwrap_or_default();
    if args.detach {
        terminal::out(id);
        return Ok(());
    }
    terminal::say(&terminal::dim(&format!("replay {id}")));
    follow(&client, id).await
}

/// A time; `2 hours ago` is counted from now.
fn time(option: &str, text: &str) -> Result<Value, Failure> {
    let Some(ago) = text.trim().strip_suffix("ago") else { return Ok(text.into()) };
    let ms = schedules::delay::parse_text(ago.trim())
        .map_err(|error| Failure::usage(format!("{option}: {}", error.message)).help("write it as in '2 hours ago'"))?;
    let now = schedules::Clock::now(&schedules::SystemClock);
    Ok(now.after(-ms).to_rfc3339().into())
}

/// Lists, follows or stops.
pub async fn replays(listing: Listing) -> Result<(), Failure> {
    let client = listing.account.client()?;
    if let Some(id) = &listing.follow {
        return follow(&client, id).await;
    }
    if let Some(id) = &listing.stop {
        let path = format!("/v1/events/replays/{}/stop", segment(id));
        terminal::say(&summary(&client.send(Method::POST, &path, &json!({})).await?));
        return Ok(());
    }
    let found = client.get("/v1/events/replays").await?;
    let replays = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if replays.is_empty() {
        terminal::say("no events were replayed within a week");
    }
    for replay in replays {
        let text = |name: &str| replay[name].as_str().unwrap_or_default();
        let line = format!("{}  {}  {}", text("id"), text("createdAt"), text("integration"));
        terminal::out(&format!("{line}  {}", summary(replay)));
    }
    Ok(())
}

/// Shows the progress until the end.
async fn follow(client: &Client, id: &str) -> Result<(), Failure> {
    let path = format!("/v1/events/replays/{}", segment(id));
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").map_err(|error| Failure::new(error.to_string()))?;
    let bar = ProgressBar::new(0).with_style(style);
    loop {
        let replay = client.get(&path).await?;
        let number = |name: &str| replay[name].as_u64().unwrap_or_default();
        bar.set_length(number("total"));
        bar.set_position(number("done") + number("skipped"));
        if replay["state"] != "running" {
            bar.finish_and_clear();
            terminal::say(&summary(&replay));
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn summary(replay: &Value) -> String {
    let number = |name: &str| replay[name].as_u64().unwrap_or_default();
    let state = replay["state"].as_str().unwrap_or_default();
    format!("{state}: {} events, {} replayed, {} left out", number("total"), number("done"), number("skipped"))
}
