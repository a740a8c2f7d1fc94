//! One run: a seed's world, from its first call until everything has settled.

use std::collections::BTreeMap;
use std::sync::Arc;

use schedules::{ManualClock, Millis};
use store::conformance::START;
use store::queue::{Inspect, Violation};

use crate::actors;
use crate::bugs::{Bug, Planted};
use crate::ledger::{Broken, Check};
use crate::place::{End, Place};
use crate::sim::{Executor, Moved, Sim, block_on};
use crate::weather::{Chances, Weather};
use crate::witness::{Books, Witness};
use crate::world::{ACTIVE_MS, Role, World};

/// By then everything must have settled.
const SETTLED_MS: i64 = ACTIVE_MS + 1_200_000;
/// Callers repeat their last calls for as long as this.
const REPEATS_MS: i64 = 20_000;
/// Everything that is stored is looked through every so many steps.
const EXAMINED_EVERY: u64 = 700;

/// What became of a run.
pub struct Report {
    pub seed: u64,
    /// The rule that was broken, if one was.
    pub broken: Option<Broken>,
    pub trace: Vec<String>,
    /// How often something happened.
    pub counts: BTreeMap<&'static str, u64>,
}

/// Runs a seed, on an engine with a bug or as it is.
pub fn run(seed: u64, bug: Option<Bug>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime for the engine's readers");
    let _entered = runtime.enter();
    let mut machine = Machine::new(seed, bug);
    let broken = machine.live().err();
    machine.power_off();
    let Machine { world, .. } = machine;
    let counts = world.books.with(|ledger| ledger.counts.clone());
    Report { seed, broken, trace: world.sim.trace(), counts }
}

struct Machine {
    world: World,
    executor: Executor,
    place: Place,
    bug: Option<Bug>,
    steps: u64,
}

