//! What happens to calls: the chances that a seed gives to delays, failures, lost answers and deaths.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::faulty::{Director, Fate, Moment};

use crate::sim::{Pid, Sim};

/// How likely something happens to a call at one of its moments, or to the whole machine at a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chances {
    /// It fails, before it is applied.
    pub fail: f64,
    /// Its answer is lost.
    pub lose: f64,
    /// It takes a moment.
    pub delay: f64,
    /// It takes longer than anybody waits.
    pub stall: f64,
    /// Its process dies.
    pub die: f64,
    /// The program ends.
    pub crash: f64,
    /// The machine sleeps for a while.
    pub sleep: f64,
}

impl Chances {
    /// Those of a seed: each kind of trouble is away in some runs, so that the others are seen without it.
    pub fn of(sim: &Sim) -> Self {
        let some = |most: f64| if sim.chance(0.4) { 0.0 } else { sim.roll() * most };
        Self {
            fail: some(0.05),
            lose: some(0.05),
            delay: some(0.3),
            stall: some(0.01),
            die: some(0.004),
            crash: some(0.001_2),
            sleep: some(0.000_6),
        }
    }
}

/// The chances, until all is calm; cheap to clone.
#[derive(Clone)]
pub struct Weather {
    chances: Chances,
    is_calm: Arc<AtomicBool>,
}

impl Weather {
    /// Not calm yet.
    pub fn new(chances: Chances) -> Self {
        Self { chances, is_calm: Arc::default() }
    }

    /// Nothing happens any more.
    pub fn calm_down(&self) {
        self.is_calm.store(true, Ordering::SeqCst);
    }

    /// The chances now.
    pub fn now(&self) -> Chances {
        if self.is_calm.load(Ordering::SeqCst) { Chances::default() } else { self.chances }
    }
}

/// Directs the calls of one process.
pub struct Fates {
    /// The world.
    pub sim: Sim,
    /// The chances.
    pub weather: Weather,
    /// The process.
    pub pid: Pid,
    /// Its name.
    pub who: String,
    /// How long leases last: what stalls takes about as long.
    pub lease_ms: u32,
}

impl Director for Fates {
    async fn fate(&self, verb: &'static str, moment: Moment) -> Fate {
        let chances = self.weather.now();
        let sim = &self.sim;
        // Every call is a place where others may go first, on its way there and back.
        sim.step().await;
        let note = |what: &str| sim.note(&self.who, &format!("{verb}: {what} ({moment:?})"));
        if sim.chance(chances.die) {
            note("the process dies");
            sim.kill(self.pid);
            return Fate::Vanish;
        }
        if sim.chance(chances.delay) {
            sim.sleep(sim.between(1..=300)).await;
        }
        if sim.chance(chances.stall) {
            let ms = sim.between(500..=i64::from(self.lease_ms) * 2);
            note(&format!("stalls for {ms} ms"));
            sim.sleep(ms).await;
        }
        let failing = match moment {
            Moment::Before => chances.fail,
            Moment::After => chances.lose,
        };
        if sim.chance(failing) {
            note("fails");
            return Fate::Fail;
        }
        Fate::Pass
    }
}
