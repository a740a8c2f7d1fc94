//! `schedules`: make, look at, pause, run and backfill the schedules of an integration.

mod change;
mod import;
mod look;
mod next;

use serde_json::{Value, json};

use super::client::segment;
use super::{Failure, terminal};

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
A schedule is named INTEGRATION/SCHEDULE; INTEGRATION alone means the schedule of its settings.

Examples:
  tidegate schedules list order-alert --only paused
  tidegate schedules put order-alert/customer-17 '{\"every\": \"day\", \"at\": \"06:00\"}'
  tidegate schedules next exchange-rate-report -n 3 --timezone Europe/London
  tidegate schedules ticks order-alert/customer-17
  tidegate schedules backfill order-alert/customer-17 --from 2026-03-01 --to 2026-03-02")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the schedules of an integration
    List(look::List),
    /// Look at a schedule
    Get(look::Get),
    /// Make a schedule, or change the one with that name
    Put(change::Put),
    /// Delete a schedule
    Delete(change::Delete),
    /// Hold a schedule: its ticks are skipped
    Pause(change::Pause),
    /// Let a schedule fire again
    Resume(change::Resume),
    /// Run its job now, beside its ticks
    Run(change::Run),
    /// Fire the ticks of a stretch of the past
    Backfill(change::Backfill),
    /// Import a crontab, or the schedules of sidekiq-cron or BullMQ
    Import(import::Args),
    /// List what became of its ticks, newest first
    Ticks(look::Ticks),
    /// Print the next ticks, one per line
    Next(next::Next),
}

/// Does what was asked.
pub async fn schedules(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::List(args) => look::list(args).await,
        Command::Get(args) => look::get(args).await,
        Command::Put(args) => change::put(args).await,
        Command::Delete(args) => change::delete(args).await,
        Command::Pause(args) => change::pause(args).await,
        Command::Resume(args) => change::resume(args).await,
        Command::Run(args) => change::run(args).await,
        Command::Backfill(args) => change::backfill(args).await,
        Command::Import(args) => import::import(args).await,
        Command::Ticks(args) => look::ticks(args).await,
        Command::Next(args) => next::next(args).await,
    }
}

/// The path of `INTEGRATION[/SCHEDULE]` on a server.
pub(super) fn path_of(target: &str) -> String {
    let (integration, schedule) = target.split_once('/').unwrap_or((target, workers::timetable::OWN));
    format!("/v1/integrations/{}/schedules/{}", segment(integration), segment(schedule))
}

fn print(value: &Value) {
    terminal::out(&serde_json::to_string_pretty(value).unwrap_or_else(|_| json!(value).to_string()));
}

/// A text of an answer, or a dash.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_path() {
        let check = |target: &str, expected: &str| assert_eq!(path_of(target), expected);
        check("report", "/v1/integrations/report/schedules/default");
        check("report/customer-17", "/v1/integrations/report/schedules/customer-17");
        check("report/a:b", "/v1/integrations/report/schedules/a%3Ab");
    }
}
