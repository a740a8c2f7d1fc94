//! import: put records in as they are, and leave alone what is there.

use schedules::Millis;
use schedules::rate::{State, is_shared, limiter_of};

use super::answer::Answer;
use super::buckets::hold_text;
use super::handle::Redis;
use super::link::Arguments;
use super::{blob, control, outbox, script};
use crate::queue::{Record, Stored};
use crate::{Error, IntegrationId, JobId, Result};

/// The most records of one script call, so that it stays short.
const BATCH: usize = 250;
/// About how many bytes of jobs it has at most.
const MOST_BYTES: usize = 4 << 20;

/// What goes to one partition with the next call.
#[derive(Default)]
struct Parcel {
    arguments: Option<Arguments>,
    records: usize,
    bytes: usize,
}

impl Redis {
    pub(super) async fn take_in(&self, records: &[Record]) -> Result<u64> {
        let mut parcels: Vec<Parcel> = (0..self.partitions()).map(|_| Parcel::default()).collect();
        let mut new = 0;
        for record in records {
            let partition = self.partition_of_record(record);
            let parcel = &mut parcels[partition];
            parcel.bytes +=
                lay_out(record, self.partitions() > 1, parcel.arguments.get_or_insert_with(|| self.arguments()))?;
            parcel.records += 1;
            if parcel.records == BATCH || parcel.bytes >= MOST_BYTES {
                new += self.send(partition, std::mem::take(parcel)).await?;
            }
        }
        for (partition, parcel) in parcels.into_iter().enumerate() {
            new += self.send(partition, parcel).await?;
        }
        for record in records.iter().filter(|record| is_everywhere(record)) {
            for partition in 1..self.partitions() {
                let mut arguments = self.arguments();
                lay_out(record, true, &mut arguments)?;
                self.call(&script::import, partition, &arguments).await?;
            }
        }
        Ok(new)
    }

    /// Where a record belongs: what shuts a limiter's bucket is in every partition, and counted in the first.
    fn partition_of_record(&self, record: &Record) -> usize {
        match record {
            Record::Bucket { name, .. } if let Some(limiter) = limiter_of(name) => self.home_of(limiter),
            record => self.partition_of(record.integration()),
        }
    }

    async fn send(&self, partition: usize, parcel: Parcel) -> Result<u64> {
        let Some(arguments) = parcel.arguments else { return Ok(0) };
        let mut answer = Answer::new(self.call(&script::import, partition, &arguments).await?)?;
        let (new, refused) = (answer.count()?, answer.bytes()?);
        if let Ok(id) = <[u8; 16]>::try_from(refused) {
            let id = JobId::from_bytes(id);
            return Err(Error::Corrupt(format!("job {id} cannot be added: another job has its key")));
        }
        Ok(new)
    }
}

/// Whether it is in every partition.
fn is_everywhere(record: &Record) -> bool {
    matches!(record, Record::Hold { name, .. } if is_shared(name))
}

/// Writes a record as `import.lua` reads it; about how many bytes that took.
fn lay_out(record: &Record, is_divided: bool, arguments: &mut Arguments) -> Result<usize> {
    match record {
        Record::Job(stored) => return job(stored, arguments),
        Record::Control { integration, control } => {
            arguments.add("c").add(integration.to_bytes()).add(control::pack(control, is_divided)?);
        }
        Record::Cursor { schedule, cursor } => {
            arguments.add("u").add(outbox::field(*schedule)).add(cursor.to_text());
        }
        Record::Tick(record) => {
            arguments.add("y").add(record.name_bytes()).add(record.encode()?);
        }
        Record::Idempotency { integration, asked, first, due, replaced } => {
            let until = blob::time(asked.until);
            let answer = [
                &asked.fingerprint[..],
                &blob::six(until),
                &first.to_bytes(),
                &blob::six(blob::time(*due)),
                &[u8::from(*replaced)],
            ];
            arguments.add("i").add(integration.to_bytes()).add(asked.key.as_str()).add(answer.concat()).number(until);
        }
        Record::Hold { integration, name, hold } => {
            arguments.add("h").add(stored_name(*integration, name)).add(hold_text(*hold));
        }
        Record::Bucket { integration, name, state, until } => {
            return Ok(bucket(*integration, name, state, *until, arguments));
        }
    }
    Ok(0)
}

fn job(stored: &Stored, arguments: &mut Arguments) -> Result<usize> {
    let (blob, error) = (blob::encode_stored(stored)?, stored.error.as_deref().unwrap_or_default());
    let bytes = blob.len() + error.len();
    arguments.add(if stored.died.is_some() { "d" } else { "p" });
    arguments.add(stored.job.id.to_bytes()).add(blob).add(error);
    if let Some(died) = stored.died {
        arguments.number(blob::time(died));
    }
    Ok(bytes)
}

/// A bucket as its state, and what shuts it, are named: a limiter's without an owner.
fn stored_name(integration: IntegrationId, name: &str) -> Vec<u8> {
    let owner = integration.to_bytes();
    let owner = if is_shared(name) { &[][..] } else { &owner[..] };
    [owner, name.as_bytes()].concat()
}

fn bucket(integration: IntegrationId, name: &str, state: &State, until: Millis, arguments: &mut Arguments) -> usize {
    let bucket = stored_name(integration, name);
    let length = bucket.len();
    match state {
        // An empty one is none.
        State::LeakyBucket(None) => 0,
        State::LeakyBucket(Some(tat)) => {
            let text = if tat.part == 0 { tat.ms.to_string() } else { format!("{}:{}", tat.ms, tat.part) };
            // The scripts keep it a millisecond longer.
            arguments.add("l").add(bucket).add(text).number(blob::time(until.after(1)));
            length
        }
        State::SlidingWindow(log) => {
            arguments.add("s").add(bucket).number(blob::time(until)).number(log.len());
            arguments.add_all(log.iter().map(|at| at.0.to_string()));
            length + log.len() * size_of::<i64>()
        }
    }
}
