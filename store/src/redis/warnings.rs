//! What an operator should know before jobs are entrusted to a server: its version, and settings that lose jobs.

use redis::Value;

use super::answer;
use super::link::Link;
use crate::{Error, Result};

/// Scripts with flags came with this version.
const OLDEST: (u32, u32) = (7, 0);

/// Refuses a server that is too old.
pub(super) async fn check_version(link: &Link) -> Result<()> {
    let info = info(link, "server").await?;
    let version = field(&info, "redis_version").unwrap_or_default();
    // Valkey says which version of Redis it does as.
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found >= OLDEST {
        return Ok(());
    }
    let (major, minor) = OLDEST;
    Err(Error::Unavailable(format!("this server is Redis {version}: {major}.{minor} or later is needed, or Valkey")))
}

/// What may lose jobs, each with its remedy.
pub(super) async fn of(link: &Link) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let memory = info(link, "memory").await?;
    let policy = field(&memory, "maxmemory_policy").unwrap_or("noeviction");
    let limited = field(&memory, "maxmemory").is_some_and(|bytes| bytes != "0");
    if policy != "noeviction" {
        let when = if limited { "when its memory is full" } else { "as soon as maxmemory is set" };
        found.push(format!(
            "Redis may delete jobs {when} (maxmemory-policy {policy}): CONFIG SET maxmemory-policy noeviction, and write it into redis.conf"
        ));
    }
    let persistence = info(link, "persistence").await?;
    if field(&persistence, "aof_enabled") == Some("0") {
        found.push(
            "Redis keeps no append-only file, so a restart loses every job since the last snapshot: CONFIG SET appendonly yes, and write it into redis.conf"
                .into(),
        );
    } else if config(link, "appendfsync").await?.is_some_and(|value| value != "always") {
        found.push(
            "Redis writes its append-only file to the disk once a second, so a crash of the machine may lose the jobs of the last second: CONFIG SET appendfsync always closes this gap, at the price of speed"
                .into(),
        );
    }
    if field(&persistence, "aof_last_write_status").is_some_and(|status| status != "ok") {
        found.push(
            "Redis could not write its append-only file: look at its log and at the free space of its disk".into(),
        );
    }
    Ok(found)
}

async fn info(link: &Link, section: &str) -> Result<String> {
    let bytes = match link.command(redis::cmd("INFO").arg(section)).await? {
        // A cluster answers for each node.
        Value::Map(nodes) => nodes.into_iter().next().map_or(Value::Nil, |(_, info)| info),
        value => value,
    };
    match bytes {
        Value::VerbatimString { text, .. } => Ok(text),
        value => Ok(String::from_utf8_lossy(&answer::bytes(value)?.unwrap_or_default()).into_owned()),
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

/// A setting of the server; `None` where it may not be read, as with many providers.
async fn config(link: &Link, name: &str) -> Result<Option<String>> {
    let Ok(value) = link.command(redis::cmd("CONFIG").arg("GET").arg(name)).await else { return Ok(None) };
    let text =
        |value: Value| answer::bytes(value).ok().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(match value {
        Value::Array(pair) => pair.into_iter().nth(1).and_then(text),
        Value::Map(mut pairs) => pairs.pop().and_then(|(_, value)| match value {
            Value::Array(pair) => pair.into_iter().nth(1).and_then(text),
            value => text(value),
        }),
        _ => None,
    })
}
