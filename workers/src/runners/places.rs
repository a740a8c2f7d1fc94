//! The table of runners: which are there, whose they are, and who sits in them.

use std::borrow::Borrow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::choose::{Choice, Duty, MAX_SERVED, Owner, choose, staying};
use super::exchange::START;
use super::process::{Command, NotReady, Runner};
use super::suspicion::Suspicion;
use crate::{Event, Events};

/// The table; cheap to clone.
#[derive(Clone)]
pub(super) struct Places(Arc<Inner>);

struct Inner {
    command: Command,
    /// How many there should be at most, as long as no more is needed to keep runs apart.
    runners: usize,
    events: Events,
    table: Mutex<Table>,
    suspicion: Mutex<Suspicion>,
}

#[derive(Default)]
struct Table {
    places: Vec<Place>,
    /// Started ahead of need, and nobody's yet.
    spare: Vec<Arc<Runner>>,
    /// How many of these there should be.
    wanted: usize,
}

/// A runner with its duty.
struct Place {
    runner: Arc<Runner>,
    duty: Duty,
    /// Why it takes no more runs.
    reason: Option<&'static str>,
}

impl Borrow<Duty> for Place {
    fn borrow(&self) -> &Duty {
        &self.duty
    }
}

impl Places {
    /// An empty table for about `runners` processes.
    pub(super) fn new(command: Command, runners: usize, events: Events) -> Self {
        let (table, suspicion) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { command, runners: runners.max(1), events, table, suspicion }))
    }

    /// Who killed runners.
    pub(super) fn suspicion(&self) -> MutexGuard<'_, Suspicion> {
        self.0.suspicion.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a runner and sees it ready.
    pub(super) async fn prove(&self) -> Result<(), NotReady> {
        Runner::start(&self.0.command).map_err(NotReady::NotStarted)?.prove(START).await
    }

    /// Keeps `n` runners ready from now on.
    pub(super) fn warm(&self, n: usize) -> std::io::Result<()> {
        self.table().wanted = n;
        self.refill()
    }

    /// A runner that nobody has had yet.
    pub(super) fn fresh(&self) -> std::io::Result<Arc<Runner>> {
        let spare = self.spare();
        if self.table().wanted > 0 {
            let places = self.clone();
            tokio::spawn(async move {
                if let Err(error) = places.refill() {
                    tracing::warn!(%error, "no runner could be started ahead of need");
                }
            });
        }
        spare.map_or_else(|| self.start(), Ok)
    }

    /// A place for a run of this owner, in a runner that is there or a new one.
    pub(super) fn seat(&self, owner: Owner, alone: bool) -> std::io::Result<Seat> {
        loop {
            let mut table = self.table();
            let at = match choose(&table.places, &owner, alone, self.0.runners) {
                Choice::Join(at) => at,
                Choice::Fresh { instead_of } => {
                    let unused = instead_of.map(|at| table.places.swap_remove(at));
                    drop(table);
                    if unused.is_some() {
                        self.0.events.emit(Event::RunnerKilled { reason: "idle" });
                    }
                    return self.join(owner, alone);
                }
            };
            let place = &mut table.places[at];
            if place.runner.is_alive() {
                place.duty.active += 1;
                place.duty.served += 1;
                place.duty.alone = alone;
                return Ok(Seat { places: self.clone(), runner: place.runner.clone(), reason: None });
            }
            place.duty.retired = true;
            if place.duty.active == 0 {
                // The system may have ended it for want of memory: no run's fault.
                table.places.swap_remove(at);
                drop(table);
                self.0.events.emit(Event::RunnerKilled { reason: "crashed" });
            }
        }
    }

    /// A place in a process that nothing else has run in, and nothing else will.
    pub(super) fn seat_apart(&self, owner: Owner) -> std::io::Result<Seat> {
        let mut seat = self.join(owner, true)?;
        seat.retire(Some("worn"));
        Ok(seat)
    }

    fn join(&self, owner: Owner, alone: bool) -> std::io::Result<Seat> {
        let runner = self.fresh()?;
        let duty = Duty { owner, active: 1, served: 1, retired: false, alone };
        self.table().places.push(Place { runner: runner.clone(), duty, reason: None });
        Ok(Seat { places: self.clone(), runner, reason: None })
    }

    /// A run is over. Its runner is kept unless it is worn, broken, or one too many.
    fn leave(&self, runner: &Arc<Runner>, reason: Option<&'static str>) {
        let mut table = self.table();
        let crowded = staying(&table.places) > self.0.runners;
        let Some(at) = table.places.iter().position(|place| Arc::ptr_eq(&place.runner, runner)) else {
            return;
        };
        let place = &mut table.places[at];
        place.duty.active -= 1;
        place.duty.alone = false;
        place.reason = place.reason.or(reason);
        place.duty.retired |= place.reason.is_some();
        if place.duty.active > 0 {
            return;
        }
        let reason = match place.reason {
            Some(reason) => reason,
            None if place.duty.retired => "crashed",
            None if place.duty.served >= MAX_SERVED => "worn",
            None if crowded => "idle",
            None => return,
        };
        let unused = table.places.swap_remove(at);
        drop(table);
        self.0.events.emit(Event::RunnerKilled { reason });
        drop(unused);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A spare runner that is still there.
    fn spare(&self) -> Option<Arc<Runner>> {
        loop {
            let runner = self.table().spare.pop()?;
            if runner.is_alive() {
                return Some(runner);
            }
            self.0.events.emit(Event::RunnerKilled { reason: "crashed" });
        }
    }

    fn refill(&self) -> std::io::Result<()> {
        loop {
            {
                let table = self.table();
                if table.spare.len() >= table.wanted {
                    return Ok(());
                }
            }
            let runner = self.start()?;
            self.table().spare.push(runner);
        }
    }

    fn start(&self) -> std::io::Result<Arc<Runner>> {
        let runner = Runner::start(&self.0.command)?;
        self.0.events.emit(Event::RunnerStarted);
        Ok(Arc::new(runner))
    }
}

/// A run's place in a runner; given back when it is dropped.
pub(super) struct Seat {
    places: Places,
    runner: Arc<Runner>,
    reason: Option<&'static str>,
}

impl Seat {
    /// The runner.
    pub(super) fn runner(&self) -> Arc<Runner> {
        self.runner.clone()
    }

    /// The runner takes no more runs, if there is a reason.
    pub(super) fn retire(&mut self, reason: Option<&'static str>) {
        self.reason = reason.or(self.reason);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.places.leave(&self.runner, self.reason);
    }
}
