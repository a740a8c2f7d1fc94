//! Leases as the scripts know them: job id, flags, partition, and six bytes that no other claim has.

use crate::JobId;
use crate::queue::Lease;
use crate::{Error, Result};

/// Whether the hand-out does not count as an attempt: a refusal, or an opening that was over.
pub(super) const UNCOUNTED: u8 = 1;

/// The seven bytes that a claim gives its leases: they name the partition, so that a lease alone finds its way back.
pub(super) fn token(partition: u8) -> [u8; 7] {
    let [_, _, random @ ..] = rand::random::<u64>().to_be_bytes();
    let mut token = [partition; 7];
    token[1..].copy_from_slice(&random);
    token
}

/// The lease of a member of the leases' set.
pub(super) fn decode(bytes: &[u8]) -> Result<Lease> {
    let parts = bytes.split_first_chunk::<16>().and_then(|(id, token)| Some((*id, <[u8; 8]>::try_from(token).ok()?)));
    let (id, token) = parts.ok_or_else(|| Error::Corrupt("a lease is not 24 bytes long".into()))?;
    Ok(Lease { job: JobId::from_bytes(id), token: u64::from_be_bytes(token) })
}

/// The member of the leases' set.
pub(super) fn encode(lease: &Lease) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(&lease.job.to_bytes());
    bytes[16..].copy_from_slice(&lease.token.to_be_bytes());
    bytes
}

/// The flags of a lease.
pub(super) fn flags(lease: &Lease) -> u8 {
    lease.token.to_be_bytes()[0]
}

/// The partition that a lease belongs to.
pub(super) fn partition(lease: &Lease) -> usize {
    usize::from(lease.token.to_be_bytes()[1])
}
