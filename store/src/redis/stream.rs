//! A stream that others write to and that is read here as one of a consumer group: each entry is handed to one reader,
//! and stays with it until it says that it is done, or is gone for so long that another reader takes it over.
//!
//! A group that is lost, as after a flush, is made again from the stream's beginning: whoever acts on entries must be able
//! to see one twice.

use std::sync::Arc;

use futures_util::future::try_join_all;
use redis::{Cmd, Value, cmd};

use super::answer::{self, Answer};
use super::handle::Redis;
use super::link::Link;
use crate::{Error, Result};

/// A reader that has nothing to do and was not heard of for so long is forgotten, in milliseconds.
const FORGOTTEN_MS: i64 = 3_600_000;

/// One entry, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id in the stream, such as `1526919030474-55`.
    pub id: String,
    /// Its fields, in their order; none if it was deleted after it had been handed out.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// How often it was handed out, this time included.
    pub deliveries: u64,
}

/// How far a group has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Entries that were not handed out yet; `None` if the server cannot tell, as after deletions.
    pub waiting: Option<u64>,
    /// Entries that were handed out and are not done.
    pub pending: u64,
    /// Entries in the stream.
    pub length: u64,
}

/// A stream with a consumer group, as one reader of it.
#[derive(Clone)]
pub struct Stream {
    link: Arc<Link>,
    key: String,
    group: String,
    reader: String,
}

impl Redis {
    /// A stream on the queue's server; nothing is asked or made yet. `reader` is a name that nobody else has.
    pub fn stream(&self, key: &str, group: &str, reader: &str) -> Stream {
        Stream { link: Arc::clone(&self.shared.link), key: key.into(), group: group.into(), reader: reader.into() }
    }
}

impl Stream {
    /// The stream's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Writes entries of one field each, in their order unless the connection is lost meanwhile; gives their ids.
    pub async fn add(&self, field: &str, values: &[Vec<u8>]) -> Result<Vec<String>> {
        let one = async |value: &Vec<u8>| {
            let id = self.send(cmd("XADD").arg(&self.key).arg("*").arg(field).arg(value)).await?;
            Ok(answer::bytes(id)?.map(|id| String::from_utf8_lossy(&id).into_owned()).unwrap_or_default())
        };
        try_join_all(values.iter().map(one)).await
    }