impl Machine {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let sim = Sim::new(seed, clock.clone());
        let max_jobs = sim.one_of(&[10_000, 10_000, 10_000, 60]);
        let (books, weather) = (Books::new(max_jobs), Weather::new(Chances::of(&sim)));
        let executor = Executor::new(sim.clone());
        let place = Place::new(clock, max_jobs);
        Self { world: World::new(sim, books, weather), executor, place, bug, steps: 0 }
    }

    fn live(&mut self) -> Check {
        self.start();
        while self.step(START.after(ACTIVE_MS))? {
            let (sim, chances) = (&self.world.sim, self.world.weather.now());
            if sim.chance(chances.sleep) {
                let ms = sim.between(100..=20_000);
                sim.note("machine", &format!("sleeps for {ms} ms"));
                sim.oversleep(ms);
                self.world.books.with(|ledger| ledger.count("machine: slept"));
            }
            if self.world.sim.chance(chances.crash) {
                self.crash()?;
            }
        }
        self.world.weather.calm_down();
        self.world.sim.note("machine", "calm");
        let (repeats, deadline) = (START.after(ACTIVE_MS + REPEATS_MS), START.after(SETTLED_MS));
        while self.world.sim.now() < repeats || !self.has_settled() {
            if !self.step(deadline)? {
                break;
            }
        }
        self.examine()?;
        for (of, schedule) in self.world.schedules() {
            self.world.books.with(|ledger| ledger.has_fired_all(of, &schedule))?;
        }
        self.world.books.with(crate::ledger::Ledger::all_ended)
    }

    /// One step of one task, and what comes of it, or of time; `false` when the deadline has come.
    fn step(&mut self, deadline: Millis) -> Check<bool> {
        let moved = self.executor.step();
        if let Some(broken) = self.world.books.broken() {
            return Err(broken);
        }
        if moved == Moved::InCircles {
            return Err(Broken { rule: "no_time_passes", what: "tasks go round in circles".into() });
        }
        for pid in self.world.sim.deaths() {
            self.world.books.with(|ledger| ledger.count("process: died or stopped"));
            if let Some(role) = self.world.role(pid) {
                actors::start(&self.world, role);
            }
        }
        self.steps += 1;
        if self.steps.is_multiple_of(EXAMINED_EVERY) {
            self.examine()?;
        }
        if moved == Moved::Still {
            self.nobody_sleeps_on_work()?;
            return Ok(self.executor.pass_time(deadline));
        }
        Ok(true)
    }

    /// Whoever waits for work while nothing else happens has been told of all that there is.
    fn nobody_sleeps_on_work(&self) -> Check {
        if !self.world.waiting.is_anybody() {
            return Ok(());
        }
        let ready = self.world.books.with(|ledger| ledger.ready(self.world.sim.now()));
        let what = |job| format!("{job} is due and held by nothing; a worker waits");
        ready.map_or(Ok(()), |job| Err(Broken { rule: "not_woken", what: what(job) }))
    }

    /// Starts the program: opens the queue, and starts its processes and those who call them.
    fn start(&mut self) {
        let (world, bug) = (&self.world, self.bug);
        world.run(Some(Planted::new(self.place.open(), bug)));
        let mut roles = vec![Role::Operator, Role::Both, Role::Scheduler, Role::Caller, Role::Caller];
        roles.extend(world.sim.one_of(&[
            &[Role::Worker][..],
            &[Role::Worker, Role::Worker],
            &[Role::Both, Role::Caller],
        ]));
        roles.into_iter().for_each(|role| actors::start(world, role));
    }

    fn crash(&mut self) -> Check {
        let how = self.world.sim.one_of(&[End::Closed, End::Killed, End::Killed, End::KilledWriting]);
        self.world.sim.note("machine", &format!("the program ends: {how:?}"));
        self.executor.end_all();
        if let Some(Planted { engine, .. }) = self.world.run(None) {
            self.place.end(engine, how);
        }
        self.world.books.with(|ledger| {
            ledger.restarted();
            ledger.count("program: ended");
        });
        self.start();
        self.examine()
    }

    fn power_off(&mut self) {
        self.executor.end_all();
        self.world.run(None);
    }

    fn has_settled(&self) -> bool {
        let is_open = self.world.entries().iter().all(|entry| !entry.paused);
        let fired = |ledger: &mut crate::ledger::Ledger| {
            self.world.schedules().iter().all(|(of, schedule)| ledger.has_fired_all(*of, schedule).is_ok())
        };
        is_open && self.world.books.with(|ledger| ledger.is_settled() && fired(ledger))
    }

    /// Looks through everything that is stored: it must not contradict itself, nor the ledger.
    fn examine(&self) -> Check {
        let (engine, books, sim) = (self.world.queue(), &self.world.books, &self.world.sim);
        let witness = Witness {
            engine: engine.clone(),
            books: books.clone(),
            sim: sim.clone(),
            who: "machine".into(),
            schedules: Vec::new(),
            waiting: self.world.waiting.clone(),
        };
        let found = block_on(engine.engine.check())
            .unwrap_or_else(|error| vec![Violation { rule: "check_failed", what: error.to_string() }]);
        if let Some(Violation { rule, what }) = found.into_iter().next() {
            return Err(Broken { rule, what });
        }
        books.with(|ledger| ledger.compare(&witness.list_all(None)))?;
        for (of, selector, job) in books.with(|ledger| ledger.named()) {
            let found = block_on(engine.engine.find(of, selector.clone(), 10)).expect("find answers");
            let found: Vec<_> = found.iter().map(|view| view.job.id).collect();
            if found != [job] {
                return Err(Broken {
                    rule: "wrong_job_under_key",
                    what: format!("{found:?}, not {job}: {selector:?}"),
                });
            }
        }
        let counts = block_on(engine.engine.counts()).expect("counts answers");
        let mut expected = books.with(|it| it.counts(sim.now()));
        // When a job is put in line is the engine's choice; how many are is what it says of each.
        for view in witness.list_all(None).iter().filter(|view| view.delayed_by_limit) {
            let of = expected.iter_mut().find(|(of, _)| *of == view.job.integration);
            of.expect("it has jobs").1.in_line += 1;
        }
        if counts != expected {
            return Err(Broken { rule: "wrong_counts", what: format!("{counts:?}, not {expected:?}") });
        }
        Ok(())
    }
}
