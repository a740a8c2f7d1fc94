//! `schedules next`: when a recurring integration runs next, from the engine's own code.

use std::path::Path;

use ::schedules::{Clock, Millis, SystemClock, Zone, due};
use serde_json::{Value, json};
use workers::settings::Settings;

use super::{path_of, text};
use crate::cli::client::{Client, Connection, segment};
use crate::cli::{Failure, folder, terminal};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate schedules next exchange-rate-report              asks the server
  tidegate schedules next order-alert/customer-17           one of its schedules
  tidegate schedules next ./exchange-rate-report -n 3       reads the folder; no server needed
  tidegate schedules next report --from 2026-03-28 --timezone Europe/London")]
pub struct Next {
    /// INTEGRATION[/SCHEDULE] on the server, or a folder (with ./ before its name)
    target: String,
    /// How many
    #[arg(short, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    n: u16,
    /// After this time (ISO 8601; without a zone UTC) instead of now
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Also print wall-clock times of this zone, and what a change of the clocks does
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Prints the next ticks.
pub async fn next(next: Next) -> Result<(), Failure> {
    let from = next.from.as_deref().map(instant).transpose()?;
    let path = Path::new(&next.target);
    let is_path = next.target.starts_with(['.', '/']);
    let local = is_path || path.join(folder::MANIFEST).is_file();
    let ticks = if local { in_folder(&next, path, from)? } else { on_server(&next, from).await? };
    if next.json {
        terminal::out(&match next.timezone {
            Some(_) => json!(ticks).to_string(),
            None => json!(ticks.iter().map(|tick| &tick["nominal"]).collect::<Vec<_>>()).to_string(),
        });
        return Ok(());
    }
    if ticks.is_empty() {
        terminal::say("it never runs again");
    }
    for tick in &ticks {
        let mut line = text(tick, "nominal").to_owned();
        if next.timezone.is_some() {
            if tick["effective"] != tick["nominal"] {
                line += &format!("  fires {}", text(tick, "effective"));
            }
            line += &format!("  {}", text(tick, "local"));
        }
        if let Some(remark) = tick["remark"].as_str() {
            line += &format!("  ({remark})");
        }
        terminal::out(&line);
    }
    Ok(())
}

fn instant(text: &str) -> Result<Millis, Failure> {
    let value = text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
    due::parse_instant("--from", &value).map_err(|error| Failure::usage(error.to_string()))
}

/// The ticks of a folder's schedule. Its jitter is not known before it is on a server.
fn in_folder(next: &Next, path: &Path, from: Option<Millis>) -> Result<Vec<Value>, Failure> {
    let folder = folder::load(path)?;
    let settings = Settings::parse(&folder.body["settings"])?;
    let schedule = settings.schedule.ok_or_else(|| {
        Failure::usage(format!("{} has no schedule", folder.name))
            .help("[settings.schedule] in its integration.toml makes one")
    })?;
    let recurrence = &schedule.recurrence;
    let zone = match &next.timezone {
        Some(name) => {
            let zone = Zone::parse("--timezone", "invalid_timezone", name);
            zone.map_err(|error| Failure::usage(error.to_string()))?
        }
        None => recurrence.zone(),
    };
    let nominals = recurrence.next_n(from.unwrap_or_else(|| SystemClock.now()), usize::from(next.n));
    let tick = |nominal: Millis| {
        let (text, local) = (nominal.to_rfc3339(), zone.wall_clock(nominal));
        json!({ "nominal": text, "effective": text, "local": local, "remark": recurrence.remark(nominal) })
    };
    Ok(nominals.into_iter().map(tick).collect())
}

async fn on_server(next: &Next, from: Option<Millis>) -> Result<Vec<Value>, Failure> {
    let mut path = format!("{}/next?n={}", path_of(&next.target), next.n);
    if let Some(from) = from {
        path += &format!("&from={}", segment(&from.to_rfc3339()));
    }
    if let Some(zone) = &next.timezone {
        path += &format!("&timezone={}", segment(zone));
    }
    let mut answer = Client::new(&next.connection)?.get(&path).await?;
    let ticks = answer["items"].as_array_mut().map(std::mem::take);
    ticks.ok_or_else(|| Failure::new("the server's answer holds no ticks"))
}
