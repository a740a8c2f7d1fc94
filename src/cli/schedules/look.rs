//! What looks at schedules: list, get, ticks.

use serde_json::{Value, json};

use super::{path_of, print, text};
use crate::cli::client::{Client, Connection, segment};
use crate::cli::{Failure, terminal};

/// Items of one call.
const PAGE: usize = 100;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules list order-alert
  tidegate schedules list order-alert --only failing --json")]
pub struct List {
    /// The integration
    integration: String,
    /// Only those that are paused or failing
    #[arg(long, value_name = "STATE", value_parser = ["paused", "failing"])]
    only: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Lists schedules.
pub async fn list(args: List) -> Result<(), Failure> {
    let only = args.only.map(|only| format!("&only={only}")).unwrap_or_default();
    let path = format!("/v1/integrations/{}/schedules", segment(&args.integration));
    let items = pages(&Client::new(&args.connection)?, &path, &only, args.limit).await?;
    if args.json {
        print(&json!(items));
        return Ok(());
    }
    for item in &items {
        let state = if item["pause"].is_object() { "paused" } else { "" };
        let line =
            format!("{:<40} {:>8} fired  next {:<26} {state}", text(item, "name"), item["fired"], text(item, "next"));
        terminal::out(line.trim_end());
    }
    if items.is_empty() {
        terminal::say("there are none");
    }
    Ok(())
}

/// The items of a list, page by page.
async fn pages(client: &Client, path: &str, more: &str, limit: usize) -> Result<Vec<Value>, Failure> {
    let (mut items, mut after) = (Vec::new(), String::new());
    while items.len() < limit {
        let first = (limit - items.len()).min(PAGE);
        let mut answer = client.get(&format!("{path}?first={first}{more}{after}")).await?;
        items.extend(answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default());
        let Some(next) = answer["next"].as_str() else { break };
        after = format!("&after={}", segment(next));
    }
    Ok(items)
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules get order-alert/customer-17
  tidegate schedules get exchange-rate-report")]
pub struct Get {
    /// INTEGRATION/SCHEDULE, or INTEGRATION for the schedule of its settings
    target: String,
    #[command(flatten)]
    connection: Connection,
}

/// Prints a schedule.
pub async fn get(args: Get) -> Result<(), Failure> {
    print(&Client::new(&args.connection)?.get(&path_of(&args.target)).await?);
    Ok(())
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules ticks order-alert/customer-17
  tidegate schedules ticks exchange-rate-report --limit 1000 --json")]
pub struct Ticks {
    /// INTEGRATION/SCHEDULE, or INTEGRATION for the schedule of its settings
    target: String,
    /// At most this many records
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Prints the ledger.
pub async fn ticks(args: Ticks) -> Result<(), Failure> {
    let path = format!("{}/ticks", path_of(&args.target));
    let items = pages(&Client::new(&args.connection)?, &path, "", args.limit).await?;
    if args.json {
        print(&json!(items));
        return Ok(());
    }
    for item in &items {
        let what = match (item["jobId"].as_str(), item["reason"].as_str()) {
            (Some(job), None) => format!("{} job {job}", text(item, "cause")),
            (_, reason) => reason.unwrap_or_default().to_owned(),
        };
        let until = match (item["nominal"] == item["last"], item["count"].as_u64()) {
            (true, _) => String::new(),
            (false, Some(count)) => format!(" to {} ({count} ticks)", text(item, "last")),
            (false, None) => format!(" to {}", text(item, "last")),
        };
        terminal::out(&format!("{}{until}  {:<7} {what}", text(item, "nominal"), text(item, "verdict")));
    }
    if items.is_empty() {
        terminal::say("no tick has been recorded");
    }
    Ok(())
}
