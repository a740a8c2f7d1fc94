//! The buckets of rate limits, as SCAN finds them.

use redis::Value;
use schedules::Millis;
use schedules::rate::gcra::Tat;
use schedules::rate::{State, names};

use super::super::answer::Answer;
use super::super::buckets::state_of;
use super::super::handle::Redis;
use super::super::script;
use super::Found;
use super::holds::bucket_of;
use crate::queue::Record;
use crate::{Error, IntegrationId, Result};

impl Redis {
    pub(super) async fn buckets(&self, partition: usize, place: &str) -> Result<Found> {
        let (run, cursor) = place.split_once(' ').unwrap_or_default();
        let mut arguments = self.arguments();
        arguments.add("b").add(run).add(cursor);
        let mut answer = Answer::new(self.call(&script::export, partition, &arguments).await?)?;
        let (run, cursor, now) = (answer.text()?, answer.text()?, answer.time()?);
        let mut records = Vec::new();
        while !answer.is_empty() {
            let (name, end, state) = (answer.bytes()?, answer.number()?, answer.value()?);
            records.push(self.bucket(&name, end, state).await?);
        }
        records.retain(|record| !is_over(record, now));
        Ok((records, (cursor != "0").then(|| format!("{run} {cursor}"))))
    }

    /// The bucket of a key: integration, rule, subject.
    async fn bucket(&self, name: &[u8], end: i64, state: Value) -> Result<Record> {
        let (integration, name) = bucket_of(name)?;
        let state = state_of(state)?.ok_or_else(|| Error::Corrupt(format!("the bucket {name} is empty")))?;
        let (state, until) = match state {
            State::SlidingWindow(log) => {
                let until = match u64::try_from(end) {
                    Ok(_) => Millis(end),
                    Err(_) => self.end_of(integration, &name, &log).await?,
                };
                (State::SlidingWindow(log), until)
            }
            State::LeakyBucket(tat) => (State::LeakyBucket(tat), tat.map_or(Millis(0), Tat::empty_at)),
        };
        Ok(Record::Bucket { integration, name, state, until })
    }

    /// When a sliding window is empty that does not end by itself: one that was charged by a clock of a test.
    async fn end_of(&self, integration: IntegrationId, name: &str, log: &[Millis]) -> Result<Millis> {
        let limits = self.read_control(integration).await?.limits;
        let rule = name.split_once('{').map_or(name, |(rule, _)| rule);
        let of_rule = names(&limits).iter().position(|name| name == rule);
        let interval_ms = of_rule.map_or(u64::MAX, |place| limits[place].rule.interval_ms);
        let newest = log.last().copied().unwrap_or_default();
        Ok(newest.after(i64::try_from(interval_ms).unwrap_or(i64::MAX)))
    }
}

/// Whether it says no more than an empty bucket.
fn is_over(record: &Record, now: Millis) -> bool {
    matches!(record, Record::Bucket { until, .. } if *until <= now)
}
