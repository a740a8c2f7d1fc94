//! control, purge, prune: what holds an integration back, and forgetting.

use redis::Value;
use schedules::rate::{Algorithm, Limit, LimiterId, OnExceed, OnMissing, Rule, gcra, limiter_of, names};
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
/// delays, whether it refuses keys that lack a field, fields as JSON texts; and, which it does not read, whether
/// back-pressure shuts its buckets; and, of a limiter in a divided queue, how long its units are good in ms.
#[derive(Serialize, Deserialize)]
struct PackedLimit(
    String,
    u32,
    u64,
    i64,
    i64,
    u32,
    i64,
    u32,
    bool,
    bool,
    Vec<String>,
    #[serde(default)] bool,
    #[serde(default)] u64,
);

impl Redis {
    pub(super) async fn set_control(&self, integration: IntegrationId, control: &Control) -> Result<()> {
        at_most(MAX_LIMITS, "the number of limits", control.limits.len())?;
        let packed = if *control == Control::default() { Vec::new() } else { pack(control, self.partitions() > 1)? };
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

    pub(super) async fn forget_limiter(&self, limiter: LimiterId) -> Result<()> {
        let owner = format!("@{:032x}", limiter.0);
        for partition in 0..self.partitions() {
            let mut cursor = "0".to_owned();
            loop {
                let mut arguments = self.arguments();
                arguments.add(&owner).add(&cursor);
                let value = self.call(&script::purge_limiter, partition, &arguments).await?;
                cursor = String::from_utf8_lossy(&answer::bytes(value)?.unwrap_or_default()).into_owned();
                if cursor == "0" || cursor.is_empty() {
                    break;
                }
            }
        }
        Ok(())
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

/// Packs a control; limiters of a divided queue hand out units.
pub(super) fn pack(control: &Control, is_divided: bool) -> Result<Vec<u8>> {
    let number = |limit: Option<u32>| limit.map_or(-1, i64::from);
    let limits =
        control.limits.iter().zip(names(&control.limits)).map(|(limit, name)| pack_limit(limit, name, is_divided));
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

fn pack_limit(limit: &Limit, name: String, is_divided: bool) -> PackedLimit {
    let rule = &limit.rule;
    let window_ms = if is_divided && limit.limiter.is_some() { window_ms(rule) } else { 0 };
    let charged = if window_ms > 0 { handed_out(rule) } else { *rule };
    let (t_ms, t_part) = gcra::times(&charged, 1);
    let (ahead_ms, ahead_part) = gcra::times(&charged, rule.burst() - 1);
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
        limit.back_pressure,
        window_ms,
    )
}

/// The rule by which a limiter of a divided queue hands out units: what is handed out in an interval and used within the
/// window after it is no more than the bound.
pub(super) fn handed_out(rule: &Rule) -> Rule {
    Rule { interval_ms: rule.interval_ms + window_ms(rule), ..*rule }
}

/// How long units are good that a limiter hands out: time enough to fetch them, and little beside its interval.
fn window_ms(rule: &Rule) -> u64 {
    (rule.interval_ms / 10).clamp(20, 2_000)
}

/// How long units of a packed limit are good.
pub(super) fn window_of(packed: &[u8]) -> Result<i64> {
    let PackedLimit(.., window_ms) =
        rmp_serde::from_slice(packed).map_err(|error| Error::Corrupt(format!("a limit: {error}")))?;
    Ok(i64::try_from(window_ms).unwrap_or(i64::MAX))
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
    let PackedLimit(name, limit, interval_ms, burst, _, _, _, _, delays, refuses_missing, fields, back_pressure, _) =
        packed;
    let field = |text: &String| serde_json::from_str(text).map_err(|error| Error::Corrupt(format!("a limit: {error}")));
    Ok(Limit {
        rule: Rule {
            limit,
            interval_ms,
            burst: u32::try_from(burst).ok(),
            algorithm: if is_sliding(&name) { Algorithm::SlidingWindow } else { Algorithm::LeakyBucket },
        },
        fields: fields.iter().map(field).collect::<Result<_>>()?,
        on_exceed: if delays { OnExceed::Delay } else { OnExceed::Reject },
        on_missing: if refuses_missing { OnMissing::Reject } else { OnMissing::Skip },
        limiter: limiter_of(&name),
        back_pressure,
    })
}

/// Whether the rule of this name is a sliding window.
fn is_sliding(name: &str) -> bool {
    let own = if limiter_of(name).is_some() { name.get(33..).unwrap_or_default() } else { name };
    own.starts_with('s')
}
