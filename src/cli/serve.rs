//! `serve`: a server, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use store::Engine;
use tokio_util::sync::CancellationToken;
use toml::Value;

use super::store::migrate;
use super::{Failure, examples, terminal, welcome};
use crate::app::{self, App};
use crate::config::{self, Environment, Flags};
use crate::{echo, logging, shutdown};

/// The flags of `serve`; each wins over its environment variable, the file and the default.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate serve                                   on 127.0.0.1:7070, data in ./data
  tidegate serve --examples                        with integrations to try, and a server for them to talk to
  tidegate serve --listen 0.0.0.0:7070 --data /var/lib/tidegate
  TIDEGATE_QUEUE=redis://10.0.0.5:6379/0 tidegate serve
                                                   jobs wait in Redis, for several processes
  tidegate serve --roles worker                    runs jobs, answers no HTTP
  TIDEGATE_EGRESS_ALLOW=10.0.0.0/8:443 tidegate serve

Every setting is explained in config.default.toml. SIGTERM or Ctrl-C stops it: running jobs finish first.")]
pub struct Args {
    /// Where the API listens; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The folder for the queue and the catalog [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What this process does [default: api,worker,scheduler]
    #[arg(long, value_delimiter = ',', value_name = "ROLES", value_parser = ["api", "worker", "scheduler"])]
    roles: Vec<String>,
    /// Where jobs wait: embedded, or a Redis; TIDEGATE_QUEUE hides a password from the list of processes
    /// [default: embedded]
    #[arg(long, value_name = "URL")]
    queue: Option<String>,
    /// Where integrations and history live [default: embedded]
    #[arg(long, value_name = "URL")]
    catalog: Option<String>,
    /// The configuration file [default: ./tidegate.toml, else /etc/tidegate/tidegate.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Deploy the examples that are not there yet, and start the echo server they talk to
    #[arg(long)]
    examples: bool,
    /// Where the echo server of --examples listens
    #[arg(long, value_name = "ADDRESS", default_value = echo::USUAL_ADDRESS)]
    echo: SocketAddr,
}

impl Args {
    fn flags(&self) -> Flags {
        let text = |value: &Option<String>| value.clone().map(Value::String);
        let flags = [
            ("server.listen", self.listen.map(|listen| Value::String(listen.to_string()))),
            ("server.data", self.data.as_ref().map(|data| Value::String(data.to_string_lossy().into_owned()))),
            ("server.roles", (!self.roles.is_empty()).then(|| Value::from(self.roles.clone()))),
            ("queue.engine", text(&self.queue)),
            ("catalog.engine", text(&self.catalog)),
        ];
        flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// Says where jobs wait, and what about that may lose them.
async fn announce(queue: &Engine) {
    let redis = match queue {
        Engine::Embedded(_) => return tracing::info!(queue = "embedded", "jobs wait in a file of the data folder"),
        Engine::Redis(redis) => redis,
    };
    tracing::info!(queue = redis.shown(), "jobs wait in Redis");
    match redis.warnings().await {
        Ok(warnings) => warnings.iter().for_each(|warning| tracing::warn!(queue = redis.shown(), "{warning}")),
        Err(error) => tracing::warn!(%error, "it cannot be told whether this Redis keeps what it is given"),
    }
}

/// Runs a server.
pub async fn serve(args: Args) -> Result<(), Failure> {
    let config = config::load(args.config.as_deref(), &Environment::of_process(), args.flags())?;
    migrate::guard(&config)?;
    logging::start(config.server.log_format, &config.server.log_level)?;
    let stop = CancellationToken::new();
    shutdown::listen(stop.clone())?;
    let echo = match args.examples {
        true => Some(
            app::listen(args.echo)
                .await
                .map_err(|failure| failure.help("choose another address with --echo, such as 127.0.0.1:0"))?,
        ),
        false => None,
    };
    let echo_address = echo.as_ref().map(|listener| listener.local_addr()).transpose()?;
    let openings = echo_address.map(app::opening_of).transpose()?;
    let mut app = App::open(&config, openings.into_iter().collect(), stop).await?;
    announce(&app.services.queue).await;
    if app.services.master_key_made {
        tracing::warn!(
            file = app.services.secrets.key_place(),
            "a master key was made: back this file up, apart from the data; without it stored secrets cannot be read"
        );
    }
    if let Some(listener) = echo {
        app.echo(listener);
    }
    if let Some(address) = echo_address {
        examples::deploy(&app.services, address).await?;
    }
    app.start(&config);
    if let Some(address) = app.address {
        if let Some(key) = &app.admin_key {
            welcome::first_start(address, key, args.examples);
        }
        terminal::say(&format!("listening on http://{address}"));
    }
    app.finish().await
}
