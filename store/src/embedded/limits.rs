//! The rate limits of an integration as the bytes of one column: a version, then MessagePack.

use schedules::rate::{Algorithm, Limit, LimiterId, OnExceed, OnMissing, Rule};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What the first byte says; a reader refuses others.
const VERSION: u8 = 1;

/// The wire form of one; fields are positional, so new ones go last.
#[derive(Serialize, Deserialize)]
struct Wire {
    limit: u32,
    interval_ms: u64,
    burst: Option<u32>,
    is_sliding: bool,
    fields: Vec<String>,
    delays: bool,
    rejects_missing: bool,
    #[serde(default)]
    limiter: Option<[u8; 16]>,
    #[serde(default)]
    back_pressure: bool,
}

/// The bytes of these limits; `None` for none.
pub(super) fn encode(limits: &[Limit]) -> Result<Option<Vec<u8>>> {
    if limits.is_empty() {
        return Ok(None);
    }
    let wire: Vec<_> = limits.iter().map(Wire::from).collect();
    let mut bytes = vec![VERSION];
    rmp_serde::encode::write(&mut bytes, &wire).map_err(|error| Error::Corrupt(error.to_string()))?;
    Ok(Some(bytes))
}

/// The limits whose [`encode`] these bytes are.
pub(super) fn decode(bytes: Option<&[u8]>) -> Result<Vec<Limit>> {
    let Some(bytes) = bytes else {
        return Ok(Vec::new());
    };
    let unreadable = |why: String| Error::Corrupt(format!("the rate limits of an integration: {why}"));
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            let wire: Vec<Wire> = rmp_serde::from_slice(rest).map_err(|error| unreadable(error.to_string()))?;
            Ok(wire.into_iter().map(Limit::from).collect())
        }
        Some((version, _)) => Err(unreadable(format!("their format is {version}, this program reads {VERSION}"))),
        None => Err(unreadable("they are empty".into())),
    }
}

impl From<&Limit> for Wire {
    fn from(limit: &Limit) -> Self {
        Self {
            limit: limit.rule.limit,
            interval_ms: limit.rule.interval_ms,
            burst: limit.rule.burst,
            is_sliding: limit.rule.algorithm == Algorithm::SlidingWindow,
            fields: limit.fields.clone(),
            delays: limit.on_exceed == OnExceed::Delay,
            rejects_missing: limit.on_missing == OnMissing::Reject,
            limiter: limit.limiter.map(|LimiterId(id)| id.to_be_bytes()),
            back_pressure: limit.back_pressure,
        }
    }
}

impl From<Wire> for Limit {
    fn from(wire: Wire) -> Self {
        let algorithm = if wire.is_sliding { Algorithm::SlidingWindow } else { Algorithm::LeakyBucket };
        Self {
            rule: Rule { limit: wire.limit, interval_ms: wire.interval_ms, burst: wire.burst, algorithm },
            fields: wire.fields,
            on_exceed: if wire.delays { OnExceed::Delay } else { OnExceed::Reject },
            on_missing: if wire.rejects_missing { OnMissing::Reject } else { OnMissing::Skip },
            limiter: wire.limiter.map(|id| LimiterId(u128::from_be_bytes(id))),
            back_pressure: wire.back_pressure,
        }
    }
}
