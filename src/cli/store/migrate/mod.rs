//! `store migrate`: moves everything a queue holds to another engine, and compares both sides.

mod progress;
mod report;
mod side;
mod state;
mod work;

use std::path::PathBuf;

use ::store::queue::{Queue, Survey, Transfer};
use ::store::{Engine, Error};
use schedules::Millis;
use tokio_util::sync::CancellationToken;
use toml::Value;

use self::side::Side;
use self::state::State;
use self::work::Work;
use crate::cli::{Failure, terminal};
use crate::config::{self, Config, Environment};
use crate::shutdown;

pub use self::state::guard;

/// From where to where.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate store migrate --from embedded --to redis://10.0.0.5:6379/0 --plan
                                  what there is to move, and what to know before
  tidegate store migrate --from embedded --to redis://10.0.0.5:6379/0 --data /var/lib/tidegate
  TIDEGATE_FROM=redis://:secret@10.0.0.5/0 tidegate store migrate --to embedded
                                  the way back
  tidegate store migrate --from redis://10.0.0.5/0 --to redis+cluster://10.0.1.1,10.0.1.2

Stop all servers first. The target must be empty; the source is left as it is.
Ctrl-C stops it, and the same command goes on from there: DIR/migrate.json remembers how far it came.
docs/OPERATIONS.md goes through it step by step.

Exit codes: 0 moved, and both sides are the same, 1 not, 2 wrong usage, 3 no queue there, 130 interrupted")]
pub struct Args {
    /// Where jobs wait now: embedded, or a Redis; TIDEGATE_FROM hides a password from the list of processes
    #[arg(long, value_name = "ENGINE", env = "TIDEGATE_FROM", hide_env = true)]
    from: String,
    /// Where they are to wait; TIDEGATE_TO hides a password
    #[arg(long, value_name = "ENGINE", env = "TIDEGATE_TO", hide_env = true)]
    to: String,
    /// The folder of the embedded queue, and of migrate.json [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What the keys of a queue in Redis begin with [default: queue.prefix, which is tidegate]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// The same of the target, where that is another one [default: --prefix]
    #[arg(long, value_name = "PREFIX")]
    to_prefix: Option<String>,
    /// Show what would be moved, and change nothing
    #[arg(long)]
    plan: bool,
    /// The configuration file [default: ./tidegate.toml, else /etc/tidegate/tidegate.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Args {
    fn load(&self) -> Result<Config, Failure> {
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let data = self.data.as_ref().map(|data| Value::String(data.to_string_lossy().into_owned()));
        let flags = [("server.data", data), ("queue.prefix", text(&self.prefix))];
        let flags = flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        Ok(config::load(self.config.as_deref(), &Environment::of_process(), flags)?)
    }
}

/// Moves it.
pub async fn migrate(args: Args) -> Result<(), Failure> {
    let config = args.load()?;
    if !args.plan {
        // So that it has one name from the beginning.
        std::fs::create_dir_all(&config.server.data)?;
    }
    let from = Side::new("--from", &args.from, None, &config)?;
    let to = Side::new("--to", &args.to, args.to_prefix.as_deref(), &config)?;
    if from.name() == to.name() {
        return Err(Failure::usage(format!("--from and --to are the same queue: {}", from.name()))
            .help("two queues of one Redis have different prefixes: --prefix and --to-prefix"));
    }
    let stop = CancellationToken::new();
    shutdown::listen(stop.clone())?;
    let known = State::load(&config.server.data)?;
    let known = state::of_this_move(known, &from, &to, &config.server.data)?;
    if !from.is_there().await? {
        return Err(from.missing());
    }
    let source = from.open().await?;
    let (survey, now) = (source.survey().await?, source.now().await?);
    if args.plan {
        return plan((&from, &to), (&survey, now), known, &config).await;
    }
    stands_still(&survey, now)?;
    nobody_else_has(&from, &source).await?;
    let target = to.open().await?;
    nobody_else_has(&to, &target).await?;
    let found = target.survey().await?;
    let state = match known {
        Some(state) => state.resumed(&survey, &found)?,
        None => {
            must_be_empty(&to, &found)?;
            State::begun(&config.server.data, &from, &to, &survey)?
        }
    };
    for warning in warnings(&to, &survey, &config).await? {
        terminal::say(&report::warning(&warning));
    }
    let work = Work { source: &source, target: &target, to: &to, state, stop };
    let moved = work.run(survey.records()).await?;
    report::last_words(&from, &to, moved).iter().for_each(|line| terminal::say(line));
    Ok(())
}

async fn plan(
    (from, to): (&Side, &Side),
    (survey, now): (&Survey, Millis),
    known: Option<State>,
    config: &Config,
) -> Result<(), Failure> {
    let found = if to.is_there().await? { to.open().await?.survey().await? } else { Survey::default() };
    let copied = known.as_ref().map(State::read);
    report::plan((from, to), (survey, &found), copied).iter().for_each(|line| terminal::out(line));
    for warning in warnings(to, survey, config).await? {
        terminal::out(&report::warning(&warning));
    }
    stands_still(survey, now)?;
    match known {
        Some(state) => drop(state.resumed(survey, &found)?),
        None => must_be_empty(to, &found)?,
    }
    terminal::say("nothing was changed; the same command without --plan moves them");
    Ok(())
}

/// Refuses a source that workers use.
fn stands_still(survey: &Survey, now: Millis) -> Result<(), Failure> {
    if survey.running == 0 {
        return Ok(());
    }
    let left_ms = survey.leases_end.map_or(0, |end| end.since(now).max(0)).unsigned_abs();
    let busy = Error::Busy { jobs: survey.running, left_ms };
    Err(Failure::from(busy)
        .help("SIGTERM lets a server finish what it runs; a lease ends by itself when its server is gone"))
}

/// Refuses a queue that a server has open: it may be idle now, and not in a moment. A file has a lock for that.
async fn nobody_else_has(side: &Side, queue: &Engine) -> Result<(), Failure> {
    let Engine::Redis(redis) = queue else { return Ok(()) };
    match redis.others().await? {
        0 => Ok(()),
        others => {
            Err(Failure::new(format!("stop all servers first: {} is open in {others} other processes", side.name()))
                .help("Redis forgets those of a machine that is gone after some minutes"))
        }
    }
}

fn must_be_empty(to: &Side, found: &Survey) -> Result<(), Failure> {
    if found.is_empty() {
        return Ok(());
    }
    let message = format!("{} is not empty: it holds {}", to.name(), report::in_short(found));
    Err(Failure::new(message).help(to.how_to_empty()))
}

/// What may lose jobs, or keep new ones out.
async fn warnings(to: &Side, survey: &Survey, config: &Config) -> Result<Vec<String>, Failure> {
    let mut warnings = to.warnings().await?;
    let most = config.queue.max_jobs;
    if survey.jobs() > most {
        warnings.push(format!(
            "the source holds {} jobs, and queue.max_jobs is {most}: raise it, or no new job is taken until there are fewer",
            survey.jobs()
        ));
    }
    Ok(warnings)
}
