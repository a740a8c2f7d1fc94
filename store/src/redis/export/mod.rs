//! export: what the partitions hold, kind by kind and partition by partition, a part at a time.
//!
//! Marks name places that a restart of the server does not move: fields in order, ranks in sorted sets. Only SCAN, which
//! finds the buckets, knows no such place: its cursor goes with the id of the server's run, and another run begins again.

mod buckets;
mod holds;
mod jobs;

use super::answer::{self, Answer};
use super::blob::Reader;
use super::handle::Redis;
use super::{control, script};
use crate::queue::{Cursor, Idempotency, Kind, Mark, Record, ScheduleRef, TickRecord};
use crate::{Error, IntegrationId, JobId, Result, ScheduleId};

pub(super) use jobs::Route;

/// Records, and the place after them in the partition; `None` after the last of their kind.
type Found = (Vec<Record>, Option<String>);

impl Redis {
    pub(super) async fn tell(&self, after: Option<&Mark>, limit: usize) -> Result<(Vec<Record>, Option<Mark>)> {
        let (kind, place) = Mark::read(after)?;
        let (partition, place) = place.split_once(' ').unwrap_or(("0", ""));
        let partition: usize = partition.parse().map_err(|_| Mark::unreadable(partition))?;
        let (records, next) = match kind {
            Kind::Control => self.controls(partition, place, limit).await?,
            Kind::Cursor => self.places_of_schedules(partition, place, limit).await?,
            Kind::Tick => self.records_of_ticks(partition, place, limit).await?,
            Kind::Idempotency => self.first_answers(partition, place, limit).await?,
            Kind::Hold => self.holds(partition, place, limit).await?,
            Kind::Bucket => self.buckets(partition, place).await?,
            Kind::Job => self.jobs(partition, place, limit).await?,
        };
        let mark = |kind, partition: usize, place: &str| Mark::at(kind, &format!("{partition} {place}"));
        let next = match next {
            Some(place) => Some(mark(kind, partition, &place)),
            None if partition + 1 < self.partitions() => Some(mark(kind, partition + 1, "")),
            None => kind.next().map(|kind| mark(kind, 0, "")),
        };
        Ok((records, next))
    }

    async fn controls(&self, partition: usize, place: &str, limit: usize) -> Result<Found> {
        let (fields, next) = self.fields(partition, "c", place, limit).await?;
        let record = |(name, packed): (Vec<u8>, Vec<u8>)| {
            let (integration, _) = ids(&name)?;
            Ok(Record::Control { integration, control: control::unpack(&packed)? })
        };
        Ok((fields.into_iter().map(record).collect::<Result<_>>()?, next))
    }

    async fn places_of_schedules(&self, partition: usize, place: &str, limit: usize) -> Result<Found> {
        let (fields, next) = self.fields(partition, "u", place, limit).await?;
        let record = |(name, text): (Vec<u8>, Vec<u8>)| {
            let (integration, rest) = ids(&name)?;
            let schedule = if rest.is_empty() { ScheduleRef::from(integration) } else { schedule(integration, rest)? };
            Ok(Record::Cursor { schedule, cursor: Cursor::parse(&String::from_utf8_lossy(&text))? })
        };
        Ok((fields.into_iter().map(record).collect::<Result<_>>()?, next))
    }

    async fn records_of_ticks(&self, partition: usize, place: &str, limit: usize) -> Result<Found> {
        let (fields, next) = self.fields(partition, "y", place, limit).await?;
        let record = |(name, bytes): (Vec<u8>, Vec<u8>)| Ok(Record::Tick(TickRecord::decode(&name, &bytes)?));
        Ok((fields.into_iter().map(record).collect::<Result<_>>()?, next))
    }

    /// Fields of a hash, in order: few enough to sort their names each time.
    async fn fields(
        &self,
        partition: usize,
        hash: &str,
        place: &str,
        limit: usize,
    ) -> Result<(Vec<(Vec<u8>, Vec<u8>)>, Option<String>)> {
        let key = format!("{}:{hash}", self.partition(partition)?.tag);
        let mut answer = Answer::new(self.shared.link.command(redis::cmd("HKEYS").arg(&key)).await?)?;
        let mut names = Vec::with_capacity(answer.len());
        while !answer.is_empty() {
            names.push(answer.bytes()?);
        }
        names.sort_unstable();
        if !place.is_empty() {
            let after = from_hex(place).ok_or_else(|| Mark::unreadable(place))?;
            names.retain(|name| *name > after);
        }
        let is_last = names.len() <= limit;
        names.truncate(limit);
        let Some(last) = names.last() else { return Ok((Vec::new(), None)) };
        let next = (!is_last).then(|| to_hex(last));
        let mut command = redis::cmd("HMGET");
        command.arg(&key).arg(&names);
        let mut values = Answer::new(self.shared.link.command(&command).await?)?;
        let mut fields = Vec::with_capacity(names.len());
        for name in names {
            // A record of a tick may have gone into the ledger meanwhile.
            if let Some(value) = answer::bytes(values.value()?)? {
                fields.push((name, value));
            }
        }
        Ok((fields, next))
    }

    async fn first_answers(&self, partition: usize, place: &str, limit: usize) -> Result<Found> {
        let skip = rank(place)?;
        let mut arguments = self.arguments();
        arguments.add("i").number(skip).number(limit);
        let mut found = Answer::new(self.call(&script::export, partition, &arguments).await?)?;
        let mut records = Vec::with_capacity(found.len() / 2);
        while !found.is_empty() {
            records.push(first_answer(&found.bytes()?, &found.bytes()?)?);
        }
        let next = (records.len() == limit).then(|| (skip + limit).to_string());
        Ok((records, next))
    }
}

/// The integration that a name begins with, and the rest of it.
fn ids(name: &[u8]) -> Result<(IntegrationId, &[u8])> {
    let short = || Error::Corrupt(format!("{name:?} is no name of a schedule"));
    let (first, rest) = name.split_at_checked(16).ok_or_else(short)?;
    Ok((IntegrationId::from_bytes(first.try_into().map_err(|_| short())?), rest))
}

fn schedule(integration: IntegrationId, id: &[u8]) -> Result<ScheduleRef> {
    let id = id.try_into().map_err(|_| Error::Corrupt(format!("{id:?} is no id of a schedule")))?;
    Ok(ScheduleRef { integration, schedule: ScheduleId::from_bytes(id) })
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect()
}

/// A place that is a rank.
fn rank(place: &str) -> Result<usize> {
    if place.is_empty() { Ok(0) } else { place.parse().map_err(|_| Mark::unreadable(place)) }
}

fn first_answer(member: &[u8], value: &[u8]) -> Result<Record> {
    read_first_answer(Reader(member), Reader(value))
        .ok_or_else(|| Error::Corrupt("the answer to an idempotency key cannot be read".into()))
}

fn read_first_answer(mut member: Reader<'_>, mut value: Reader<'_>) -> Option<Record> {
    let integration = IntegrationId::from_bytes(member.array()?);
    let key = String::from_utf8(member.0.to_vec()).ok()?;
    let asked = Idempotency { key, fingerprint: value.array()?, until: value.time()? };
    let (first, due, [replaced]) = (JobId::from_bytes(value.array()?), value.time()?, value.array()?);
    Some(Record::Idempotency { integration, asked, first, due, replaced: replaced == 1 })
}
