//! `dev`: a server for one folder of integrations; it reloads them on every save and prints what they log.

mod print;
mod reload;
pub(super) mod secrets;
mod watch;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::{Failure, terminal};
use crate::app::{self, App};
use crate::config::{self, Config, Environment};
use crate::{echo, logging, shutdown};

/// The folder for data and the key, below the one that is watched.
const DATA: &str = ".tidegate";
const KEY: &str = "admin-key";

/// What to run.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate dev                     every integration below this folder
  tidegate dev integrations/       of another one
  tidegate dev --listen 127.0.0.1:0 --echo 127.0.0.1:0    on free ports

Every save is a release within a blink. A draft that does not compile is shown with its code frame, and the last good
release stays. Secrets come from .env in the folder (NAME=value). Data and the admin key live in .tidegate.
An echo server runs beside it, for integrations to talk to: it answers every request with what it got.")]
pub struct Args {
    /// The folder to watch
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Where the API listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Where the echo server listens
    #[arg(long, value_name = "ADDRESS", default_value = echo::USUAL_ADDRESS)]
    echo: SocketAddr,
}

/// Runs the folder until Ctrl-C.
pub async fn dev(args: Args) -> Result<(), Failure> {
    let root = args.folder.canonicalize().ok().filter(|root| root.is_dir());
    let root = root.ok_or_else(|| Failure::usage(format!("there is no folder {}", args.folder.display())))?;
    let config = config(&args, &root)?;
    logging::start(config.server.log_format, &config.server.log_level)?;
    let stop = CancellationToken::new();
    shutdown::listen(stop.clone())?;
    let echo = app::listen(args.echo)
        .await
        .map_err(|failure| failure.help("choose another address with --echo, such as 127.0.0.1:0"))?;
    let echo_address = echo.local_addr()?;
    let mut app = App::open(&config, vec![app::opening_of(echo_address)?], stop.clone()).await?;
    app.echo(echo);
    keep_key(&root, app.admin_key.as_deref())?;
    app.start(&config);
    // What the first load starts is printed as well, so listening comes before it; so does watching.
    let printing = tokio::spawn(print::print(app.services.clone()));
    let watching = watch::watch(&root)?;
    let mut reloader = reload::Reloader::new(app.services.clone(), root.clone());
    reloader.first(&watching).await;
    greet(&app, &root, echo_address);
    let reloading = tokio::spawn(async move { reloader.run(watching, stop).await });
    let finished = app.finish().await;
    printing.abort();
    reloading.abort();
    finished
}

fn config(args: &Args, root: &Path) -> Result<Config, Failure> {
    let data = root.join(DATA);
    fs::create_dir_all(&data)?;
    // Neither the database nor the key belongs into a repository.
    fs::write(data.join(".gitignore"), "*\n")?;
    let environment = Environment::of_process();
    let mut config = config::load(None, &environment, Vec::new())?;
    // Nothing but this folder: a queue that other servers use has jobs that are none of its business.
    config.queue.engine = config::Engine::Embedded;
    config.server.listen = args.listen;
    config.server.roles = vec![config::Role::Api, config::Role::Worker, config::Role::Scheduler];
    if environment.get("TIDEGATE_LOG_LEVEL").is_none() {
        // The runs' own logs are what this command is for.
        config.server.log_level = "warn".to_owned();
    }
    config.admin_key = config.admin_key.or_else(|| fs::read_to_string(data.join(KEY)).ok());
    let mut secrets = secrets::read(root)?;
    secrets.append(&mut config.environment_secrets);
    config.environment_secrets = secrets;
    config.server.data = data;
    Ok(config)
}

/// Writes a new key where the next start finds it; readable for this user only.
fn keep_key(root: &Path, key: Option<&str>) -> Result<(), Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    let Some(key) = key else { return Ok(()) };
    let path = root.join(DATA).join(KEY);
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(key.as_bytes())?)
}

fn greet(app: &App, root: &Path, echo: SocketAddr) {
    let address = app.address.map(|address| address.to_string()).unwrap_or_default();
    let key = fs::read_to_string(root.join(DATA).join(KEY)).unwrap_or_else(|_| "$TIDEGATE_ADMIN_KEY".to_owned());
    terminal::say(&format!("watching {}", root.display()));
    terminal::say(&format!("echo server on http://{echo}"));
    terminal::say(&format!("admin key {key}"));
    terminal::say(&format!("listening on http://{address}"));
    let Some(entry) = app.services.directory.all().into_iter().find(|entry| !entry.paused) else {
        return;
    };
    let call = format!(
        "  curl -sS -H 'Authorization: Bearer {key}' --json '{{\"payload\":{{}}}}' http://{address}/v1/integrations/{}/execute",
        entry.name
    );
    terminal::say(&terminal::dim(&call));
}
