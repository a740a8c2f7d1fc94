//! `schedules next`: when a recurring integration runs next, from the engine's own code.

use std::path::Path;

use ::schedules::{Clock, Millis, SystemClock, due};
use serde_json::{Value, json};
use workers::settings::Settings;

use super::client::{Client, Connection, segment};
use super::{Failure, folder, terminal};

/// What to look at.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules next exchange-rate-report           asks the server
  tidegate schedules next ./exchange-rate-report -n 3    reads the folder; no server needed
  tidegate schedules next ./report --from 2026-03-28     across the next change of the clocks")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the next ticks, one per line
    #[command(after_help = "\
Examples:
  tidegate schedules next exchange-rate-report
  tidegate schedules next ./exchange-rate-report -n 3 --from 2026-03-28")]
    Next(Next),
}

#[derive(clap::Args)]
struct Next {
    /// An integration's name on the server, or a folder
    target: String,
    /// How many
    #[arg(short, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    n: u16,
    /// After this time (ISO 8601; without a zone UTC) instead of now
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Does what was asked.
pub async fn schedules(args: Args) -> Result<(), Failure> {
    let Command::Next(next) = args.command;
    let from = next.from.as_deref().map(instant).transpose()?;
    let path = Path::new(&next.target);
    let local = next.target.contains('/') || path.join(folder::MANIFEST).is_file() || next.target == ".";
    let ticks = if local { in_folder(path, usize::from(next.n), from)? } else { on_server(&next, from).await? };
    if next.json {
        terminal::out(&json!(ticks).to_string());
        return Ok(());
    }
    if ticks.is_empty() {
        terminal::say("it never runs again");
    }
    ticks.iter().for_each(|tick| terminal::out(tick));
    Ok(())
}

fn instant(text: &str) -> Result<Millis, Failure> {
    let value = text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
    due::parse_instant("--from", &value).map_err(|error| Failure::usage(error.to_string()))
}

fn in_folder(path: &Path, n: usize, from: Option<Millis>) -> Result<Vec<String>, Failure> {
    let folder = folder::load(path)?;
    let settings = Settings::parse(&folder.body["settings"])?;
    let schedule = settings.schedule.ok_or_else(|| {
        Failure::usage(format!("{} has no schedule", folder.name))
            .help("[settings.schedule] in its integration.toml makes one")
    })?;
    let ticks = schedule.recurrence.next_n(from.unwrap_or_else(|| SystemClock.now()), n);
    Ok(ticks.into_iter().map(Millis::to_rfc3339).collect())
}

async fn on_server(next: &Next, from: Option<Millis>) -> Result<Vec<String>, Failure> {
    let mut path = format!("/v1/integrations/{}/schedule/next?n={}", segment(&next.target), next.n);
    if let Some(from) = from {
        path += &format!("&from={}", segment(&from.to_rfc3339()));
    }
    let answer = Client::new(&next.connection)?.get(&path).await?;
    let ticks = answer["items"].as_array().ok_or_else(|| Failure::new("the server's answer holds no ticks"))?;
    Ok(ticks.iter().map(|tick| tick.as_str().map_or_else(|| tick.to_string(), str::to_owned)).collect())
}
