//! `events list` and `events show`: what came in, and what became of it.

use serde_json::Value;

use crate::cli::client::{Account, segment};
use crate::cli::{Failure, terminal};

pub const LIST_EXAMPLES: &str = "\
Examples:
  tidegate events list
  tidegate events list --type 'shop.*' -n 100
  tidegate events list --unmatched --from 2026-03-01T09:00:00Z";

pub const SHOW_EXAMPLES: &str = "\
Examples:
  tidegate events show 5f1c";

/// Which events.
#[derive(clap::Args)]
pub struct Listing {
    /// Of this type, or of those below a name: shop.*
    #[arg(long)]
    r#type: Option<String>,
    /// From this source
    #[arg(long)]
    source: Option<String>,
    /// Came in at this time or later: ISO 8601 (without a zone UTC), or Unix milliseconds
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Came in before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only those that made jobs
    #[arg(long, conflicts_with = "unmatched")]
    matched: bool,
    /// Only those that made none
    #[arg(long)]
    unmatched: bool,
    /// How many
    #[arg(short, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u8).range(1..=100))]
    n: u8,
    /// Print JSON, an event per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
}

/// One event.
#[derive(clap::Args)]
pub struct One {
    /// The event's id
    id: String,
    #[command(flatten)]
    account: Account,
}

/// Lists events.
pub async fn list(listing: Listing) -> Result<(), Failure> {
    let mut path = format!("/v1/events?first={}", listing.n);
    let texts = [("type", &listing.r#type), ("source", &listing.source), ("from", &listing.from), ("to", &listing.to)];
    for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))) {
        path += &format!("&{name}={}", segment(text));
    }
    if listing.matched || listing.unmatched {
        path += &format!("&matched={}", listing.matched);
    }
    let page = listing.account.client()?.get(&path).await?;
    let events = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if events.is_empty() {
        terminal::say("no such event came in; `tidegate events send` sends one, `tidegate events tail` waits for them");
    }
    for event in events {
        terminal::out(&if listing.json { event.to_string() } else { line(event) });
    }
    Ok(())
}

/// Shows one event.
pub async fn show(one: One) -> Result<(), Failure> {
    let found = one.account.client()?.get(&format!("/v1/events/{}", segment(&one.id))).await?;
    terminal::out(&serde_json::to_string_pretty(&found).unwrap_or_default());
    Ok(())
}

/// An event of the log, on one line.
pub fn line(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let matched: Vec<&str> =
        event["matched"].as_array().into_iter().flatten().filter_map(|it| it["integration"].as_str()).collect();
    let what = if matched.is_empty() { terminal::dim("no integration") } else { terminal::good(&matched.join(", ")) };
    let head = format!("{}  {}  {}", terminal::dim(text("receivedAt")), terminal::bold(text("type")), text("id"));
    format!("{head}  {what}{}", cancelled(event))
}

fn cancelled(event: &Value) -> String {
    let entries = event["cancelled"].as_array().into_iter().flatten();
    let words = entries.map(|it| format!("  cancelled {} of {}", it["jobs"], it["integration"].as_str().unwrap_or("")));
    words.collect()
}

/// What became of an event that was just sent.
pub fn verdict(event: &Value) {
    let id = event["id"].as_str().unwrap_or("?");
    if event["ok"] == false {
        let (error, field) = (&event["error"], event["error"]["field"].as_str());
        let message = error["message"].as_str().unwrap_or_default();
        let at = field.map(|field| format!("{field}: ")).unwrap_or_default();
        return terminal::out(&format!("{}  {at}{message}", terminal::bad("refused")));
    }
    let again = if event["duplicate"] == true { terminal::dim("  came before") } else { String::new() };
    terminal::out(&format!("{}  {id}{again}{}", terminal::good("accepted"), cancelled(event)));
    for it in event["matched"].as_array().into_iter().flatten() {
        let (name, job) = (it["integration"].as_str().unwrap_or_default(), it["jobId"].as_str().unwrap_or_default());
        terminal::out(&format!("  {name}  job {job}"));
    }
    for it in event["notMatched"].as_array().into_iter().flatten() {
        terminal::out(&format!("  {}", terminal::dim(&miss(it))));
    }
    if let Some(n) = event["notMatched"].as_u64()
        && event["matched"].as_array().is_some_and(Vec::is_empty)
    {
        let hint = if n == 0 { "there is no event integration" } else { "--verbose says why" };
        let s = if n == 1 { "" } else { "s" };
        terminal::say(&format!("  it was for none of {n} integration{s}; {hint}"));
    }
}

/// An integration that got no job, and why.
pub fn miss(miss: &Value) -> String {
    let text = |name: &str| miss[name].as_str().unwrap_or_default();
    let detail = miss["detail"].as_str().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}  {}{detail}", text("integration"), text("reason"))
}
