//! `limits`: look into the rate limits of an integration; pause, resume and reset single keys.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Account, segment};
use super::{Failure, table, terminal};

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate limits show order-alert                              every rule, added up
  tidegate limits show order-alert 0 --key '{\"channel\":\"vip\"}'   one key of the first rule
  tidegate limits top order-alert 0 --by waiting
  tidegate limits pause order-alert 0 --key '{\"channel\":\"vip\"}'
  tidegate limits reset order-alert 0")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the rules of an integration, or one key of a rule
    #[command(after_help = "\
Examples:
  tidegate limits show order-alert
  tidegate limits show order-alert 0 --key '{\"channel\":\"vip\"}'")]
    Show(Show),
    /// Show the keys of a rule of which there is most
    #[command(after_help = "\
Examples:
  tidegate limits top order-alert 0
  tidegate limits top order-alert 0 --by refused -n 50")]
    Top(Top),
    /// Let the jobs of a key wait until it is resumed
    #[command(after_help = "\
Examples:
  tidegate limits pause order-alert 0 --key '{\"channel\":\"vip\"}'")]
    Pause(One),
    /// Let the jobs of a key go on
    #[command(after_help = "\
Examples:
  tidegate limits resume order-alert 0 --key '{\"channel\":\"vip\"}'")]
    Resume(One),
    /// Empty the bucket of a key, and end its back-pressure
    #[command(after_help = "\
Examples:
  tidegate limits reset order-alert 0 --key '{\"channel\":\"vip\"}'
  tidegate limits reset order-alert 1                           a rule of the whole integration")]
    Reset(One),
}

#[derive(clap::Args)]
struct Show {
    /// The integration
    integration: String,
    /// A rule: its place in the settings, from 0 on
    rule: Option<usize>,
    /// A key, as JSON
    #[arg(long, value_name = "JSON", requires = "rule")]
    key: Option<String>,
    /// Print the server's answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Account,
}

#[derive(clap::Args)]
struct Top {
    /// The integration
    integration: String,
    /// The rule: its place in the settings, from 0 on
    rule: usize,
    /// Those first of which there is most
    #[arg(long, default_value = "level", value_parser = ["level", "waiting", "refused"])]
    by: String,
    /// How many
    #[arg(short, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    n: u16,
    /// Print the server's answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Account,
}

#[derive(clap::Args)]
struct One {
    /// The integration
    integration: String,
    /// The rule: its place in the settings, from 0 on
    rule: usize,
    /// The key, as JSON; none for a rule of the whole integration
    #[arg(long, value_name = "JSON")]
    key: Option<String>,
    #[command(flatten)]
    place: Account,
}

/// Does what was asked.
pub async fn limits(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Show(args) => show(args).await,
        Command::Top(args) => top(args).await,
        Command::Pause(args) => change(args, "pause").await,
        Command::Resume(args) => change(args, "resume").await,
        Command::Reset(args) => change(args, "reset").await,
    }
}

async fn show(args: Show) -> Result<(), Failure> {
    let base = format!("/v1/integrations/{}/limits", segment(&args.integration));
    let client = args.place.client()?;
    let Some(rule) = args.rule else {
        let answer = client.get(&base).await?;
        if args.json {
            terminal::out(&answer.to_string());
            return Ok(());
        }
        let rules = items(&answer);
        if rules.is_empty() {
            terminal::say("it has no rate limits");
        }
        return print(
            ["RULE", "LIMIT", "LIMITER", "KEYS", "SHUT", "WAITING", "REFUSED TODAY"],
            rules.iter().map(rule_row),
        );
    };
    let query = args.key.as_deref().map_or_else(String::new, |key| format!("?key={}", segment(key)));
    let answer = client.get(&format!("{base}/{rule}/key{query}")).await?;
    if args.json {
        terminal::out(&answer.to_string());
        return Ok(());
    }
    print(KEY_HEAD, std::iter::once(key_row(&answer)))
}

async fn top(args: Top) -> Result<(), Failure> {
    let path = format!(
        "/v1/integrations/{}/limits/{}/keys?by={}&first={}",
        segment(&args.integration),
        args.rule,
        args.by,
        args.n
    );
    let answer = args.place.client()?.get(&path).await?;
    if args.json {
        terminal::out(&answer.to_string());
        return Ok(());
    }
    let keys = items(&answer);
    if keys.is_empty() {
        terminal::say("all of its buckets are empty");
    }
    print(KEY_HEAD, keys.iter().map(key_row))
}

async fn change(args: One, verb: &str) -> Result<(), Failure> {
    let key = args.key.as_deref().map(serde_json::from_str::<Value>).transpose();
    let key = key.map_err(|error| Failure::usage(format!("--key is not JSON: {error}")))?;
    let path = format!("/v1/integrations/{}/limits/{}/keys/{verb}", segment(&args.integration), args.rule);
    let body = key.map_or_else(|| json!({}), |key| json!({ "key": key }));
    let answer = args.place.client()?.send(Method::POST, &path, &body).await?;
    print(KEY_HEAD, std::iter::once(key_row(&answer)))
}

const KEY_HEAD: [&str; 6] = ["LEVEL", "NEXT SLOT", "WAITING", "REFUSED TODAY", "STATE", "KEY"];

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn print<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<(), Failure> {
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        table::lines(head, &rows).iter().for_each(|line| terminal::out(line));
    }
    Ok(())
}

fn rule_row(rule: &Value) -> [String; 7] {
    let limiter = rule["limiter"].as_str().unwrap_or("-").to_owned();
    let text = rule["text"].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| rule[name].to_string();
    [number("rule"), text, limiter, number("buckets"), number("shut"), number("waiting"), number("refusedToday")]
}

fn key_row(key: &Value) -> [String; 6] {
    let state = match (key["paused"] == true, key["heldUntil"].as_str()) {
        (true, _) => "paused".to_owned(),
        (false, Some(until)) => format!("held until {until}"),
        (false, None) => "open".to_owned(),
    };
    [
        format!("{}/{}", key["level"], key["capacity"]),
        key["nextSlotAt"].as_str().unwrap_or("-").to_owned(),
        key["waiting"].to_string(),
        key["refusedToday"].to_string(),
        state,
        key["key"].to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_row() {
        let key = json!({"key": {"a": 1}, "level": 3, "capacity": 5, "nextSlotAt": null, "waiting": 7, "refusedToday": 0, "paused": true, "heldUntil": null});
        assert_eq!(key_row(&key), ["3/5", "-", "7", "0", "paused", r#"{"a":1}"#]);
    }
}
