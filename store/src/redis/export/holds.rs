//! What shuts buckets of rate limits. What shuts those of limiters is in every partition, and told of the first.

use schedules::rate::is_shared;

use super::super::answer::Answer;
use super::super::buckets::hold_of;
use super::super::handle::Redis;
use super::Found;
use crate::queue::{Record, SHARED};
use crate::{Error, IntegrationId, Result};

impl Redis {
    /// They are few enough to be sorted each time.
    pub(super) async fn holds(&self, partition: usize, place: &str, limit: usize) -> Result<Found> {
        let key = format!("{}:H", self.partition(partition)?.tag);
        let mut fields = Answer::new(self.shared.link.command(redis::cmd("HGETALL").arg(&key)).await?)?;
        let mut all = Vec::with_capacity(fields.len() / 2);
        while !fields.is_empty() {
            let ((integration, name), hold) = (bucket_of(&fields.bytes()?)?, hold_of(&fields.text()?)?);
            if partition == 0 || !is_shared(&name) {
                all.push((format!("{integration}/{name}"), Record::Hold { integration, name, hold }));
            }
        }
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all.retain(|(name, _)| name.as_str() > place);
        let is_last = all.len() <= limit;
        all.truncate(limit);
        let next = if is_last { None } else { all.last().map(|(name, _)| name.clone()) };
        Ok((all.into_iter().map(|(_, record)| record).collect(), next))
    }
}

/// The owner and the name of a bucket, as scripts name it.
pub(super) fn bucket_of(name: &[u8]) -> Result<(IntegrationId, String)> {
    let unreadable = || Error::Corrupt(format!("a bucket: {:?}", String::from_utf8_lossy(name)));
    let (integration, rest) = match name.split_first_chunk::<16>() {
        _ if name.first() == Some(&b'@') => (SHARED, name),
        Some((id, rest)) => (IntegrationId::from_bytes(*id), rest),
        None => return Err(unreadable()),
    };
    let name = String::from_utf8(rest.to_vec()).map_err(|_| unreadable())?;
    Ok((integration, name))
}
