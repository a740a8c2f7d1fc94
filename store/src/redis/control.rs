//! control, purge, prune: what holds an integration back, and forgetting.

use redis::Value;
use schedules::rate::{Algorithm, Limit, OnExceed, OnMissing, Rule, gcra, names};
use serde::{Deserialize, Serialize};

use super::answer::{self, Answer};
use super::handle::Redis;
use super::{blob, script};
use crate::limits::at_most;
use crate::queue::{Control, MAX_LIMITS, Pruned, Pruning};
use crate::{Error, IntegrationId, Result};

/// The most rows of one script call, so that it stays short.
const BATCH: usize = 1_000;

/// A control as `lanes.lua` reads it; -1 is no limit.
#[derive(Serialize, Deserialize)]
struct Packed(bool, i64, i64, i64, Vec<PackedLimit>, #[serde(default)] bool);

/// A limit as `rate.lua` reads it: name, limit, interval, burst (-1: none is given), T, (burst - 1) x T, whether it
/// delays, whether it refuses keys that lack a field, fields as JSON texts.
#[derive(Serialize, Deserialize)]
struct PackedLimit(String, u32, u64, i64, i64, u32, i64, u32, bool, bool, Vec<String>);

impl Redis {
    pub(super) async fn set_control(&self, integration: IntegrationId, control: &Control) -> Result<()> {
        at_most(MAX_LIMITS, "the number of limits", control.limits.len())?;
        let packed = if *control == Control::default() { Vec::new() } else { pack(control)? };
        let mut arguments = self.arguments();
        arguments.add(integration.to_bytes()).add(packed);
        self.call(&script::control, self.partition_of(integration), &arguments).await?;
        Ok(())
    }

    pub(super) async fn read_control(&self, integration: IntegrationId) -> Result<Control> {
        match answer::bytes(self.field(integration, "c").await?)? {
            Some(bytes) => unpack(&bytes),
            None => Ok(Control::default()),
        }
    }

    /// The integration's field of a hash.
    async fn field(&self, integration: IntegrationId, hash: &str) -> Result<Value> {
        let tag = &self.partition(self.partition_of(integration))?.tag;
        self.shared.link.command(redis::cmd("HGET").arg(format!("{tag}:{hash}")).arg(&integration.to_bytes()[..])).await
    }

    pub(super) async fn forget_integration(&self, integration: IntegrationId) -> Result<()> {
        let mut cursor = "0".to_owned();
        loop {
            let mut arguments = self.arguments();
            arguments.add(integration.to_bytes()).add(cursor.as_str());
            let value = self.call(&script::purge, self.partition_of(integration), &arguments).await?;
            let mut answer = Answer::new(value)?;
            let more = answer.number()? == 1;
            cursor = answer.text()?;
            if !more {
                return Ok(());
            }
        }
    }

    pub(super) async fn forget_old(&self, pruning: &Pruning) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        for partition in 0..self.partitions() {
            loop {
                let done = usize::try_from(pruned.dead + pruned.idempotency).unwrap_or(usize::MAX);
                let count = pruning.limit.saturating_sub(done).min(BATCH);
                let mut arguments = self.arguments();
                arguments.number(blob::time(pruning.dead_before)).number(pruning.dead_keep).number(count);
                let mut answer = Answer::new(self.call(&script::prune, partition, &arguments).await?)?;
                let (dead, idempotency) = (answer.count()?, answer.count()?);
                pruned.dead += dead;
                pruned.idempotency += idempotency;
                if count == 0 || dead + idempotency < count as u64 {
                    break;
                }
            }
        }
        Ok(pruned)
    }
}

pub(super) fn pack(control: &Control) -> Result<Vec<u8>> {
    let number = |limit: Option<u32>| limit.map_or(-1, i64::from);
    let limits = control.limits.iter().zip(names(&control.limits)).map(|(limit, name)| pack_limit(limit, name));
    let packed = Packed(
        control.paused,
        number(control.concurrency),
        number(control.lane_concurrency),
        number(control.lane_backlog),
        limits.collect(),
        control.lane_fifo,
    );
    rmp_serde::to_vec(&packed).map_err(|error| Error::Corrupt(error.to_string()))
}

fn pack_limit(limit: &Limit, name: String) -> PackedLimit {
    let rule = &limit.rule;
    let (t_ms, t_part) = gcra::times(rule, 1);
    let (ahead_ms, ahead_part) = gcra::times(rule, rule.burst() - 1);
    let mut fields: Vec<String> =
        limit.fields.iter().map(|field| serde_json::Value::from(field.as_str()).to_string()).collect();
    fields.dedup();
    PackedLimit(
        name,
        rule.limit,
        rule.interval_ms,
        rule.burst.map_or(-1, i64::from),
        t_ms,
        t_part,
        ahead_ms,
        ahead_part,
        limit.on_exceed == OnExceed::Delay,
        limit.on_missing == OnMissing::Reject,
        fields,
    )
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Control> {
    let Packed(paused, concurrency, lane_concurrency, lane_backlog, limits, lane_fifo) =
        rmp_serde::from_slice(bytes).map_err(|error| Error::Corrupt(format!("a control: {error}")))?;
    Ok(Control {
        paused,
        concurrency: u32::try_from(concurrency).ok(),
        lane_concurrency: u32::try_from(lane_concurrency).ok(),
        lane_backlog: u32::try_from(lane_backlog).ok(),
        limits: limits.into_iter().map(unpack_limit).collect::<Result<_>>()?,
        lane_fifo,
    })
}

fn unpack_limit(packed: PackedLimit) -> Result<Limit> {
    let PackedLimit(name, limit, interval_ms, burst, _, _, _, _, delays, refuses_missing, fields) = packed;
    let field = |text: &String| serde_json::from_str(text).map_err(|error| Error::Corrupt(format!("a limit: {error}")));
    Ok(Limit {
        rule: Rule {
            limit,
            interval_ms,
            burst: u32::try_from(burst).ok(),
            algorithm: if name.starts_with('s') { Algorithm::SlidingWindow } else { Algorithm::LeakyBucket },
        },
        fields: fields.iter().map(field).collect::<Result<_>>()?,
        on_exceed: if delays { OnExceed::Delay } else { OnExceed::Reject },
        on_missing: if refuses_missing { OnMissing::Reject } else { OnMissing::Skip },
    })
}
