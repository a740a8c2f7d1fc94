//! Pause, resume and reset one key of a rate limit.

use schedules::Key;
use schedules::rate::Limit;
use store::queue::{Adjustment, BucketView, Queue};

use super::inspect::{self, rule_of, subject};
use crate::{Result, Services};

/// What is done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its jobs wait until it is resumed, whatever the rule does when it is full.
    Pause,
    /// They go on.
    Resume,
    /// Its bucket is emptied, and back-pressure ends.
    Reset,
}

/// Does it to the key's bucket; the answer is the bucket afterwards. Of a limiter it means all that share it.
pub async fn adjust(
    services: &Services,
    name: &str,
    rule: usize,
    (key, change): (Option<&Key>, Change),
) -> Result<(Limit, BucketView)> {
    let (integration, limit, buckets) = rule_of(services, name, rule).await?;
    let bucket = format!("{buckets}{}", subject(&limit, key)?);
    let adjustment = match change {
        Change::Pause => Adjustment::Pause,
        Change::Resume => Adjustment::Resume,
        Change::Reset => Adjustment::Reset,
    };
    services.queue.adjust(integration, bucket, adjustment).await?;
    inspect::key(services, name, rule, key).await
}
