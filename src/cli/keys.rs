//! `keys`: API keys of a server, and the keys that its secrets are encrypted with.

use std::path::PathBuf;

use ::schedules::SystemClock;
use indicatif::{ProgressBar, ProgressStyle};
use store::catalog::Catalog;
use toml::Value;

use super::{Failure, terminal};
use crate::app;
use crate::config::{self, Environment, Flags};

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate keys create 'web shop' --publishable --origin https://shop.example --integration slack
  tidegate keys list
  tidegate keys rotate                                a new master key, for the data in ./data
  tidegate keys rotate --data /var/lib/tidegate --reencrypt")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make an API key; it is printed now, and never shown again
    #[command(after_help = super::api_keys::CREATE_HELP)]
    Create(super::api_keys::Create),
    /// Show the API keys, without the keys themselves
    #[command(after_help = super::api_keys::LIST_HELP)]
    List(super::api_keys::Listing),
    /// Make an API key invalid at once
    #[command(after_help = super::api_keys::REVOKE_HELP)]
    Revoke(super::api_keys::Revoke),
    /// Change the master key while servers run; when it was cut off, the same command goes on with it
    #[command(after_help = "\
Examples:
  tidegate keys rotate
  tidegate keys rotate --reencrypt                    also encrypts every secret anew
  TIDEGATE_MASTER_KEY=NEW,OLD tidegate keys rotate    with keys that are not in a file

The old key file is kept beside the new one: backups of the data from before need it. Delete it when they are gone.")]
    Rotate(Rotate),
}

#[derive(clap::Args)]
struct Rotate {
    /// The folder of the catalog [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file [default: ./tidegate.toml, else /etc/tidegate/tidegate.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make new data keys too, and encrypt every secret anew
    #[arg(long)]
    reencrypt: bool,
}

/// Does what was asked.
pub async fn keys(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Create(args) => super::api_keys::create(args).await,
        Command::List(args) => super::api_keys::list(args).await,
        Command::Revoke(args) => super::api_keys::revoke(args).await,
        Command::Rotate(args) => rotate(args).await,
    }
}

async fn rotate(args: Rotate) -> Result<(), Failure> {
    let data = args.data.as_ref().map(|data| Value::String(data.to_string_lossy().into_owned()));
    let flags: Flags = data.map(|data| ("server.data", data)).into_iter().collect();
    let config = config::load(args.config.as_deref(), &Environment::of_process(), flags)?;
    let file = config.server.data.join("catalog.db");
    if !file.is_file() {
        return Err(Failure::usage(format!("there is no catalog in {}", config.server.data.display()))
            .help("--data names the folder of a server's data"));
    }
    let catalog = Catalog::open(&file).await?;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{msg} {pos}/{len}").unwrap_or_else(|_| ProgressStyle::default_bar()));
    let tell = |what: &str, done: usize, of: usize| {
        bar.set_message(what.to_owned());
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let rotated =
        workers::secrets::rotate(&catalog, &app::master_key(&config), &SystemClock, args.reencrypt, tell).await;
    bar.finish_and_clear();
    catalog.close().await;
    let rotated = rotated?;
    let (keys, secrets) = (rotated.data_keys, rotated.secrets);
    terminal::say(&format!(
        "the master key is {} now; encrypted anew: {keys} data keys, {secrets} secrets",
        rotated.master
    ));
    for file in rotated.retired {
        terminal::say(&format!("the one before is in {}: only older backups need it", file.display()));
    }
    Ok(())
}
