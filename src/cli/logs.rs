//! `logs`: what a server's runs logged, and with `-f` what they log from now on.

use std::collections::HashSet;

use serde_json::Value;

use super::client::{Client, Connection, Events, segment};
use super::sse::Event;
use super::{Failure, terminal};

/// Whose logs.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate logs                      the last runs
  tidegate logs order-alert -n 3     the last three of one integration
  tidegate logs -f                   every run, from now on
  tidegate logs --run 01JD…          one run; with -f until it ends
  tidegate logs -f --json | jq .     as JSON, an object per line")]
pub struct Args {
    /// Only of this integration
    integration: Option<String>,
    /// Go on with what is logged from now on
    #[arg(short, long)]
    follow: bool,
    /// Only of this run
    #[arg(long, value_name = "ID", conflicts_with = "integration")]
    run: Option<String>,
    /// How many past runs [default: 10, with -f 0]
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    n: Option<u8>,
    /// Print JSON: without -f a run per line, with -f an event per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Shows them.
pub async fn logs(args: Args) -> Result<(), Failure> {
    let client = Client::new(&args.connection)?;
    if let Some(run) = &args.run {
        let path = format!("/v1/runs/{}", segment(run));
        return match args.follow {
            true => follow(client.stream(&format!("{path}/stream")).await?, args.json).await,
            false => {
                show(&client.get(&path).await?, args.json);
                Ok(())
            }
        };
    }
    let filter = |first: char| args.integration.as_deref().map(|name| format!("{first}integration={}", segment(name)));
    // The stream is opened first: what happens while the past is shown is not missed.
    let events = match args.follow {
        true => Some(client.stream(&format!("/v1/runs/stream{}", filter('?').unwrap_or_default())).await?),
        false => None,
    };
    let n = args.n.unwrap_or(if args.follow { 0 } else { 10 });
    if n > 0 {
        past(&client, &format!("/v1/runs?first={n}{}", filter('&').unwrap_or_default()), args.json).await?;
    }
    match events {
        Some(events) => follow(events, args.json).await,
        None => Ok(()),
    }
}

async fn past(client: &Client, path: &str, json: bool) -> Result<(), Failure> {
    let page = client.get(path).await?;
    let runs = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if runs.is_empty() {
        terminal::say("no run has ended yet; -f waits for them");
    }
    for run in runs.iter().rev() {
        let id = run["id"].as_str().unwrap_or_default();
        // A run may be forgotten between the two questions.
        if let Some(run) = client.find(&format!("/v1/runs/{}", segment(id))).await? {
            show(&run, json);
        }
    }
    Ok(())
}

fn show(run: &Value, json: bool) {
    if json {
        return terminal::out(&run.to_string());
    }
    terminal::out(&heading(run));
    for line in run["logs"].as_array().into_iter().flatten() {
        terminal::out(&log_line(line));
    }
    if let Some(ending) = ending(run) {
        terminal::out(&ending);
    }
}

fn heading(run: &Value) -> String {
    let text = |name: &str| run[name].as_str().unwrap_or_default();
    let release = match (run["release"].as_str(), run["attempt"].as_u64()) {
        (Some(release), _) => release,
        (None, Some(0)) => "never ran",
        (None, _) => "draft",
    };
    let at = run["startedAt"].as_str().or_else(|| run["queuedAt"].as_str()).unwrap_or_default();
    let facts = format!("{release}  {}  {at}  {}", text("cause"), text("id"));
    format!("{}  {}", terminal::bold(text("integration")), terminal::dim(&facts))
}

fn log_line(line: &Value) -> String {
    let level = line["level"].as_str().unwrap_or("info");
    terminal::log_line(line["atMs"].as_u64().unwrap_or(0), level, line["message"].as_str().unwrap_or_default())
}

/// How it ended, unless its last line says it: a run that succeeded says how long it took.
fn ending(run: &Value) -> Option<String> {
    let outcome = run["outcome"].as_str().filter(|outcome| *outcome != "succeeded")?;
    Some(match serde_json::from_value(run["error"].clone()) {
        Ok(error) => format!("{}  {}", terminal::bad(outcome), terminal::script_error(&error)),
        Err(_) => terminal::bad(outcome),
    })
}

async fn follow(mut events: Events, json: bool) -> Result<(), Failure> {
    let mut started = HashSet::new();
    while let Some(event) = events.next().await? {
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        if json {
            terminal::out(&serde_json::json!({ "event": event.name, "data": data }).to_string());
        } else {
            print(&event, &data, &mut started);
        }
    }
    Ok(())
}

fn print(event: &Event, data: &Value, started: &mut HashSet<String>) {
    match event.name.as_str() {
        "started" => {
            started.insert(data["id"].as_str().unwrap_or_default().to_owned());
            terminal::out(&heading(data));
        }
        "line" => match data["integration"].as_str() {
            Some(name) => terminal::out(&format!("{} {}", terminal::dim(&format!("{name} │")), log_line(data))),
            None => terminal::out(&log_line(data)),
        },
        "finished" => {
            let started = started.remove(data["id"].as_str().unwrap_or_default());
            match ending(data) {
                // A job that ended without a run had no heading.
                Some(ending) if started => terminal::out(&ending),
                Some(ending) => terminal::out(&format!("{}\n{ending}", heading(data))),
                None => {}
            }
        }
        "lagged" => terminal::say(&format!("{} lines were missed: this terminal is too slow", data["missed"])),
        _ => {}
    }
}
