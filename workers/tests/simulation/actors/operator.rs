//! An operator: pauses and resumes, releases other limits, replays and forgets dead jobs.

use std::sync::Arc;

use schedules::Millis;
use store::JobId;
use store::queue::{Edit, Fired, Firing, Inspect, JobFilter, PageRequest, Pruning, Queue, State};
use workers::authoring::control;

use super::Handle;
use crate::world::{Entry, World};

/// Operates until the active time is over.
pub async fn operate(world: World, queue: Arc<Handle>) {
    // What a predecessor left half done.
    agree(&world, &queue).await;
    while world.is_active() {
        let sim = &world.sim;
        sim.sleep(sim.between(200..=6_000)).await;
        let entry = world.any_entry();
        match sim.between(0..=9) {
            0..=2 => set(&world, &queue, Entry { paused: !entry.paused, ..entry }).await,
            3..=5 => set(&world, &queue, world.next_release(&entry)).await,
            6 | 7 => bring_back(&world, &queue).await,
            8 => forget(&world, &queue).await,
            _ if entry.settings.schedule.is_none() && sim.chance(0.3) => purge(&world, &queue, &entry).await,
            _ => {}
        }
    }
    open_everything(&world, &queue).await;
}

/// Resumes every integration.
async fn open_everything(world: &World, queue: &Handle) {
    for entry in world.entries() {
        set(world, queue, Entry { paused: false, ..entry }).await;
    }
}

/// The queue is told what the catalog says.
async fn agree(world: &World, queue: &Handle) {
    for entry in world.entries() {
        tell(world, queue, &entry).await;
    }
}

/// The queue is told first, then the catalog; ticks that fell into a pause are not made up for.
async fn set(world: &World, queue: &Handle, entry: Entry) {
    let was_paused = world.entry(entry.id).paused;
    if was_paused && !entry.paused && entry.settings.schedule.is_some() {
        previous_ticks_are_past(world, queue, &entry).await;
    }
    tell(world, queue, &entry).await;
    world.update(entry);
}

async fn tell(world: &World, queue: &Handle, entry: &Entry) {
    let limits: Vec<_> = entry.settings.rate_limits.iter().map(|it| it.limit.clone()).collect();
    while queue.control(entry.id, control(&entry.settings, &limits, entry.paused)).await.is_err() {
        world.sim.sleep(100).await;
    }
}

async fn previous_ticks_are_past(world: &World, queue: &Handle, entry: &Entry) {
    loop {
        let to: Millis = world.sim.now();
        if let Ok(cursors) = queue.cursors(vec![entry.id.into()]).await {
            let firing = Firing::new(entry.id, cursors.first().copied().flatten(), to);
            if matches!(queue.fire(firing).await, Ok(Fired::Queued { .. })) {
                return;
            }
        }
        world.sim.sleep(100).await;
    }
}

async fn bring_back(world: &World, queue: &Handle) {
    for job in dead(queue).await {
        if world.sim.chance(0.5) {
            let release = world.sim.chance(0.2).then_some(None);
            let due = world.sim.now().after(world.sim.one_of(&[0, 0, 2_000]));
            let _answer = queue.replay(job, due, Edit { payload: None, release }).await;
        }
    }
}

async fn forget(world: &World, queue: &Handle) {
    let jobs = dead(queue).await;
    if world.sim.chance(0.5) {
        let _answer = queue.discard(jobs).await;
    } else {
        let dead_before = world.sim.now().after(-world.sim.between(0..=30_000));
        let pruning = Pruning { dead_before, dead_keep: 3, limit: 1_000 };
        let _answer = queue.prune(pruning).await;
    }
}

async fn dead(queue: &Handle) -> Vec<JobId> {
    let filter = JobFilter { state: Some(State::Dead), ..JobFilter::default() };
    let page = PageRequest { first: 5, after: None, before: None };
    let page = queue.list(filter, page).await;
    page.map(|page| page.items.iter().map(|view| view.job.id).collect()).unwrap_or_default()
}

/// Forgets an integration, which is then made anew.
async fn purge(world: &World, queue: &Handle, entry: &Entry) {
    let _answer = queue.purge(entry.id).await;
    tell(world, queue, entry).await;
}
