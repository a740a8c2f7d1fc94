//! `jobs`: list, look at, cancel, move and replay the jobs of a server.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Account, segment};
use super::{Failure, terminal};

/// What to do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate jobs list --integration reminder-email --match '{\"campaign\": \"spring\"}'
  tidegate jobs show 01JD4Z8M3V9Q6T5X2Y7W0K1B8C
  tidegate jobs cancel 01JD4Z8M3V9Q6T5X2Y7W0K1B8C
  tidegate jobs reschedule --integration reminder-email --key '{\"email\": \"ada@example.com\"}' --delay '2 days'
  tidegate jobs replay 01JD4Z8M3V9Q6T5X2Y7W0K1B8C --release newest")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List jobs in the queue, newest first
    #[command(after_help = "\
Examples:
  tidegate jobs list --state pending
  tidegate jobs list --integration reminder-email --key '{\"email\": \"ada@example.com\"}'
  tidegate jobs list --integration reminder-email --match '{\"campaign\": \"spring\"}' -n 100")]
    List(Listing),
    /// Show everything about a job, as JSON
    #[command(after_help = "\
Examples:
  tidegate jobs show 01JD4Z8M3V9Q6T5X2Y7W0K1B8C")]
    Show(One),
    /// Take pending jobs out: one by its id, or those of a key
    #[command(after_help = "\
Examples:
  tidegate jobs cancel 01JD4Z8M3V9Q6T5X2Y7W0K1B8C
  tidegate jobs cancel --integration reminder-email --key '{\"email\": \"ada@example.com\"}'
  tidegate jobs cancel --integration reminder-email --match '{\"campaign\": \"spring\"}'")]
    Cancel(Target),
    /// Give pending jobs another due time: one by its id, or those of a key
    #[command(after_help = "\
Examples:
  tidegate jobs reschedule 01JD4Z8M3V9Q6T5X2Y7W0K1B8C --delay 1h
  tidegate jobs reschedule --integration reminder-email --match '{\"campaign\": \"spring\"}' --time 2026-03-01T09:00:00Z")]
    Reschedule(Moving),
    /// Run a dead job again
    #[command(after_help = "\
Examples:
  tidegate jobs replay 01JD4Z8M3V9Q6T5X2Y7W0K1B8C
  tidegate jobs replay 01JD4Z8M3V9Q6T5X2Y7W0K1B8C --release newest --payload '{\"order\": 17}'")]
    Replay(Replaying),
}

#[derive(clap::Args)]
struct Listing {
    #[command(flatten)]
    keyed: Keyed,
    /// `pending`, `running` or `dead`
    #[arg(long)]
    state: Option<String>,
    /// How many
    #[arg(short, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=100))]
    n: u16,
    /// Those after this id in the list
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
}

/// Jobs by their key.
#[derive(clap::Args)]
pub struct Keyed {
    /// Of this integration
    #[arg(long, value_name = "NAME")]
    pub integration: Option<String>,
    /// With exactly this key, as JSON; needs --integration
    #[arg(long, value_name = "JSON", conflicts_with = "match", requires = "integration", value_parser = json_text)]
    pub key: Option<Value>,
    /// Whose key contains these fields, as JSON; needs --integration
    #[arg(long, value_name = "JSON", requires = "integration", value_parser = json_text)]
    pub r#match: Option<Value>,
}

#[derive(clap::Args)]
struct One {
    /// The job's id
    id: String,
    #[command(flatten)]
    account: Account,
}

#[derive(clap::Args)]
struct Target {
    /// The job's id
    #[arg(conflicts_with_all = ["key", "match"])]
    id: Option<String>,
    #[command(flatten)]
    keyed: Keyed,
    #[command(flatten)]
    account: Account,
}

#[derive(clap::Args)]
struct Moving {
    #[command(flatten)]
    target: Target,
    /// After this time from now: milliseconds, or a text such as `2 days`
    #[arg(long, conflicts_with = "time", required_unless_present = "time")]
    delay: Option<String>,
    /// At this time: ISO 8601 (without a zone UTC), or Unix milliseconds
    #[arg(long)]
    time: Option<String>,
}

#[derive(clap::Args)]
struct Replaying {
    /// The job's id
    id: String,
    /// `same` (the major release it is pinned to), `newest`, or the number of a major release
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Another payload, as JSON
    #[arg(long, value_name = "JSON", value_parser = json_text)]
    payload: Option<Value>,
    #[command(flatten)]
    account: Account,
}

/// Reads an argument that is JSON.
pub fn json_text(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))
}

/// Does what was asked.
pub async fn jobs(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::List(listing) => list(&listing).await,
        Command::Show(one) => {
            let job = one.account.client()?.get(&format!("/v1/jobs/{}", segment(&one.id))).await?;
            terminal::out(&serde_json::to_string_pretty(&job).unwrap_or_default());
            Ok(())
        }
        Command::Cancel(target) => cancel(&target).await,
        Command::Reschedule(moving) => reschedule(&moving).await,
        Command::Replay(replaying) => replay(&replaying).await,
    }
}

