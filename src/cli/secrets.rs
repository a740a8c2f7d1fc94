//! `secrets`: set, list and delete the secrets of a server. A value never stands on a command line.

use std::io::{IsTerminal, Read};

use reqwest::Method;
use serde_json::{Value, json};
use workers::secrets::MAX_SECRET_BYTES;

use super::client::{Client, Connection, segment};
use super::{Failure, terminal};

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate secrets set CHAT_TOKEN                          asks for the value
  tidegate secrets set CHAT_TOKEN < token.txt              takes it from a file
  pass show chat | tidegate secrets set CHAT_TOKEN --integration order-alert
  tidegate secrets list --integration order-alert
  tidegate secrets delete CHAT_TOKEN")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Store a value, or a new value
    #[command(after_help = "\
Examples:
  tidegate secrets set CHAT_TOKEN < token.txt
  tidegate secrets set PAY_KEY --integration checkout --gateway-only --host api.pay.example")]
    Set(Set),
    /// Show names and times; values are never shown
    #[command(after_help = "\
Examples:
  tidegate secrets list
  tidegate secrets list --integration order-alert")]
    List(Listing),
    /// Forget a secret
    #[command(after_help = "\
Examples:
  tidegate secrets delete CHAT_TOKEN
  tidegate secrets delete CHAT_TOKEN --integration order-alert")]
    Delete(Delete),
}

#[derive(clap::Args)]
struct Set {
    /// Its name
    name: String,
    #[command(flatten)]
    of: Of,
    /// Scripts see a placeholder only, which is resolved when a request leaves
    #[arg(long)]
    gateway_only: bool,
    /// A host it may be sent to by a placeholder, such as api.example.com; may be repeated [default: any]
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(clap::Args)]
struct Listing {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    connection: Connection,
}

#[derive(clap::Args)]
struct Delete {
    /// Its name
    name: String,
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    connection: Connection,
}

#[derive(clap::Args)]
struct Of {
    /// The integration whose secret it is [default: the whole workspace's]
    #[arg(long, value_name = "NAME")]
    integration: Option<String>,
}

impl Of {
    fn path(&self) -> String {
        match &self.integration {
            Some(name) => format!("/v1/integrations/{}/secrets", segment(name)),
            None => "/v1/secrets".to_owned(),
        }
    }

    fn secret(&self, name: &str) -> String {
        format!("{}/{}", self.path(), segment(name))
    }
}

/// Does what was asked.
pub async fn secrets(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Set(args) => set(args).await,
        Command::List(args) => list(args).await,
        Command::Delete(args) => delete(args).await,
    }
}

async fn set(args: Set) -> Result<(), Failure> {
    let client = Client::new(&args.connection)?;
    let body = json!({ "value": value(&args.name)?, "gatewayOnly": args.gateway_only, "hosts": args.host });
    client.send(Method::PUT, &args.of.secret(&args.name), &body).await?;
    terminal::say(&format!("{} is set; the next run sees it", args.name));
    Ok(())
}

/// The value: typed in unseen, or all of standard input but the line end that a file has.
fn value(name: &str) -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password(format!("{name}: "))?);
    }
    let mut text = String::new();
    let limit = MAX_SECRET_BYTES as u64 + 2;
    let read = std::io::stdin().take(limit).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
    let bare = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
    Ok(bare.map_or_else(|| text.clone(), str::to_owned))
}

async fn list(args: Listing) -> Result<(), Failure> {
    let answer = Client::new(&args.connection)?.get(&args.of.path()).await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    if items.is_empty() {
        terminal::say("there are none; `tidegate secrets set NAME` stores one");
    }
    items.iter().for_each(|secret| terminal::out(&line(secret)));
    Ok(())
}

fn line(secret: &Value) -> String {
    let text = |name: &str| secret[name].as_str().unwrap_or_default();
    let hosts: Vec<&str> = secret["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let only = if secret["gatewayOnly"] == true { "gateway only" } else { "" };
    let line = format!("{:<24} {:<26} {only:<14} {}", text("name"), text("updatedAt"), hosts.join(" "));
    line.trim_end().to_owned()
}

async fn delete(args: Delete) -> Result<(), Failure> {
    Client::new(&args.connection)?.send(Method::DELETE, &args.of.secret(&args.name), &json!({})).await?;
    terminal::say(&format!("{} is gone", args.name));
    Ok(())
}
