//! `simulate`: what folders of integrations would do in a stretch of time, and what a change of them would change.

mod limiters;
mod print;

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use ::schedules::{Clock, Millis, SystemClock, Zone, delay, due};
use serde_json::Value;
use store::catalog::Trigger;
use workers::limits::Limiters;
use workers::settings::Settings;
use workers::simulate::{Call, Plan, Row, Subject, changes, compare, simulate as run};

use super::failure::code;
use super::{Failure, folder, terminal};
use print::{Story, Totals};

/// The most calls of a file.
const MAX_CALLS: usize = 1_000_000;

/// What to simulate.
#[derive(clap::Args)]
#[command(after_help = "\
The schedules count from --from on, and every run takes --run-time. A file of calls has one per line:
  {\"at\": \"2026-03-27T17:55:00Z\", \"integration\": \"reminder-email\", \"call\": \"schedule\",
   \"body\": {\"key\": {\"email\": \"a@example.com\"}, \"delay\": \"2 days\", \"window\": {\"time\": \"09:00-18:00\"}}}
`call` is execute, schedule, reschedule, cancel, pause or resume, and `body` what the API takes; or pause_key, resume_key or
reset_key with a body such as {\"rule\": 0, \"key\": {\"email\": \"a@example.com\"}}.
`runs` says how the runs of its job go, one for each attempt; those after the last end well:
  \"runs\": [\"fail\", {\"ends\": \"ok\", \"takes\": \"20s\", \"retryAfter\": \"30s\"}]
`ends` is ok, fail, timeout or fatal (it says that trying again is no use); `retryAfter` is what another server asked for.

Limiters that rules name are those of --limiters, or of the server if --server or TIDEGATE_SERVER names one:
  {\"crm\": {\"limit\": 10, \"interval\": \"1s\"}}

Examples:
  tidegate simulate                                                  the next week of the folders here
  tidegate simulate --from 2026-03-28 --to 2026-03-30                across a change of the clocks
  tidegate simulate --config integrations --events calls.ndjson --summary
  tidegate simulate --config integrations --against ../main/integrations   what a branch changes
  tidegate simulate --config integrations --events calls.ndjson --limiters limiters.json --concurrency 64
  tidegate simulate --from 2026-01-01 --to 2027-01-01 --json | jq -c 'select(.what == \"skipped_overlap\")'")]
pub struct Args {
    /// The folder of an integration, or of several
    #[arg(long, value_name = "DIR", default_value = ".")]
    config: PathBuf,
    /// The first instant (ISO 8601; without a zone UTC) instead of now
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The end (ISO 8601); a week after --from if it is left out
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// A file of calls, one line of JSON each; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Show only what is different from what this folder would do
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// A file with the limiters that rules name, as JSON
    #[arg(long, value_name = "FILE")]
    limiters: Option<PathBuf>,
    /// How many runs there may be at once (`runs.concurrency`); without it, as many as there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    /// How long each run takes, such as 1s or 250ms
    #[arg(long, value_name = "TIME", default_value = "1s")]
    run_time: String,
    /// The zone of the second column, instead of each schedule's own
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Only this integration
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Lines at most; 0 is all
    #[arg(long, value_name = "N", default_value_t = 200)]
    lines: usize,
    /// Print the totals alone
    #[arg(long, conflicts_with = "json")]
    summary: bool,
    /// Print everything that happens, a line of JSON each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: limiters::Place,
}

/// Simulates. With `--against`, differences end it with the exit code for changes.
pub async fn simulate(args: Args) -> Result<(), Failure> {
    let mut plan = planned(&args, &args.config)?;
    let mut before = args.against.as_deref().map(|other| planned(&args, other)).transpose()?;
    if let Some(before) = &mut before {
        // Standard input is read once, and now is one instant.
        (before.calls, before.from, before.to) = (plan.calls.clone(), plan.from, plan.to);
    }
    let is_named = [Some(&plan), before.as_ref()].into_iter().flatten().any(|plan| !plan.unknown_limiters().is_empty());
    let limiters = limiters::known(args.limiters.as_deref(), &args.place, is_named).await?;
    for plan in [Some(&mut plan), before.as_mut()].into_iter().flatten() {
        plan.limiters = limiters.clone();
        for (limiter, integrations) in plan.unknown_limiters() {
            let named = integrations.join(", ");
            terminal::say(&format!(
                "the limiter {limiter} of {named} is not known, and so never full; --limiters or --server tells its numbers"
            ));
        }
    }
    tell(&args, &plan, before.as_ref())
}

fn tell(args: &Args, plan: &Plan, before: Option<&Plan>) -> Result<(), Failure> {
    let zone = args.timezone.as_deref().map(|name| Zone::parse("--timezone", "invalid_timezone", name)).transpose();
    let zone = zone.map_err(|error| Failure::usage(error.to_string()))?;
    let story = Story { plan, zone, json: args.json, most: if args.json { 0 } else { args.lines } };
    match before {
        None => {
            let mut totals = Totals::new(plan);
            let mut told = story.begin(changes(plan));
            let left = run(plan, &mut |row| {
                totals.count(&row);
                if !args.summary {
                    told.tell(&row);
                }
            })?;
            if !args.summary {
                told.end();
            }
            if !args.json {
                totals.print(left);
            }
            Ok(())
        }
        Some(before) => {
            let (old, new) = (rows(before)?, rows(plan)?);
            let differences = compare((before, &old), (plan, &new));
            story.differences(&differences, args.summary);
            if differences.is_empty() { Ok(()) } else { Err(Failure::silent(code::CHANGES)) }
        }
    }
}

fn rows(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    run(plan, &mut |row| rows.push(row))?;
    Ok(rows)
}

fn planned(args: &Args, config: &Path) -> Result<Plan, Failure> {
    let from = args.from.as_deref().map_or_else(|| Ok(SystemClock.now()), |text| instant("--from", text))?;
    let to = args.to.as_deref().map_or_else(|| Ok(from.after(7 * 86_400_000)), |text| instant("--to", text))?;
    if to <= from {
        return Err(Failure::usage("--to must be later than --from"));
    }
    let run_ms = delay::parse_text(&args.run_time).ok().and_then(|ms| u64::try_from(ms).ok());
    let run_ms = run_ms.ok_or_else(|| Failure::usage("--run-time must be a time such as 1s or 250ms"))?;
    let mut subjects = Vec::new();
    for path in folder::find(config)? {
        let subject = subject(&path)?;
        if args.only.as_ref().is_none_or(|only| *only == subject.name) {
            subjects.push(subject);
        }
    }
    if subjects.is_empty() {
        let what = args.only.as_ref().map_or_else(|| "no integration".to_owned(), |only| format!("no `{only}`"));
        return Err(Failure::usage(format!("there is {what} in {}", config.display()))
            .help("`tidegate new NAME` makes one; --config names another folder"));
    }
    let mut calls = args.events.as_deref().map(events).transpose()?.unwrap_or_default();
    calls.retain(|call| args.only.as_ref().is_none_or(|only| *only == call.integration));
    let room = args.concurrency.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    Ok(Plan { subjects, calls, from, to, run_ms, limiters: Limiters::default(), room })
}

fn subject(path: &Path) -> Result<Subject, Failure> {
    let folder = folder::load(path)?;
    let at = |error: workers::Error| Failure::usage(format!("{}: {error}", path.display()));
    let settings = Settings::parse(&folder.body["settings"]).map_err(at)?;
    let trigger = folder.body["trigger"].as_str().and_then(|name| name.parse::<Trigger>().ok());
    let trigger = trigger.ok_or_else(|| Failure::usage(format!("{}: `trigger` is none", path.display())))?;
    Ok(Subject { name: folder.name, id: None, trigger, settings })
}

/// The calls of a file, sorted by their times.
fn events(path: &Path) -> Result<Vec<Call>, Failure> {
    let unreadable = |error: io::Error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let input: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(fs::File::open(path).map_err(unreadable)?))
    };
    let mut calls = Vec::new();
    for (number, line) in input.lines().enumerate() {
        let line = line.map_err(unreadable)?;
        if line.trim().is_empty() {
            continue;
        }
        if calls.len() == MAX_CALLS {
            return Err(Failure::usage(format!("{} holds more than {MAX_CALLS} calls", path.display())));
        }
        let call = Call::parse(&line);
        calls.push(call.map_err(|error| Failure::usage(format!("{}:{}: {error}", path.display(), number + 1)))?);
    }
    calls.sort_by_key(|call| call.at);
    Ok(calls)
}

fn instant(field: &str, text: &str) -> Result<Millis, Failure> {
    let value = text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
    due::parse_instant(field, &value).map_err(|error| Failure::usage(error.to_string()))
}

/// Talk about what is not shown.
fn say_more(hidden: usize) {
    terminal::say(&format!("… and {hidden} more; --lines 0 shows all, --json prints them for other programs"));
}
