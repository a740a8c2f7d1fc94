//! `keys create`, `list` and `revoke`: the API keys of a server.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, Connection, segment};
use super::{Failure, table, terminal};

pub const CREATE_HELP: &str = "\
Examples:
  tidegate keys create 'web shop' --publishable --origin https://shop.example --integration slack
  tidegate keys create 'web shop' --publishable --origin https://shop.example --integration slack --rate 20/1s --burst 200
  tidegate keys create backend --scope invoke --integration order-alert
  tidegate keys create ci --scope deploy --scope read

A publishable key stands in web pages for everyone to see. It works from the named origins, for the named integrations, and executes,
schedules, reschedules and cancels; it reads nothing.";
pub const LIST_HELP: &str = "\
Examples:
  tidegate keys list
  tidegate keys list --json";
pub const REVOKE_HELP: &str = "\
Examples:
  tidegate keys revoke 01JD4Z8M3V9Q6T5X2Y7W0K1B8C";

/// How many keys are asked for at a time.
const PAGE: usize = 100;

#[derive(clap::Args)]
pub struct Create {
    /// What it is for
    name: String,
    /// For web pages: may be seen by everyone
    #[arg(long, requires = "origin", requires = "integration")]
    publishable: bool,
    /// What it may do: admin, deploy, invoke or read; may be repeated [with --publishable: invoke]
    #[arg(long, required_unless_present = "publishable", conflicts_with = "publishable")]
    scope: Vec<String>,
    /// An integration it is bound to; may be repeated [default: all]
    #[arg(long, value_name = "NAME")]
    integration: Vec<String>,
    /// A browser origin it is bound to, such as https://shop.example; may be repeated [default: any client]
    #[arg(long)]
    origin: Vec<String>,
    /// Let a publishable key cancel and reschedule by a part of a job's key
    #[arg(long, requires = "publishable")]
    allow_match: bool,
    /// How many requests it may make, as in 20/1s [default: 300/1s]
    #[arg(long, value_name = "N/TIME")]
    rate: Option<String>,
    /// How many requests at once [default: as in --rate]
    #[arg(long, value_name = "N", requires = "rate")]
    burst: Option<u32>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(clap::Args)]
pub struct Listing {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(clap::Args)]
pub struct Revoke {
    /// Its id, as `keys list` shows it
    id: String,
    #[command(flatten)]
    connection: Connection,
}

/// Makes a key, and prints it alone to stdout.
pub async fn create(args: Create) -> Result<(), Failure> {
    let mut body = json!({
        "name": args.name,
        "integrations": args.integration,
        "origins": args.origin,
        "publishable": args.publishable,
        "allowMatch": args.allow_match,
    });
    if !args.publishable {
        body["scopes"] = args.scope.into();
    }
    if let Some(rate) = &args.rate {
        body["rateLimit"] = self::rate(rate, args.burst)?;
    }
    let key = Client::new(&args.connection)?.send(Method::POST, "/v1/api-keys", &body).await?;
    terminal::out(key["key"].as_str().unwrap_or_default());
    terminal::say(&format!("keep it: it is not shown again; its id is {}", key["id"].as_str().unwrap_or_default()));
    Ok(())
}

/// `20/1s` as the API has it.
fn rate(text: &str, burst: Option<u32>) -> Result<Value, Failure> {
    let parts = text.split_once('/').and_then(|(limit, interval)| Some((limit.trim().parse::<u32>().ok()?, interval)));
    let Some((limit, interval)) = parts else {
        return Err(Failure::usage(format!("--rate {text}: this is no rate")).help("write it as 20/1s or 100/1m"));
    };
    Ok(json!({ "limit": limit, "interval": interval.trim(), "burst": burst }))
}

/// Prints every key there is, newest first.
pub async fn list(args: Listing) -> Result<(), Failure> {
    let client = Client::new(&args.connection)?;
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/api-keys?first={PAGE}{after}")).await?;
        keys.extend(page["items"].as_array().cloned().unwrap_or_default());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={}", segment(next));
    }
    if args.json {
        terminal::out(&json!(keys).to_string());
        return Ok(());
    }
    let rows: Vec<[String; 6]> = keys.iter().map(row).collect();
    let head = ["ID", "KEY", "MAY", "FOR", "FROM", "NAME"];
    table::lines(head, &rows).iter().for_each(|line| terminal::out(line));
    Ok(())
}

fn row(key: &Value) -> [String; 6] {
    let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
    let list = |name: &str, none: &str| {
        let words: Vec<&str> = key[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if words.is_empty() { none.to_owned() } else { words.join(" ") }
    };
    let may = match (key["revokedAt"].is_string(), key["publishable"] == true) {
        (true, _) => "revoked".to_owned(),
        (false, true) => "publishable".to_owned(),
        (false, false) => list("scopes", ""),
    };
    let prefix = format!("{}…", text("prefix"));
    [text("id"), prefix, may, list("integrations", "all"), list("origins", "anywhere"), text("name")]
}

/// Revokes a key.
pub async fn revoke(args: Revoke) -> Result<(), Failure> {
    let path = format!("/v1/api-keys/{}", segment(&args.id));
    Client::new(&args.connection)?.send(Method::DELETE, &path, &json!({})).await?;
    terminal::say("it is not valid any more");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        let check = |text: &str, expected: Option<Value>| assert_eq!(rate(text, None).ok(), expected, "{text}");
        check("20/1s", Some(json!({"limit": 20, "interval": "1s", "burst": null})));
        check("100 / 2 minutes", Some(json!({"limit": 100, "interval": "2 minutes", "burst": null})));
        ["", "20", "x/1s", "-1/1s"].into_iter().for_each(|text| check(text, None));
    }

    #[test]
    fn a_line_says_what_a_key_may() {
        let key = |more: Value| {
            let mut key = json!({"id": "i", "prefix": "tg_ab", "name": "n", "scopes": ["read"], "revokedAt": null});
            key.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
            row(&key)[2..5].join("|")
        };
        assert_eq!(key(json!({})), "read|all|anywhere");
        let bound = json!({"publishable": true, "integrations": ["a", "b"], "origins": ["https://a.example"]});
        assert_eq!(key(bound), "publishable|a b|https://a.example");
        assert_eq!(key(json!({"revokedAt": "2026-01-01T00:00:00Z"})), "revoked|all|anywhere");
    }
}
