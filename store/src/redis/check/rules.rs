//! The rules: each compares two things that must agree.

use std::collections::{BTreeMap, BTreeSet};

use super::super::blob::Parts;
use super::snapshot::Snapshot;
use crate::queue::{Cursor, TickRecord, Violation};
use crate::{IntegrationId, JobId};

/// Every contradiction in a reading.
pub(super) fn all(it: &Snapshot) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut tell = |rule: &'static str, what: String| found.push(Violation { rule, what });
    let pending = places(it, &mut tell);
    states(it, &pending, &mut tell);
    keys(it, &pending, &mut tell);
    lanes(it, &mut tell);
    turns(it, &mut tell);
    counters(it, &pending, &mut tell);
    retries(it, &pending, &mut tell);
    leftovers(it, &mut tell);
    schedules(it, &mut tell);
    found
}

type Tell<'a> = dyn FnMut(&'static str, String) + 'a;

/// Every member of a queue or a line is a job that says it is there; the pending jobs.
fn places(it: &Snapshot, tell: &mut Tell<'_>) -> BTreeSet<JobId> {
    let mut pending = BTreeSet::new();
    for (name, members) in &it.pending {
        for (member, score) in members {
            let Some(id) = member.get(6..).and_then(|id| id.try_into().ok()).map(JobId::from_bytes) else {
                tell("bad_member", format!("a queue has a member of {} bytes", member.len()));
                continue;
            };
            let Some(job) = it.jobs.get(&id) else {
                tell("index_without_job", format!("job {id} is queued, and does not exist"));
                continue;
            };
            if job.line().unwrap_or_else(|| job.queue()) != *name || job.member(id) != *member || job.due != *score {
                tell("index_and_job_disagree", format!("job {id} is queued where it does not say it is"));
            }
            if !pending.insert(id) {
                tell("job_in_two_places", format!("job {id} is queued twice"));
            }
        }
    }
    pending
}

/// Every job is in exactly one state.
fn states(it: &Snapshot, pending: &BTreeSet<JobId>, tell: &mut Tell<'_>) {
    let mut states = BTreeMap::<JobId, usize>::new();
    pending.iter().for_each(|id| *states.entry(*id).or_default() += 1);
    let leased = it.leases.keys().filter_map(|lease| id_of(lease.get(..16)?));
    let dead = it.dead.values().flatten().filter_map(|(member, _)| id_of(member.get(5..)?));
    for (id, rule) in leased.map(|id| (id, "lease_without_job")).chain(dead.map(|id| (id, "dead_without_job"))) {
        match it.jobs.contains_key(&id) {
            true => *states.entry(id).or_default() += 1,
            false => tell(rule, format!("job {id} does not exist")),
        }
    }
    for id in it.jobs.keys() {
        match states.get(id).copied().unwrap_or(0) {
            1 => {}
            0 => tell("job_in_no_state", format!("job {id} is neither pending nor running nor dead")),
            n => tell("job_in_two_states", format!("job {id} is in {n} places")),
        }
    }
}

fn id_of(bytes: &[u8]) -> Option<JobId> {
    bytes.try_into().ok().map(JobId::from_bytes)
}

/// A key names the pending job that has it, and the other way round.
fn keys(it: &Snapshot, pending: &BTreeSet<JobId>, tell: &mut Tell<'_>) {
    let mut named = BTreeSet::new();
    for (integration, keys) in &it.keys {
        for (key, id) in keys {
            let id = id_of(id);
            let job = id.and_then(|id| it.jobs.get(&id).filter(|_| pending.contains(&id)));
            let fits = job.is_some_and(|job| job.integration == *integration && job.key == *key && job.has_its_key());
            if !fits {
                tell(
                    "key_without_job",
                    format!("{} of {integration} names no pending job", String::from_utf8_lossy(key)),
                );
            }
            named.extend(id);
        }
    }
    for id in pending {
        if it.jobs.get(id).is_some_and(Parts::has_its_key) && !named.contains(id) {
            tell("job_without_key", format!("job {id} is not found by its key"));
        }
    }
}

