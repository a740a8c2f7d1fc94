//! What changes schedules: put, delete, pause, resume, run, backfill.

use reqwest::Method;
use serde_json::{Value, json};

use super::{path_of, print, text};
use crate::cli::client::{Client, Connection};
use crate::cli::{Failure, terminal};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules put order-alert/customer-17 '{\"every\": \"day\", \"at\": \"06:00\", \"payload\": {\"customer\": 17}}'
  tidegate schedules put order-alert/customer-17 - < customer-17.json")]
pub struct Put {
    /// INTEGRATION/SCHEDULE
    target: String,
    /// The schedule as JSON, or - to read it from standard input
    json: String,
    #[command(flatten)]
    connection: Connection,
}

/// Makes or changes a schedule.
pub async fn put(args: Put) -> Result<(), Failure> {
    let text = if args.json == "-" { std::io::read_to_string(std::io::stdin())? } else { args.json };
    let body: Value =
        serde_json::from_str(&text).map_err(|error| Failure::usage(format!("the schedule is not JSON: {error}")))?;
    print(&Client::new(&args.connection)?.send(Method::PUT, &path_of(&args.target), &body).await?);
    Ok(())
}

/// A schedule.
#[derive(clap::Args)]
pub struct Target {
    /// INTEGRATION/SCHEDULE, or INTEGRATION for the schedule of its settings
    target: String,
    #[command(flatten)]
    connection: Connection,
}

impl Target {
    async fn post(&self, what: &str, body: &Value) -> Result<Value, Failure> {
        let path = format!("{}/{what}", path_of(&self.target));
        Client::new(&self.connection)?.send(Method::POST, &path, body).await
    }
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules delete order-alert/customer-17")]
pub struct Delete {
    #[command(flatten)]
    of: Target,
}

/// Deletes a schedule.
pub async fn delete(Delete { of }: Delete) -> Result<(), Failure> {
    Client::new(&of.connection)?.send(Method::DELETE, &path_of(&of.target), &json!({})).await?;
    terminal::say(&format!("{} is deleted", of.target));
    Ok(())
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules pause order-alert/customer-17 --note 'unpaid invoice'")]
pub struct Pause {
    #[command(flatten)]
    of: Target,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Pauses a schedule.
pub async fn pause(Pause { of, note }: Pause) -> Result<(), Failure> {
    of.post("pause", &json!({ "note": note })).await?;
    terminal::say(&format!("{} is paused", of.target));
    Ok(())
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules resume order-alert/customer-17")]
pub struct Resume {
    #[command(flatten)]
    of: Target,
}

/// Resumes a schedule.
pub async fn resume(Resume { of }: Resume) -> Result<(), Failure> {
    let answer = of.post("resume", &json!({})).await?;
    terminal::say(&format!("{} fires again, next at {}", of.target, text(&answer, "next")));
    Ok(())
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules run order-alert/customer-17")]
pub struct Run {
    #[command(flatten)]
    of: Target,
}

/// Runs a schedule's job now.
pub async fn run(Run { of }: Run) -> Result<(), Failure> {
    let answer = of.post("run", &json!({})).await?;
    terminal::out(text(&answer, "jobId"));
    Ok(())
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules backfill order-alert/customer-17 --from 2026-03-01 --to 2026-03-02
  tidegate schedules backfill exchange-rate-report --from 2026-01-01 --to 2026-02-01 --overlap allow
  tidegate schedules backfill order-alert/customer-17 --list")]
pub struct Backfill {
    #[command(flatten)]
    of: Target,
    /// The first tick is at or after this time (ISO 8601; without a zone UTC)
    #[arg(long, value_name = "TIME", required_unless_present = "list")]
    from: Option<String>,
    /// The last tick is at or before this time
    #[arg(long, value_name = "TIME", required_unless_present = "list")]
    to: Option<String>,
    /// One tick after the other, or several at the same time
    #[arg(long, value_name = "HOW", default_value = "queue", value_parser = ["queue", "allow"])]
    overlap: String,
    /// Print the backfills there are, with their progress
    #[arg(long, conflicts_with_all = ["from", "to"])]
    list: bool,
}

/// Begins a backfill, or lists those there are.
pub async fn backfill(args: Backfill) -> Result<(), Failure> {
    let of = args.of;
    if args.list {
        let answer = Client::new(&of.connection)?.get(&format!("{}/backfills", path_of(&of.target))).await?;
        print(&answer["items"]);
        return Ok(());
    }
    let body = json!({ "from": args.from, "to": args.to, "overlap": args.overlap });
    print(&of.post("backfill", &body).await?);
    Ok(())
}
