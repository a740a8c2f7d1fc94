//! The keys of `integration.toml`, and their way into the API's JSON: the same words, snake_case to camelCase.

use serde_json::{Map, Value, json};

use crate::config::did_you_mean;

/// What a key holds.
enum Shape {
    /// Any value, taken as it is.
    Plain,
    /// A table with these keys.
    Table(Keys),
    /// A list of tables with these keys.
    List(Keys),
    /// A plain value, a table with these keys, or a list of such tables.
    Either(Keys),
}

type Keys = &'static [(&'static str, Shape)];

use Shape::{Either, List, Plain, Table};

const MANIFEST: Keys = &[("name", Plain), ("description", Plain), ("trigger", Plain), ("settings", Table(SETTINGS))];

const SETTINGS: Keys = &[
    ("timeout_ms", Plain),
    ("memory_mb", Plain),
    ("retry", Table(RETRY)),
    ("rate_limits", List(RATE_LIMIT)),
    ("back_pressure", Plain),
    ("schedule", Table(SCHEDULE)),
    ("concurrency", Either(CONCURRENCY)),
    ("allowed_domains", Plain),
    ("events", Table(EVENTS)),
    ("cancel_on", List(CANCEL_ON)),
    ("http", Table(HTTP)),
];

const HTTP: Keys = &[
    ("auth", Either(AUTH)),
    ("methods", Plain),
    ("respond", Plain),
    ("key", Plain),
    ("max_body_kb", Plain),
    ("origins", Plain),
];

const AUTH: Keys = &[
    ("kind", Plain),
    ("preset", Plain),
    ("secret", Plain),
    ("secrets", Plain),
    ("header", Plain),
    ("query", Plain),
    ("prefix", Plain),
    ("user", Plain),
    ("algorithm", Plain),
    ("encoding", Plain),
    ("signs", Plain),
    ("timestamp_header", Plain),
    ("id_header", Plain),
    ("tolerance", Plain),
    ("replay", Plain),
];

const EVENTS: Keys = &[("types", Plain), ("filter", Plain), ("key", Plain), ("payload", Plain)];

const CANCEL_ON: Keys = &[("types", Plain), ("filter", Plain), ("key", Plain), ("match", Plain)];

const RETRY: Keys = &[
    ("attempts", Plain),
    ("backoff", Plain),
    ("min", Plain),
    ("max", Plain),
    ("factor", Plain),
    ("jitter", Plain),
    ("give_up_after", Plain),
];

const RATE_LIMIT: Keys = &[
    ("limit", Plain),
    ("interval", Plain),
    ("key", Plain),
    ("burst", Plain),
    ("algorithm", Plain),
    ("on_exceed", Plain),
    ("on_missing", Plain),
    ("limiter", Plain),
    ("back_pressure", Plain),
];

const CONCURRENCY: Keys = &[("limit", Plain), ("key", Plain), ("backlog", Plain)];

const SCHEDULE: Keys = &[
    ("every", Plain),
    ("at", Plain),
    ("on", Plain),
    ("cron", Plain),
    ("timezone", Plain),
    ("jitter", Plain),
    ("start", Plain),
    ("end", Plain),
    ("overlap", Plain),
    ("catchup", Plain),
    ("catchup_window", Plain),
];

/// The manifest as JSON in camelCase; the error names the key that is wrong and the nearest that is right.
pub fn translate(manifest: &toml::Table) -> Result<Map<String, Value>, String> {
    table(manifest, MANIFEST, "")
}

fn table(table: &toml::Table, keys: Keys, path: &str) -> Result<Map<String, Value>, String> {
    let entry = |(key, value): (&String, &toml::Value)| {
        let full = format!("{path}{key}");
        let (_, shape) = keys.iter().find(|(name, _)| name == key).ok_or_else(|| unknown(&full, key, keys))?;
        Ok((camel(key), shaped(value, shape, &full)?))
    };
    table.iter().map(entry).collect()
}

fn shaped(value: &toml::Value, shape: &Shape, path: &str) -> Result<Value, String> {
    match (shape, value) {
        (Either(keys), toml::Value::Table(_)) => shaped(value, &Table(keys), path),
        (Either(keys), toml::Value::Array(_)) => shaped(value, &List(keys), path),
        (Plain | Either(_), value) => plain(value, path),
        (Table(keys), toml::Value::Table(inner)) => table(inner, keys, &format!("{path}.")).map(Value::Object),
        (Table(_), _) => Err(format!("`{path}` is a table: write [{path}] and its keys below")),
        (List(keys), toml::Value::Array(items)) => {
            let item = |(index, item): (usize, &toml::Value)| match item {
                toml::Value::Table(inner) => table(inner, keys, &format!("{path}[{index}].")).map(Value::Object),
                _ => Err(list(path)),
            };
            items.iter().enumerate().map(item).collect()
        }
        (List(_), _) => Err(list(path)),
    }
}

fn list(path: &str) -> String {
    format!("`{path}` is a list of tables: write [[{path}]] for each")
}

/// A TOML value as JSON; dates and times become their text.
fn plain(value: &toml::Value, path: &str) -> Result<Value, String> {
    Ok(match value {
        toml::Value::Datetime(datetime) => json!(datetime.to_string()),
        toml::Value::Float(number) if !number.is_finite() => return Err(format!("`{path}` must be a finite number")),
        toml::Value::Array(items) => items.iter().map(|item| plain(item, path)).collect::<Result<_, _>>()?,
        toml::Value::Table(inner) => {
            let entries = inner.iter().map(|(key, value)| Ok::<_, String>((key.clone(), plain(value, path)?)));
            Value::Object(entries.collect::<Result<_, _>>()?)
        }
        other => json!(other),
    })
}

fn unknown(full: &str, key: &str, keys: Keys) -> String {
    if let Some((name, _)) = keys.iter().find(|(name, _)| camel(name) == key) {
        return format!("unknown key `{full}`; it is written `{name}` here");
    }
    if keys.len() == MANIFEST.len() && SETTINGS.iter().any(|(name, _)| *name == key) {
        return format!("unknown key `{full}`; it belongs below [settings]");
    }
    let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
    format!("unknown key `{full}`{}", did_you_mean(key, &names))
}

fn camel(snake: &str) -> String {
    let mut parts = snake.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |camel, part| {
        let mut letters = part.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        camel + &head.into_iter().chain(letters).collect::<String>()
    })
}