/// The masks say which queues there are.
fn lanes(it: &Snapshot, tell: &mut Tell<'_>) {
    let mut masks = BTreeMap::<Vec<u8>, u32>::new();
    for name in it.pending.keys().filter(|name| name.starts_with(b"q")) {
        let priority = u32::from(name[1].saturating_sub(b'0'));
        *masks.entry(name[3..].to_vec()).or_default() |= 1 << priority;
    }
    let mut named = BTreeMap::<Vec<u8>, u32>::new();
    for lane in masks.keys().filter(|lane| lane.len() > 16) {
        *named.entry([b"@", &lane[..16]].concat()).or_default() += 1;
    }
    masks.extend(named);
    let stored: BTreeMap<Vec<u8>, u32> =
        it.masks.iter().map(|(lane, mask)| (lane.clone(), number(mask).try_into().unwrap_or(0))).collect();
    for difference in differences(&stored, &masks) {
        tell("masks_wrong", format!("lane {difference}: the mask and the queues"));
    }
}

/// What two tables say differently, for a reader: the name, and what each says.
fn differences<T: std::fmt::Debug + PartialEq>(
    one: &BTreeMap<Vec<u8>, T>,
    other: &BTreeMap<Vec<u8>, T>,
) -> Vec<String> {
    let names: BTreeSet<&Vec<u8>> = one.keys().chain(other.keys()).collect();
    let differ = names.into_iter().filter(|name| one.get(*name) != other.get(*name));
    differ.map(|name| format!("{} {:?} / {:?}", shown(name), one.get(name), other.get(name))).collect()
}

/// The name of a lane or a bucket: an integration's id, then text.
fn shown(name: &[u8]) -> String {
    let (id, text) = name.split_at(name.len().min(16));
    let id = <[u8; 16]>::try_from(id).map_or_else(|_| "?".into(), |id| IntegrationId::from_bytes(id).to_string());
    format!("{id} {}", String::from_utf8_lossy(text))
}

/// An integration is ready or waiting if it has pending jobs in lanes that are not held, and is in one ring.
fn turns(it: &Snapshot, tell: &mut Tell<'_>) {
    let mut first = BTreeMap::<IntegrationId, i64>::new();
    for (name, members) in it.pending.iter().filter(|(name, _)| name.starts_with(b"q")) {
        let Some(integration) = name.get(3..19).and_then(|id| id.try_into().ok()).map(IntegrationId::from_bytes) else {
            continue;
        };
        if !is_held(it, integration, &name[3..]) {
            let is_fifo = name.len() > 19 && it.controls.get(&integration).is_some_and(|control| control.lane_fifo);
            let retry = it.retrying.get(&name[3..]).filter(|_| is_fifo).and_then(|retrying| retrying.values().min());
            let due = retry.or(members.values().min()).copied().unwrap_or(i64::MAX);
            first.entry(integration).and_modify(|known| *known = due.min(*known)).or_insert(due);
        }
    }
    for (integration, due) in &first {
        let name = integration.to_bytes();
        match (it.ready.contains(&name[..]), it.waiting.get(&name[..])) {
            (true, None) => {}
            (false, Some(score)) if score == due => {}
            (false, None) => {
                tell("integration_without_turn", format!("{integration} has jobs from {due} on, and is never served"));
            }
            (true, Some(score)) => {
                tell("integration_in_two_rings", format!("{integration} is ready, and waits until {score}"));
            }
            (false, Some(score)) => {
                tell("wrong_head", format!("{integration} waits until {score}, and its first job is due at {due}"));
            }
        }
    }
    for name in it.ready.iter().chain(it.waiting.keys()) {
        let known = <[u8; 16]>::try_from(&name[..]).ok().map(IntegrationId::from_bytes);
        if known.is_none_or(|integration| !first.contains_key(&integration)) {
            tell("turn_without_job", "an integration without claimable jobs has a turn".into());
        }
    }
}

/// Whether an integration, or one of its lanes, lets nobody out.
fn is_held(it: &Snapshot, integration: IntegrationId, lane: &[u8]) -> bool {
    let control = it.controls.get(&integration).cloned().unwrap_or_default();
    let running = |name: &[u8]| it.running.get(name).map_or(0, |count| number(count));
    let full = |limit: Option<u32>, name: &[u8]| limit.is_some_and(|limit| running(name) >= i64::from(limit));
    control.paused
        || full(control.concurrency, &integration.to_bytes())
        || (lane.len() > 16 && full(control.lane_concurrency, lane))
}