    /// The next entries that nobody has read, at most `limit`; comes back at once if there are none.
    ///
    /// The group, and the stream, are made if they are not there.
    pub async fn read(&self, limit: usize) -> Result<Vec<Entry>> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(&self.group).arg(&self.reader).arg("COUNT").arg(limit);
        read.arg("STREAMS").arg(&self.key).arg(">");
        let found = self.in_group(&read).await?;
        let mut streams = pairs_of(found)?;
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let _key = streams.bytes()?;
        entries(streams.list()?, |_| 1)
    }

    /// Takes over entries that another reader, or this one before, has had for at least `idle_ms` without being done with
    /// them; at most `limit`.
    pub async fn take_over(&self, idle_ms: u64, limit: usize) -> Result<Vec<Entry>> {
        let mut ask = cmd("XPENDING");
        ask.arg(&self.key).arg(&self.group).arg("IDLE").arg(idle_ms).arg("-").arg("+").arg(limit);
        let mut rows = Answer::new(self.in_group(&ask).await?)?;
        let mut held = Vec::with_capacity(rows.len());
        while !rows.is_empty() {
            let mut row = rows.list()?;
            let (id, _reader, _idle, deliveries) = (row.text()?, row.bytes()?, row.number()?, row.count()?);
            held.push((id, deliveries));
        }
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let mut claim = cmd("XCLAIM");
        claim.arg(&self.key).arg(&self.group).arg(&self.reader).arg(idle_ms);
        for (id, _) in &held {
            claim.arg(id);
        }
        let before = |id: &str| held.iter().find(|(held, _)| held == id).map_or(0, |(_, deliveries)| *deliveries);
        entries(Answer::new(self.in_group(&claim).await?)?, |id| before(id) + 1)
    }

    /// Keeps entries that cannot be done with at the moment, for no fault of theirs: nobody takes them over while that is
    /// said again and again, and they count as handed out once.
    pub async fn keep(&self, ids: &[String]) -> Result<()> {
        if !ids.is_empty() {
            let mut claim = cmd("XCLAIM");
            claim.arg(&self.key).arg(&self.group).arg(&self.reader).arg(0).arg(ids);
            claim.arg("IDLE").arg(0).arg("RETRYCOUNT").arg(1).arg("JUSTID");
            self.in_group(&claim).await?;
        }
        Ok(())
    }

    /// These entries are done.
    pub async fn done(&self, ids: &[String]) -> Result<()> {
        if !ids.is_empty() {
            self.in_group(cmd("XACK").arg(&self.key).arg(&self.group).arg(ids)).await?;
        }
        Ok(())
    }

    /// Removes entries from the stream, whoever has them.
    pub async fn delete(&self, ids: &[String]) -> Result<()> {
        self.send(cmd("XDEL").arg(&self.key).arg(ids)).await.map(drop)
    }

    /// How far the group has read.
    pub async fn lag(&self) -> Result<Lag> {
        let Some(group) = self.groups().await?.into_iter().find(|group| group.name == self.group) else {
            return Ok(Lag::default());
        };
        let length = answer::number(&self.send(cmd("XLEN").arg(&self.key)).await?)?;
        Ok(Lag { waiting: group.lag, pending: group.pending, length: u64::try_from(length).unwrap_or(0) })
    }

    /// Removes from the stream what is done, if nobody but this group reads it; and forgets readers that are long gone.
    pub async fn tidy(&self) -> Result<()> {
        let groups = self.groups().await?;
        let [group] = groups.as_slice() else { return Ok(()) };
        if group.name != self.group {
            return Ok(());
        }
        // What is handed out from here on comes after `group.last`, so an answer that is late is on the safe side.
        let mut pending = Answer::new(self.in_group(cmd("XPENDING").arg(&self.key).arg(&self.group)).await?)?;
        let first = if pending.count()? == 0 { group.last.clone() } else { pending.text()? };
        self.send(cmd("XTRIM").arg(&self.key).arg("MINID").arg("~").arg(first)).await?;
        let mut readers =
            Answer::new(self.in_group(cmd("XINFO").arg("CONSUMERS").arg(&self.key).arg(&self.group)).await?)?;
        while !readers.is_empty() {
            let reader = Fields::new(readers.value()?)?;
            let (name, idle_ms) = (reader.text("name")?, reader.number("idle")?);
            if name != self.reader && reader.number("pending")? == 0 && idle_ms > FORGOTTEN_MS {
                self.in_group(cmd("XGROUP").arg("DELCONSUMER").arg(&self.key).arg(&self.group).arg(name)).await?;
            }
        }
        Ok(())
    }

    async fn groups(&self) -> Result<Vec<Group>> {
        let asked = match self.send(cmd("XINFO").arg("GROUPS").arg(&self.key)).await {
            Err(Error::Unavailable(why)) if why.contains("no such key") => return Ok(Vec::new()),
            asked => asked?,
        };
        let mut rows = Answer::new(asked)?;
        let mut groups = Vec::new();
        while !rows.is_empty() {
            let row = Fields::new(rows.value()?)?;
            let lag = match row.get("lag")? {
                Value::Int(lag) => Some(u64::try_from(*lag).unwrap_or(0)),
                _ => None,
            };
            let pending = u64::try_from(row.number("pending")?).unwrap_or(0);
            groups.push(Group { name: row.text("name")?, last: row.text("last-delivered-id")?, pending, lag });
        }
        Ok(groups)
    }

    /// Sends a command that needs the group; makes the group if it is not there.
    async fn in_group(&self, command: &Cmd) -> Result<Value> {
        match self.send(command).await {
            Err(Error::Unavailable(why)) if why.contains("NOGROUP") => {
                let mut create = cmd("XGROUP");
                create.arg("CREATE").arg(&self.key).arg(&self.group).arg("0").arg("MKSTREAM");
                match self.send(&create).await {
                    Ok(_) => tracing::info!(stream = self.key, group = self.group, "a consumer group was made"),
                    // Another reader was faster.
                    Err(Error::Unavailable(why)) if why.contains("BUSYGROUP") => {}
                    Err(error) => return Err(error),
                }
                self.send(command).await
            }
            answered => answered,
        }
    }

    async fn send(&self, command: &Cmd) -> Result<Value> {
        self.link.command(command).await.map_err(|error| match error {
            Error::Unavailable(why) if why.contains("WRONGTYPE") => Error::Unavailable(format!(
                "the key `{}` in Redis is no stream: name another one in [events] stream, or delete it",
                self.key
            )),
            other => other,
        })
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("key", &self.key).field("group", &self.group).finish_non_exhaustive()
    }
}

struct Group {
    name: String,
    /// The id of the last entry that was handed out.
    last: String,
    pending: u64,
    lag: Option<u64>,
}

/// Named values, one after the other.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn new(value: Value) -> Result<Self> {
        let mut parts = pairs_of(value)?;
        let mut fields = Vec::new();
        while !parts.is_empty() {
            fields.push((parts.text()?, parts.value()?));
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &str) -> Result<&Value> {
        let found = self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        found.ok_or_else(|| Error::Corrupt(format!("Redis says nothing about {name}")))
    }

    fn text(&self, name: &str) -> Result<String> {
        let text = answer::bytes(self.get(name)?.clone())?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn number(&self, name: &str) -> Result<i64> {
        answer::number(self.get(name)?)
    }
}

/// What the newer protocol calls a map is a list of names and values in the older one.
fn pairs_of(value: Value) -> Result<Answer> {
    match value {
        Value::Map(pairs) => {
            Answer::new(Value::Array(pairs.into_iter().flat_map(|(name, value)| [name, value]).collect()))
        }
        // The older protocol answers a list of lists for several streams.
        Value::Array(parts) => match parts.as_slice() {
            [Value::Array(stream)] if stream.len() == 2 => Answer::new(Value::Array(stream.clone())),
            _ => Answer::new(Value::Array(parts)),
        },
        other => Answer::new(other),
    }
}

fn entries(mut rows: Answer, deliveries: impl Fn(&str) -> u64) -> Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(rows.len());
    while !rows.is_empty() {
        let mut row = rows.list()?;
        // XCLAIM of older servers leaves out nothing, but answers nil for what was deleted.
        if row.is_empty() {
            continue;
        }
        let id = row.text()?;
        let mut parts = row.list()?;
        let mut fields = Vec::with_capacity(parts.len() / 2);
        while !parts.is_empty() {
            fields.push((parts.bytes()?, parts.bytes()?));
        }
        let deliveries = deliveries(&id);
        entries.push(Entry { id, fields, deliveries });
    }
    Ok(entries)
}
