//! `events send`: one event from the command line, or many from a file with an event a line.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::cli::client::{Account, Client};
use crate::cli::{Failure, terminal};

pub const EXAMPLES: &str = "\
Examples:
  tidegate events send --type ecUser --data '{\"user\": {\"email\": \"a@example.com\"}}'
  tidegate events send --type ecUser --data @user.json --id 5f1c --verbose
  tidegate events send events.ndjson            a file with an event a line, or a JSON list
  cat events.ndjson | tidegate events send -    the same from standard input
  tidegate events send --type shop.order --data @order.json --cloudevents --source /shop";

/// Events of one call, and the bytes they may have together.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 900 << 10;
/// The longest line.
const MAX_LINE_BYTES: usize = 1 << 20;
/// How often a call that the server has no room for is made again.
const TRIES: u32 = 8;

/// What to send.
#[derive(clap::Args)]
pub struct Args {
    /// A file with an event a line (NDJSON), or a JSON list of events; `-` is standard input
    #[arg(required_unless_present = "type", conflicts_with_all = ["type", "data", "id", "source"])]
    file: Option<String>,
    /// The type of one event
    #[arg(long)]
    r#type: Option<String>,
    /// Its fields as JSON, or @FILE
    #[arg(long, value_name = "JSON", requires = "type")]
    data: Option<String>,
    /// Its id; one is made if it is left out
    #[arg(long, requires = "type")]
    id: Option<String>,
    /// Where it came from
    #[arg(long, requires = "type")]
    source: Option<String>,
    /// Send as CloudEvents 1.0; lines that are none are made into one
    #[arg(long)]
    cloudevents: bool,
    /// Say of each integration why an event was not for it
    #[arg(short, long)]
    verbose: bool,
    /// Print the answers as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    account: Account,
}

/// Sends.
pub async fn send(args: Args) -> Result<(), Failure> {
    let client = args.account.client()?;
    let mut sums = Sums::default();
    if let Some(kind) = &args.r#type {
        let event = one(kind, &args)?;
        call(&client, &args, vec![event], &mut sums).await?;
    } else {
        let name = args.file.as_deref().unwrap_or("-");
        let bar = bar()?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for event in events_of(name)? {
            let event = event?;
            let size = event.to_string().len();
            if batch.len() >= BATCH || (bytes + size > BATCH_BYTES && !batch.is_empty()) {
                call(&client, &args, std::mem::take(&mut batch), &mut sums).await?;
                bytes = 0;
                bar.set_message(sums.words());
                bar.tick();
            }
            bytes += size;
            batch.push(event);
        }
        if !batch.is_empty() {
            call(&client, &args, batch, &mut sums).await?;
        }
        bar.finish_and_clear();
        if sums.events == 0 {
            return Err(Failure::usage(format!("{name} holds no events")).help("it needs a JSON object on each line"));
        }
    }
    terminal::say(&sums.words());
    if sums.rejected > 0 { Err(Failure::silent(1)) } else { Ok(()) }
}

fn bar() -> Result<ProgressBar, Failure> {
    let style = ProgressStyle::with_template("{spinner} {msg}").map_err(|error| Failure::new(error.to_string()))?;
    Ok(ProgressBar::new_spinner().with_style(style))
}

fn one(kind: &str, args: &Args) -> Result<Value, Failure> {
    let text = match args.data.as_deref() {
        None => "{}".to_owned(),
        Some(data) => match data.strip_prefix('@') {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{path} cannot be read: {error}")))?,
            None => data.to_owned(),
        },
    };
    let data: Value = serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("--data is not JSON: {error}")).help("quote it: --data '{\"a\": 1}'")
    })?;
    let Value::Object(mut fields) = data else {
        return Err(Failure::usage("--data must be a JSON object").help("its fields become those of the event"));
    };
    let meta = fields.entry("meta").or_insert_with(|| json!({}));
    let Value::Object(meta) = meta else { return Err(Failure::usage("`meta` in --data must be an object")) };
    meta.insert("type".into(), kind.into());
    meta.extend(args.id.iter().map(|id| ("id".to_owned(), id.as_str().into())));
    meta.extend(args.source.iter().map(|source| ("source".to_owned(), source.as_str().into())));
    Ok(Value::Object(fields))
}

/// The events of a file: a line each, or a list.
fn events_of(name: &str) -> Result<Box<dyn Iterator<Item = Result<Value, Failure>>>, Failure> {
    let input: Box<dyn Read> = if name == "-" {
        if std::io::stdin().is_terminal() {
            terminal::say("reading events from the keyboard, one a line; end with Ctrl-D");
        }
        Box::new(std::io::stdin())
    } else {
        let path = Path::new(name);
        Box::new(File::open(path).map_err(|error| Failure::usage(format!("{name} cannot be read: {error}")))?)
    };
    let mut reader = BufReader::new(input);
    let wrong = |error| Failure::usage(format!("cannot be read: {error}"));
    let is_list = reader.fill_buf().map_err(wrong)?.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let name = name.to_owned();
    if is_list {
        let list: Vec<Value> = serde_json::from_reader(reader)
            .map_err(|error| Failure::usage(format!("{name} is neither a JSON list nor lines of JSON: {error}")))?;
        return Ok(Box::new(list.into_iter().map(Ok)));
    }
    let mut number = 0;
    Ok(Box::new(std::iter::from_fn(move || {
        loop {
            number += 1;
            let mut line = Vec::new();
            match reader.by_ref().take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(n) if n > MAX_LINE_BYTES => {
                    let message = format!("{name}, line {number} has more than {MAX_LINE_BYTES} bytes");
                    return Some(Err(Failure::usage(message)));
                }
                Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => {
                    let wrong = |error| Failure::usage(format!("{name}, line {number} is not JSON: {error}"));
                    return Some(serde_json::from_slice(&line).map_err(wrong));
                }
                Err(error) => return Some(Err(Failure::usage(format!("{name} cannot be read: {error}")))),
            }
        }
    })))
}

