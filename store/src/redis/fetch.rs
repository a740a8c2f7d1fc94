//! Fetches units of limiters from their homes for a partition whose jobs need some (`lua/include/shared.lua`).

use schedules::Millis;
use schedules::rate::limiter_of;

use super::answer::Answer;
use super::handle::Redis;
use super::script;
use crate::{Error, Result};

/// Units that jobs of a partition need.
pub(super) struct Want {
    bucket: String,
    /// The rule as the scripts have it.
    rule: Vec<u8>,
    window_ms: i64,
    units: u64,
    least: u64,
    gates: Vec<Vec<u8>>,
}

impl Redis {
    /// Fetches what is wanted in a partition, whose clock showed `asked` when it said so. What cannot be fetched now is
    /// asked for again soon.
    pub(super) async fn fetch(&self, partition: usize, asked: Millis, wants: Vec<Want>) {
        for want in wants {
            if let Err(error) = self.fetch_one(partition, asked, &want).await {
                tracing::debug!(%error, bucket = want.bucket, "a limiter's home does not answer; it is asked again");
            }
        }
    }

    async fn fetch_one(&self, partition: usize, asked: Millis, want: &Want) -> Result<()> {
        let limiter = limiter_of(&want.bucket);
        let limiter = limiter.ok_or_else(|| Error::Corrupt(format!("{:?} is no limiter's bucket", want.bucket)))?;
        let mut arguments = self.arguments();
        arguments.add(&want.bucket).add(&want.rule).number(want.units).number(want.least);
        arguments.number(partition);
        let granted = self.call_soon(&script::grant, self.home_of(limiter), &arguments).await?;
        let mut granted = Answer::new(granted)?;
        let (units, wait_ms) = (granted.count()?, granted.count()?);
        // Counted from the moment of asking, which was before they were charged: however long they are on their way,
        // nobody uses them later than this after their charge.
        let good = asked.after(want.window_ms);
        let mut arguments = self.arguments();
        arguments.add(&want.bucket).number(units).number(good.0).number(wait_ms).add_all(&want.gates);
        self.call_soon(&script::credit, partition, &arguments).await?;
        Ok(())
    }
}

/// Reads what a claim says is wanted.
pub(super) fn read(mut answer: Answer) -> Result<Vec<Want>> {
    let mut wants = Vec::new();
    while !answer.is_empty() {
        let (bucket, rule, units, least) = (answer.text()?, answer.bytes()?, answer.count()?, answer.count()?);
        let mut names = answer.list()?;
        let mut gates = Vec::with_capacity(names.len());
        while !names.is_empty() {
            gates.push(names.bytes()?);
        }
        let window_ms = super::control::window_of(&rule)?;
        wants.push(Want { bucket, rule, window_ms, units, least, gates });
    }
    Ok(wants)
}