/// Counters say what there is.
fn counters(it: &Snapshot, pending: &BTreeSet<JobId>, tell: &mut Tell<'_>) {
    let leased: BTreeSet<JobId> = it.leases.keys().filter_map(|lease| id_of(lease.get(..16)?)).collect();
    let mut running = BTreeMap::<Vec<u8>, i64>::new();
    let mut waiting = BTreeMap::<Vec<u8>, i64>::new();
    let mut ticks = BTreeMap::<Vec<u8>, i64>::new();
    let mut let_out = BTreeMap::<Vec<u8>, i64>::new();
    for (id, job) in &it.jobs {
        let control = it.controls.get(&job.integration);
        if leased.contains(id) && control.is_some_and(|control| control.concurrency.is_some()) {
            *running.entry(job.integration.to_bytes().to_vec()).or_default() += 1;
        }
        if leased.contains(id) && !job.lane.is_empty() && control.is_some_and(|it| it.lane_concurrency.is_some()) {
            *running.entry(job.lane_name()).or_default() += 1;
        }
        if pending.contains(id) && !job.lane.is_empty() {
            *waiting.entry(job.lane_name()).or_default() += 1;
        }
        if let Some(bucket) = job.let_out_of().filter(|_| pending.contains(id)) {
            *let_out.entry(bucket.to_vec()).or_default() += 1;
        }
        if job.is_tick() && (pending.contains(id) || leased.contains(id)) {
            *ticks.entry(job.schedule()).or_default() += 1;
        }
    }
    let numbers = |stored: &BTreeMap<Vec<u8>, Vec<u8>>| -> BTreeMap<Vec<u8>, i64> {
        stored.iter().map(|(name, count)| (name.clone(), number(count))).collect()
    };
    for (rule, stored, wanted) in [
        ("slot_leaked", numbers(&it.running), running),
        ("backlog_miscounted", numbers(&it.waiting_in_lanes), waiting),
        ("ticks_miscounted", numbers(&it.ticks), ticks),
        ("let_out_miscounted", numbers(&it.let_out), let_out),
    ] {
        for difference in differences(&stored, &wanted) {
            tell(rule, format!("{difference}: the counter and the jobs"));
        }
    }
}

/// Each lane knows which of its pending jobs were started before.
fn retries(it: &Snapshot, pending: &BTreeSet<JobId>, tell: &mut Tell<'_>) {
    let mut wanted = BTreeMap::<Vec<u8>, BTreeMap<Vec<u8>, i64>>::new();
    for id in pending {
        if let Some(job) = it.jobs.get(id).filter(|job| job.is_retried_in_a_lane()) {
            wanted.entry(job.lane_name()).or_default().insert(id.to_bytes().to_vec(), job.due);
        }
    }
    for difference in differences(&it.retrying, &wanted) {
        tell("retries_wrong", format!("lane {difference}: the list and the jobs"));
    }
}

/// Nothing is left of what is gone.
fn leftovers(it: &Snapshot, tell: &mut Tell<'_>) {
    let with_error: BTreeSet<Vec<u8>> =
        it.jobs.iter().filter(|(_, job)| job.has_error()).map(|(id, _)| id.to_bytes().to_vec()).collect();
    if it.errors != with_error {
        tell("errors_wrong", format!("{} errors of {} jobs with one", it.errors.len(), with_error.len()));
    }
    let lines = it.pending.keys().filter_map(|name| name.strip_prefix(b"h:")).map(<[u8]>::to_vec);
    let lines: BTreeSet<Vec<u8>> = lines.chain(it.let_out.keys().cloned()).collect();
    if lines != it.gates {
        tell("gates_wrong", format!("{} gates of {} lines", it.gates.len(), lines.len()));
    }
    let dead: BTreeSet<Vec<u8>> = it
        .dead
        .iter()
        .filter(|(_, members)| !members.is_empty())
        .map(|(integration, _)| integration.to_bytes().to_vec())
        .collect();
    if dead != it.dead_integrations {
        tell(
            "dead_unlisted",
            format!("{} integrations with dead jobs, {} listed", dead.len(), it.dead_integrations.len()),
        );
    }
    if it.answered != it.answers_end {
        tell("idempotency_wrong", format!("{} answers, {} with an end", it.answered.len(), it.answers_end.len()));
    }
}

/// Cursors and records of ticks can be read.
fn schedules(it: &Snapshot, tell: &mut Tell<'_>) {
    for (name, text) in &it.cursors {
        if let Err(error) = Cursor::parse(&String::from_utf8_lossy(text)) {
            tell("unreadable", format!("{}: {error}", shown(&name[..name.len().min(16)])));
        }
    }
    for (name, bytes) in &it.outbox {
        match TickRecord::decode(name, bytes) {
            Ok(record) if record.name_bytes() == *name => {}
            Ok(_) => tell("unreadable", format!("{}: a record has another's name", shown(&name[..name.len().min(16)]))),
            Err(error) => tell("unreadable", error.to_string()),
        }
    }
}

fn number(text: &[u8]) -> i64 {
    String::from_utf8_lossy(text).parse().unwrap_or(0)
}