async fn list(listing: &Listing) -> Result<(), Failure> {
    let mut path = format!("/v1/jobs?first={}", listing.n);
    let keyed = &listing.keyed;
    let json = |value: &Option<Value>| value.as_ref().map(ToString::to_string);
    let parts = [
        ("integration", keyed.integration.clone()),
        ("key", json(&keyed.key)),
        ("match", json(&keyed.r#match)),
        ("state", listing.state.clone()),
        ("after", listing.after.clone()),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            path += &format!("&{name}={}", segment(&value));
        }
    }
    let page = listing.account.client()?.get(&path).await?;
    if listing.json {
        terminal::out(&page.to_string());
        return Ok(());
    }
    let jobs = page["items"].as_array().cloned().unwrap_or_default();
    jobs.iter().for_each(|job| terminal::out(&line(job)));
    let total = page["totalCount"].as_u64().unwrap_or_default();
    match page["next"].as_str() {
        Some(next) => terminal::say(&terminal::dim(&format!("{} of {total}; more with --after {next}", jobs.len()))),
        None => terminal::say(&terminal::dim(&format!("{} of {total}", jobs.len()))),
    }
    Ok(())
}

/// A job on one line.
pub fn line(job: &Value) -> String {
    let text = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
    let state = match job["state"].as_str() {
        Some("dead") => terminal::bad("dead   "),
        Some("running") => terminal::good("running"),
        state => format!("{:<7}", state.unwrap_or_default()),
    };
    let key = if job["key"].is_null() { String::new() } else { job["key"].to_string() };
    format!("{}  {state}  due {}  {}  {key}", text("id"), text("dueAt"), text("integration"))
}

async fn cancel(target: &Target) -> Result<(), Failure> {
    let client = target.account.client()?;
    if let Some(id) = &target.id {
        let view = client.get(&format!("/v1/jobs/{}", segment(id))).await?;
        if view["state"] != "pending" {
            let state = view["state"].as_str().unwrap_or("gone");
            return Err(Failure::new(format!("job {id} is {state}; only pending jobs can be cancelled")));
        }
        client.send(Method::DELETE, &format!("/v1/jobs/{}", segment(id)), &json!({})).await?;
        terminal::say("cancelled 1 job");
        return Ok(());
    }
    let (path, body) = by_key(&target.keyed, "cancel")?;
    let answer = client.send(Method::POST, &path, &body).await?;
    terminal::say(&format!("cancelled {} jobs", answer["data"]["cancelled"]));
    Ok(())
}

/// The route and the body of a call that means jobs by their key.
fn by_key(keyed: &Keyed, verb: &str) -> Result<(String, Value), Failure> {
    let (Some(name), Some(body)) = (&keyed.integration, keyed.body()) else {
        return Err(
            Failure::usage("which jobs?").help("name one by its id, or some with --integration and --key or --match")
        );
    };
    Ok((format!("/v1/integrations/{}/{verb}", segment(name)), body))
}

impl Keyed {
    fn body(&self) -> Option<Value> {
        match (&self.key, &self.r#match) {
            (Some(key), _) => Some(json!({ "key": key })),
            (None, Some(part)) => Some(json!({ "match": part })),
            (None, None) => None,
        }
    }
}

async fn reschedule(moving: &Moving) -> Result<(), Failure> {
    let client = moving.target.account.client()?;
    let when = when(moving.delay.as_deref(), moving.time.as_deref());
    if let Some(id) = &moving.target.id {
        let moved = client.send(Method::POST, &format!("/v1/jobs/{}/reschedule", segment(id)), &when).await?;
        terminal::say(&format!("due at {}", moved["dueAt"].as_str().unwrap_or_default()));
        return Ok(());
    }
    let (path, mut body) = by_key(&moving.target.keyed, "reschedule")?;
    for (name, value) in when.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let answer = client.send(Method::POST, &path, &body).await?;
    let moved = answer["data"]["jobs"].as_array().cloned().unwrap_or_default();
    moved.iter().for_each(|job| {
        terminal::out(&format!("{}  due {}", job["jobId"].as_str().unwrap_or(""), job["dueAt"].as_str().unwrap_or("")));
    });
    Ok(())
}

/// What a call says about the time; numbers stay numbers.
pub fn when(delay: Option<&str>, time: Option<&str>) -> Value {
    let value = |text: &str| text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
    match (delay, time) {
        (Some(delay), _) => json!({ "delay": value(delay) }),
        (None, Some(time)) => json!({ "time": value(time) }),
        (None, None) => json!({}),
    }
}

async fn replay(replaying: &Replaying) -> Result<(), Failure> {
    let mut body = json!({});
    if let Some(release) = &replaying.release {
        body["release"] = release.parse::<u32>().map_or_else(|_| Value::from(release.as_str()), Value::from);
    }
    if let Some(payload) = &replaying.payload {
        body["payload"] = payload.clone();
    }
    let path = format!("/v1/jobs/{}/replay", segment(&replaying.id));
    replaying.account.client()?.send(Method::POST, &path, &body).await?;
    terminal::say("it is pending again, with all its attempts");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_or_texts() {
        assert_eq!(when(Some("5000"), None), json!({ "delay": 5000 }));
        assert_eq!(when(Some("2 days"), None), json!({ "delay": "2 days" }));
        assert_eq!(when(None, Some("2026-03-01")), json!({ "time": "2026-03-01" }));
        assert_eq!(when(None, None), json!({}));
    }
}
