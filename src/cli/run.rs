//! `run`: one integration, here and now, in an engine of its own that leaves nothing behind.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scripts::protocol::ScriptError;
use serde_json::Value;
use store::catalog::{Outcome, RunRecord};
use tokio_util::sync::CancellationToken;
use workers::authoring::{self, Submission};
use workers::live::Update;
use workers::{Roles, Services};

use super::failure::code;
use super::{Failure, folder, terminal};
use crate::app;
use crate::config::{self, Environment};

/// What to run, and with what.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate run hello                                  the folder ./hello, with its sample.json
  tidegate run hello --payload order.json             with another payload
  echo '{\"id\":1}' | tidegate run hello --payload -    with one from a pipe
  tidegate run hello --secret CHAT_TOKEN=t-20394857 --allow 127.0.0.1/32:9000
  tidegate run hello 2>/dev/null | jq .               the result only

Logs go to stderr, the result to stdout. Private addresses are closed to scripts, as on a server; --allow opens one.")]
pub struct Args {
    /// The folder of the integration, or its name below this folder
    target: String,
    /// A file with the payload, or - for standard input [default: the folder's sample.json]
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// A secret, as NAME=VALUE; TIDEGATE_SECRET_<NAME> works as well, and stays out of the shell's history
    #[arg(long, value_name = "NAME=VALUE", value_parser = secret)]
    secret: Vec<(String, String)>,
    /// Open an address range and port to the script, as CIDR:port
    #[arg(long, value_name = "CIDR:PORT")]
    allow: Vec<String>,
}

/// Reads `NAME=VALUE`.
pub fn secret(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a secret is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Most bytes of a payload; the engine's own bound is smaller, and says so itself.
const MAX_PAYLOAD_BYTES: u64 = 4 << 20;

/// Runs it.
pub async fn run(args: Args) -> Result<(), Failure> {
    let folder = folder::load(&find(&args.target)?)?;
    let payload = match &args.payload {
        Some(path) => payload(path)?,
        None => folder.body["sample"].clone(),
    };
    let data = tempfile::tempdir()?;
    let services = open(&args, data.path()).await?;
    let stop = CancellationToken::new();
    let roles = Roles { api: false, worker: true, scheduler: false };
    // The script may call integrations, and these calls need a worker.
    let work = tokio::spawn(workers::work(services.clone(), roles, stop.clone(), std::time::Duration::ZERO));
    let ran = preview(&services, &folder, payload).await;
    stop.cancel();
    let worked = work.await.map_err(|error| Failure::new(error.to_string()))?;
    let record = ran?;
    worked?;
    report(&record)
}

/// The folder `target`, or the one below this folder whose integration has that name.
fn find(target: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(target);
    if path.is_dir() {
        return Ok(path);
    }
    let here = folder::find(Path::new("."))?;
    let named = here.into_iter().find(|path| folder::load(path).is_ok_and(|folder| folder.name == target));
    named.ok_or_else(|| {
        Failure::usage(format!("there is no folder `{target}`, and no integration of that name below this folder"))
            .help("`tidegate new NAME` makes one")
            .exit(code::NOT_FOUND)
    })
}

fn payload(path: &Path) -> Result<Value, Failure> {
    let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let unreadable = |error: std::io::Error| Failure::usage(format!("{shown} cannot be read: {error}"));
    let source: Box<dyn Read> = match shown.as_str() {
        "standard input" => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(unreadable)?),
    };
    let mut text = String::new();
    source.take(MAX_PAYLOAD_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    serde_json::from_str(&text).map_err(|error| Failure::usage(format!("{shown} is not JSON: {error}")))
}

async fn open(args: &Args, data: &Path) -> Result<Services, Failure> {
    let mut environment: BTreeMap<String, String> = Environment::of_process().secrets()?;
    environment.extend(args.secret.iter().cloned());
    let openings = args.allow.iter().map(|text| app::opening(text)).collect::<Result<Vec<_>, _>>()?;
    let mut config = config::load(None, &Environment::of_process().only(&["TIDEGATE_SANDBOX"]), Vec::new())?;
    config.server.data = data.to_path_buf();
    config.environment_secrets = environment;
    config.runs.concurrency = 2;
    app::services(&config, openings, Vec::new()).await
}

async fn preview(services: &Services, folder: &folder::Folder, payload: Value) -> Result<Arc<RunRecord>, Failure> {
    let submission = Submission::parse(folder.body.clone())?;
    authoring::save(services, &folder.name, submission).await?;
    let (_, mut follow) = authoring::preview(services, &folder.name, payload).await?;
    while let Some(update) = follow.next().await {
        match update {
            Update::Line { line, .. } => {
                terminal::say(&terminal::log_line(line.at_ms.into(), &line.level, &line.message))
            }
            Update::Finished(record) => return Ok(record),
            Update::Started(_) | Update::GivenUp { .. } => {}
        }
    }
    Err(Failure::new("the run was lost"))
}

fn report(record: &RunRecord) -> Result<(), Failure> {
    if record.outcome == Outcome::Succeeded {
        let result: Value = serde_json::from_str(record.result.as_deref().unwrap_or("null")).unwrap_or_default();
        terminal::out(&serde_json::to_string_pretty(&result).unwrap_or_default());
        return Ok(());
    }
    let error = record.error.as_deref().and_then(|error| serde_json::from_str::<ScriptError>(error).ok());
    terminal::say(&error.map_or_else(|| record.outcome.to_string(), |error| terminal::script_error(&error)));
    Err(Failure::silent(code::FAILED))
}
