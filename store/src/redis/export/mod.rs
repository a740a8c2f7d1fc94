//! export: what the partitions hold, kind by kind and partition by partition, a part at a time.
//!
//! Marks name places that a restart of the server does not move: fields in order, ranks in sorted sets. Only SCAN, which
//! finds the buckets, knows no such place: its cursor goes with the id of the server's run, and another run begins again.

mod buckets;
mod holds;
mod jobs;

use schedules::Millis;

use super::answer::Answer;
use super::blob::Reader;
use super::handle::Redis;
use super::{control, script};
use crate::queue::{Idempotency, Kind, Mark, Record};
use crate::{Error, IntegrationId, JobId, Result};

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
            Kind::Cursor => self.cursors(partition, place, limit).await?,
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
        let record = |(integration, packed): (IntegrationId, Vec<u8>)| {
            Ok(Record::Control { integration, control: control::unpack(&packed)? })
        };
        Ok((fields.into_iter().map(record).collect::<Result<_>>()?, next))
    }

    async fn cursors(&self, partition: usize, place: &str, limit: usize) -> Result<Found> {
        let (fields, next) = self.fields(partition, "u", place, limit).await?;
        let record = |(integration, text): (IntegrationId, Vec<u8>)| {
            let nominal = String::from_utf8_lossy(&text).parse().map(Millis);
            let nominal = nominal.map_err(|_| Error::Corrupt(format!("the cursor of {integration} is no number")))?;
            Ok(Record::Cursor { integration, nominal })
        };
        Ok((fields.into_iter().map(record).collect::<Result<_>>()?, next))
    }

    /// Fields of a hash of integrations, in order: there is one for each of them, few enough to sort them each time.
    async fn fields(
        &self,
        partition: usize,
        hash: &str,
        place: &str,
        limit: usize,
    ) -> Result<(Vec<(IntegrationId, Vec<u8>)>, Option<String>)> {
        let key = format!("{}:{hash}", self.partition(partition)?.tag);
        let mut names = Answer::new(self.shared.link.command(redis::cmd("HKEYS").arg(&key)).await?)?;
        let mut integrations = Vec::with_capacity(names.len());
        while !names.is_empty() {
            integrations.push(names.integration_id()?);
        }
        integrations.sort_unstable();
        if !place.is_empty() {
            let after: IntegrationId = place.parse().map_err(|()| Mark::unreadable(place))?;
            integrations.retain(|integration| *integration > after);
        }
        let is_last = integrations.len() <= limit;
        integrations.truncate(limit);
        let Some(last) = integrations.last() else { return Ok((Vec::new(), None)) };
        let next = (!is_last).then(|| last.to_string());
        let mut command = redis::cmd("HMGET");
        command.arg(&key);
        for integration in &integrations {
            command.arg(&integration.to_bytes()[..]);
        }
        let mut values = Answer::new(self.shared.link.command(&command).await?)?;
        let fields = integrations.into_iter().map(|integration| Ok((integration, values.bytes()?)));
        Ok((fields.collect::<Result<_>>()?, next))
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