/// Sends one call's events; where the server has no room, again a little later: an event with an id makes nothing twice.
async fn call(client: &Client, args: &Args, mut events: Vec<Value>, sums: &mut Sums) -> Result<(), Failure> {
    for event in &mut events {
        with_id(event);
    }
    let (body, media) = if args.cloudevents {
        let events: Vec<Value> = events.into_iter().map(|event| as_cloudevent(event, args.source.as_deref())).collect();
        (Value::Array(events), "application/cloudevents-batch+json")
    } else {
        (Value::Array(events), "application/json")
    };
    let path = if args.verbose { "/v1/events?verbose=true" } else { "/v1/events" };
    let mut pause = Duration::from_millis(500);
    for attempt in 1.. {
        match client.post(path, media, &body).await {
            Ok(answer) => {
                sums.add(&answer["data"]);
                show(args, &answer["data"]);
                return Ok(());
            }
            Err(failure) if failure.is_busy() && attempt < TRIES => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// A repeated call must name the same events: one without an id gets one here.
fn with_id(event: &mut Value) {
    let made = || Value::from(ulid::Ulid::from_bytes(rand::random()).to_string());
    if event.get("specversion").is_some() {
        return;
    }
    if let Some(meta) = event.get_mut("meta").and_then(Value::as_object_mut) {
        meta.entry("id").or_insert_with(made);
    }
}

/// An event as a CloudEvent; one that is one already stays as it is.
fn as_cloudevent(event: Value, source: Option<&str>) -> Value {
    let Value::Object(mut fields) = event else { return event };
    if fields.contains_key("specversion") {
        return Value::Object(fields);
    }
    let mut made = Map::new();
    made.insert("specversion".into(), "1.0".into());
    made.insert("source".into(), source.unwrap_or("tidegate").into());
    if let Some(Value::Object(meta)) = fields.remove("meta") {
        for (name, value) in meta {
            match name.as_str() {
                "ts" => {
                    // CloudEvents know RFC 3339 only.
                    let at = schedules::due::parse_instant("ts", &value).map(schedules::Millis::to_rfc3339);
                    made.insert("time".into(), at.map_or(value, Value::from));
                }
                _ => drop(made.insert(name, value)),
            }
        }
    }
    made.insert("datacontenttype".into(), "application/json".into());
    made.insert("data".into(), Value::Object(fields));
    Value::Object(made)
}

fn show(args: &Args, data: &Value) {
    if args.json {
        return terminal::out(&data.to_string());
    }
    let single = args.r#type.is_some();
    for event in data["events"].as_array().into_iter().flatten() {
        let refused = event["ok"] == false;
        if single || refused || args.verbose {
            super::list::verdict(event);
        }
    }
}

/// What became of all events so far.
#[derive(Default)]
struct Sums {
    events: u64,
    rejected: u64,
    duplicates: u64,
    jobs: u64,
}

impl Sums {
    fn add(&mut self, data: &Value) {
        self.rejected += data["rejected"].as_u64().unwrap_or(0);
        for event in data["events"].as_array().into_iter().flatten() {
            self.events += 1;
            match event["duplicate"] == true {
                true => self.duplicates += 1,
                false => self.jobs += event["matched"].as_array().map_or(0, |jobs| jobs.len() as u64),
            }
        }
    }

    fn words(&self) -> String {
        let counted = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let mut text = format!("{} made {}", counted(self.events, "event"), counted(self.jobs, "job"));
        for (n, what) in [(self.duplicates, "came before"), (self.rejected, "refused")] {
            if n > 0 {
                text += &format!(", {n} {what}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloudevent_is_made_of_an_event_and_left_as_it_is() {
        let event = json!({"meta": {"type": "a", "id": "1", "ts": 0, "more": 1}, "user": {"n": 1}});
        let made = as_cloudevent(event, Some("/shop"));
        let expected = json!({
            "specversion": "1.0", "source": "/shop", "type": "a", "id": "1", "time": "1970-01-01T00:00:00.000Z",
            "more": 1, "datacontenttype": "application/json", "data": {"user": {"n": 1}},
        });
        assert_eq!(made, expected);
        assert_eq!(as_cloudevent(made.clone(), None), made);
    }

    #[test]
    fn a_file_holds_lines_or_a_list() {
        let dir = tempfile::tempdir().unwrap();
        let check = |text: &str, expected: Result<usize, &str>| {
            let path = dir.path().join("events");
            std::fs::write(&path, text).unwrap();
            let found: Result<Vec<Value>, Failure> =
                events_of(path.to_str().unwrap()).and_then(|events| events.collect());
            match (found, expected) {
                (Ok(events), Ok(n)) => assert_eq!(events.len(), n, "{text}"),
                (Err(failure), Err(part)) => assert!(failure.message.contains(part), "{text}: {}", failure.message),
                (found, _) => panic!("{text}: {:?}", found.map(|events| events.len())),
            }
        };
        check("{\"a\":1}\n\n{\"b\":2}\n", Ok(2));
        check(" [{\"a\":1}, 2]", Ok(2));
        check("", Ok(0));
        check("{\"a\":1}\n{", Err("line 2"));
        check("[1", Err("neither"));
    }
}
