//! What all actors share: the integrations with their settings, and the queue of the program that runs now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schedules::Millis;
use serde_json::{Value, json};
use store::IntegrationId;
use store::conformance::{START, integration};
use workers::settings::{Schedule, Settings};

use crate::bugs::Planted;
use crate::sim::{Pid, Sim};
use crate::weather::Weather;
use crate::witness::{Books, Waiting};

/// How long callers call and schedules fire.
pub const ACTIVE_MS: i64 = 90_000;
/// How many integrations there are; the first ones have a schedule.
const INTEGRATIONS: u16 = 5;

/// An integration, as the catalog has it.
#[derive(Clone)]
pub struct Entry {
    pub id: IntegrationId,
    pub settings: Arc<Settings>,
    pub paused: bool,
    /// The settings as they were written.
    pub written: Value,
}

/// What processes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Claims and runs.
    Worker,
    /// Fires and rescues.
    Scheduler,
    /// Both, in one process.
    Both,
    /// Calls from outside.
    Caller,
    /// Pauses, releases, replays, forgets.
    Operator,
}

/// The world; cheap to clone.
#[derive(Clone)]
pub struct World(Arc<Parts>);

/// What a [`World`] consists of.
pub struct Parts {
    pub sim: Sim,
    pub books: Books,
    pub weather: Weather,
    /// Those who wait for work.
    pub waiting: Waiting,
    pub lease_ms: u32,
    catalog: Mutex<Vec<Entry>>,
    queue: Mutex<Option<Planted>>,
    roles: Mutex<BTreeMap<Pid, Role>>,
}

impl std::ops::Deref for World {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// A world whose integrations the seed has chosen.
    pub fn new(sim: Sim, books: Books, weather: Weather) -> Self {
        let scheduled = sim.between(1..=3);
        let one = |number: u16| {
            let schedule = (i64::from(number) <= scheduled).then(|| random_schedule(&sim));
            let written = random_settings(&sim, schedule.as_ref());
            Entry { id: integration(number), settings: Arc::new(parse(&written)), paused: false, written }
        };
        let catalog = Mutex::new((1..=INTEGRATIONS).map(one).collect());
        let lease_ms = u32::try_from(sim.between(2_000..=10_000)).unwrap_or(2_000);
        let (queue, roles) = (Mutex::new(None), Mutex::default());
        Self(Arc::new(Parts { sim, books, weather, waiting: Waiting::default(), lease_ms, catalog, queue, roles }))
    }

    /// Every integration.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.catalog).clone()
    }

    /// One of them.
    pub fn entry(&self, id: IntegrationId) -> Entry {
        let known = lock(&self.catalog).iter().find(|entry| entry.id == id).cloned();
        known.expect("there are no others")
    }

    /// Any of them.
    pub fn any_entry(&self) -> Entry {
        self.sim.one_of(&self.entries())
    }

    /// Those that fire, with their rules.
    pub fn schedules(&self) -> Vec<(IntegrationId, Schedule)> {
        self.entries().iter().filter_map(|it| Some((it.id, it.settings.schedule.clone()?))).collect()
    }

    /// Its next release: everything but the schedule may be another.
    pub fn next_release(&self, entry: &Entry) -> Entry {
        let mut written = random_settings(&self.sim, entry.written.get("schedule"));
        if self.sim.chance(0.7) {
            written["rateLimits"] = entry.written["rateLimits"].clone();
        }
        Entry { settings: Arc::new(parse(&written)), written, ..entry.clone() }
    }

    /// The catalog learns of a change.
    pub fn update(&self, changed: Entry) {
        if let Some(entry) = lock(&self.catalog).iter_mut().find(|entry| entry.id == changed.id) {
            *entry = changed;
        }
    }

    /// A handle to the queue of the program that runs.
    pub fn queue(&self) -> Planted {
        lock(&self.queue).clone().expect("a program runs")
    }

    /// A program has started or, without a queue, ended.
    pub fn run(&self, queue: Option<Planted>) -> Option<Planted> {
        std::mem::replace(&mut lock(&self.queue), queue)
    }

    /// Names a new process.
    pub fn born(&self, role: Role) -> Pid {
        let mut roles = lock(&self.roles);
        let pid = Pid::try_from(roles.len()).unwrap_or(Pid::MAX) + 1;
        roles.insert(pid, role);
        pid
    }

    /// What a process does, or did.
    pub fn role(&self, pid: Pid) -> Option<Role> {
        lock(&self.roles).get(&pid).copied()
    }

    /// Whether callers still call.
    pub fn is_active(&self) -> bool {
        self.sim.now() < START.after(ACTIVE_MS)
    }
}

/// When schedules end.
fn end_of_schedules() -> Millis {
    START.after(ACTIVE_MS)
}

fn parse(settings: &Value) -> Settings {
    Settings::parse(settings).unwrap_or_else(|error| panic!("{settings}: {error:?}"))
}

fn random_schedule(sim: &Sim) -> Value {
    let mut schedule = json!({
        "overlap": sim.one_of(&["skip", "queue", "allow", "allow", "cancel_running"]),
        "catchup": sim.one_of(&["last", "none", "all", "all"]),
        "end": end_of_schedules().to_rfc3339(),
        "jitter": sim.one_of(&["0s", "0s", "3s"]),
    });
    if sim.chance(0.3) {
        schedule["cron"] = json!(sim.one_of(&["*/10 * * * * *", "5,25,26 * * * * *", "* * * * *"]));
    } else {
        schedule["every"] = json!(sim.one_of(&["3s", "7s", "13s", "minute"]));
    }
    schedule
}

fn random_settings(sim: &Sim, schedule: Option<&Value>) -> Value {
    let mut settings = json!({
        "retry": {
            "attempts": sim.between(1..=4),
            "backoff": sim.one_of(&["exponential", "linear", "fixed"]),
            "min": format!("{}ms", sim.between(50..=1_500)),
            "max": "5s",
        },
        "rateLimits": (0..sim.one_of(&[0, 0, 1, 2])).map(|_| random_limit(sim)).collect::<Vec<_>>(),
    });
    if sim.chance(0.2) {
        settings["retry"]["giveUpAfter"] = json!("20s");
    }
    let in_turn = schedule.is_some_and(|schedule| schedule["overlap"] == "queue");
    if !in_turn {
        settings["concurrency"] = random_concurrency(sim);
    }
    if let Some(schedule) = schedule {
        settings["schedule"] = schedule.clone();
    }
    settings
}

fn random_concurrency(sim: &Sim) -> Value {
    let limit = json!({ "limit": sim.between(1..=4) });
    let mut lanes = json!({ "limit": sim.between(1..=2), "key": ["email"] });
    if sim.chance(0.3) {
        lanes["backlog"] = json!(sim.between(2..=6));
    }
    sim.one_of(&[Value::Null, limit.clone(), lanes.clone(), json!([limit, lanes])])
}

fn random_limit(sim: &Sim) -> Value {
    let mut limit = json!({
        "limit": sim.between(1..=4),
        "interval": format!("{}ms", sim.between(500..=6_000)),
        "key": sim.one_of(&[json!([]), json!(["email"]), json!(["email", "n"])]),
        "algorithm": sim.one_of(&["leaky_bucket", "sliding_window"]),
        "onExceed": sim.one_of(&["delay", "delay", "reject"]),
        "onMissing": sim.one_of(&["skip", "skip", "skip", "reject"]),
    });
    if limit["algorithm"] == "leaky_bucket" && sim.chance(0.5) {
        limit["burst"] = json!(sim.between(1..=3));
    }
    limit
}
