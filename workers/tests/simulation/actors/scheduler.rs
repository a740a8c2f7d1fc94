//! A scheduler: fires what is due and takes over lost jobs, every second, with the decisions of `workers`.

use std::collections::BTreeMap;
use std::sync::Arc;

use schedules::Millis;
use store::IntegrationId;
use store::queue::{Fired, Inspect, MAX_BATCH, Queue, Settlement};
use workers::duties::ticks::{self, Due, Of};
use workers::settings::{Overlap, Schedule};
use workers::worker::{Ending, next, verdict};

use super::process::Process;
use crate::world::Entry;

const EVERY_MS: i64 = 1_000;

/// Fires the schedules.
pub async fn fire(process: Arc<Process>) {
    let sim = &process.world.sim;
    let mut upcoming: BTreeMap<IntegrationId, Option<Millis>> = BTreeMap::new();
    loop {
        let known = std::mem::take(&mut upcoming);
        for entry in process.world.entries() {
            let (Some(schedule), false) = (&entry.settings.schedule, entry.paused) else { continue };
            // Nothing is due before the next tick, so nothing needs to be asked.
            let next = match known.get(&entry.id) {
                Some(next) if next.is_none_or(|next| next > sim.now()) => Ok(*next),
                _ => fire_one(&process, &entry, schedule).await,
            };
            if let Ok(next) = next {
                upcoming.insert(entry.id, next);
            }
        }
        let wanted = upcoming.values().flatten().min().map_or(EVERY_MS, |at| at.since(sim.now()));
        sim.sleep(wanted.clamp(1, EVERY_MS)).await;
    }
}

async fn fire_one(process: &Process, entry: &Entry, schedule: &Schedule) -> store::Result<Option<Millis>> {
    let sim = &process.world.sim;
    let now = sim.now();
    let cursor = process.queue.cursors(vec![entry.id.into()]).await?.pop().flatten();
    let of = Of::settings(entry.id, schedule);
    let Some(Due { firing, .. }) = ticks::due(&of, cursor, now, || sim.job_id()) else {
        return Ok(cursor.and_then(|cursor| of.next(cursor)));
    };
    let after = firing.cursor_if_queued();
    match process.queue.fire(firing).await? {
        Fired::Queued { revoked } => {
            let jobs: Vec<_> = revoked.iter().map(|job| job.id).collect();
            process.revoked(&jobs);
        }
        Fired::Skipped if schedule.overlap == Overlap::Queue => return Ok(Some(now.after(EVERY_MS))),
        Fired::Skipped | Fired::Lost { .. } => {}
    }
    Ok(of.next(after))
}

/// Takes over jobs whose worker is gone.
pub async fn rescue(process: Arc<Process>) {
    let world = &process.world;
    loop {
        world.sim.sleep(EVERY_MS).await;
        let Ok(lost) = process.queue.rescue(MAX_BATCH, world.lease_ms).await else { continue };
        let jobs: Vec<_> = lost.iter().map(|leased| leased.job.id).collect();
        process.revoked(&jobs);
        for leased in lost {
            process.hold(leased.lease);
            let settings = world.entry(leased.job.integration).settings;
            let (ending, now) = (Ending::Lost { times: leased.lost }, world.sim.now());
            let verdict = verdict(&leased.job, leased.attempt, ending, &settings.retry, now, world.sim.roll());
            let next = next(&leased.job, verdict, format!("\"{ending:?}\"")).0;
            let _ended = process.outgoing.send(Settlement { lease: leased.lease, next }).await;
        }
    }
}
