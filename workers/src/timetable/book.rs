//! All schedules, by the time of their next tick. It is read from the catalog by its changes, never as a whole again; and
//! may be lost at any time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use schedules::Millis;
use store::catalog::{ReleaseNumber, StoredSchedule};
use store::queue::{Cursor, Inspect, MAX_BATCH, ScheduleRef};
use store::{IntegrationId, ScheduleId};
use tokio::sync::{Mutex, MutexGuard};

use super::Known;
use crate::{Entry, Result, Services};

/// When a schedule is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// At this time.
    At(Millis),
    /// Not before it is changed.
    Never,
    /// When its integration is released, resumed or known.
    Held,
}

/// A schedule in the book.
#[derive(Debug)]
pub(crate) struct Slot {
    pub known: Known,
    pub cursor: Option<Cursor>,
    pub wake: Wake,
    /// How often in a row its ticks found an earlier one in their way.
    pub waited: u32,
}

/// The book; one pass at a time goes by it.
#[derive(Debug, Default)]
pub(crate) struct Book(Mutex<Pages>);

#[derive(Debug, Default)]
pub(crate) struct Pages {
    slots: HashMap<ScheduleId, Slot>,
    heap: BinaryHeap<Reverse<(Millis, ScheduleId)>>,
    held: HashMap<IntegrationId, HashSet<ScheduleId>>,
    /// Up to where changes are read.
    place: (u64, Option<ScheduleId>),
    /// The release whose schedule is known to be in the catalog.
    pub synced: HashMap<IntegrationId, ReleaseNumber>,
}

impl Book {
    pub async fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().await
    }
}

impl Pages {
    /// Reads what has changed in the catalog.
    pub async fn refresh(&mut self, services: &Services) -> Result<()> {
        loop {
            let changed = services.catalog.changed_schedules(self.place).await?;
            let Some(last) = changed.last() else { return Ok(()) };
            let place = (last.changed, Some(last.id.schedule));
            self.take(services, changed).await?;
            self.place = place;
        }
    }

    async fn take(&mut self, services: &Services, changed: Vec<StoredSchedule>) -> Result<()> {
        let now = services.clock.now();
        let (gone, there): (Vec<_>, Vec<_>) = changed.into_iter().partition(|stored| stored.deleted.is_some());
        for stored in gone {
            self.remove(stored.id);
        }
        for batch in there.chunks(MAX_BATCH) {
            let unknown: Vec<ScheduleRef> =
                batch.iter().map(|it| it.id).filter(|it| !self.slots.contains_key(&it.schedule)).collect();
            let cursors = services.queue.cursors(unknown.clone()).await?;
            let mut cursors: HashMap<ScheduleRef, Option<Cursor>> = unknown.into_iter().zip(cursors).collect();
            for stored in batch {
                let id = stored.id;
                let cursor = match self.remove(id) {
                    Some(slot) => slot.cursor,
                    None => cursors.remove(&id).flatten(),
                };
                match Known::read(stored.clone()) {
                    Ok(known) => self.put(Slot { known, cursor, wake: Wake::At(now), waited: 0 }),
                    Err(error) => {
                        tracing::error!(schedule = stored.name, %error, "a schedule cannot be read and does not fire");
                    }
                }
            }
        }
        Ok(())
    }

    fn remove(&mut self, id: ScheduleRef) -> Option<Slot> {
        if let Some(held) = self.held.get_mut(&id.integration) {
            held.remove(&id.schedule);
        }
        self.slots.remove(&id.schedule)
    }

    /// Puts a schedule where its wake says.
    pub fn put(&mut self, slot: Slot) {
        let id = slot.known.id();
        match slot.wake {
            Wake::At(at) => self.heap.push(Reverse((at, id.schedule))),
            Wake::Held => drop(self.held.entry(id.integration).or_default().insert(id.schedule)),
            Wake::Never => {}
        }
        self.slots.insert(id.schedule, slot);
    }

    /// Lets those look again whose integration holds them no more; forgets those whose integration is gone.
    pub fn release(&mut self, entries: &HashMap<IntegrationId, Arc<Entry>>, now: Millis) {
        let free = |id: &IntegrationId| entries.get(id).is_none_or(|entry| !entry.paused && entry.latest.is_some());
        let freed: Vec<IntegrationId> = self.held.keys().filter(|id| free(id)).copied().collect();
        for integration in freed {
            for id in self.held.remove(&integration).unwrap_or_default() {
                let Some(mut slot) = self.slots.remove(&id) else { continue };
                if entries.contains_key(&integration) {
                    slot.wake = Wake::At(now);
                    self.put(slot);
                }
            }
        }
    }

    /// Takes out those whose time has come.
    pub fn due(&mut self, now: Millis) -> Vec<Slot> {
        let mut due = Vec::new();
        while let Some(Reverse((at, id))) = self.heap.peek().copied()
            && at <= now
        {
            self.heap.pop();
            // A wake that was changed since has its own place in the heap.
            if self.slots.get(&id).is_some_and(|slot| slot.wake == Wake::At(at)) {
                due.extend(self.slots.remove(&id));
            }
        }
        due
    }

    /// When the next time comes.
    pub fn earliest(&mut self) -> Option<Millis> {
        while let Some(Reverse((at, id))) = self.heap.peek().copied() {
            if self.slots.get(&id).is_some_and(|slot| slot.wake == Wake::At(at)) {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }
}
