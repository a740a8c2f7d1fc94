//! Virtual time and chance: tasks take their steps one at a time, in an order that the seed decides.
//!
//! A step ends where a task awaits something that has not happened. Time stands still while any task can take a step, and
//! then jumps to the next timer. Calls of the engine block, so that never more than one is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use schedules::{Clock, ManualClock, Millis};
use store::JobId;
use store::conformance::START;
use ulid::Ulid;

/// The number of a process: what dies together.
pub type Pid = u32;
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// More steps than this without any time passing, and something goes round in circles.
const MOST_STEPS_AT_ONCE: u32 = 20_000;

/// The simulation as its tasks see it; cheap to clone.
#[derive(Clone)]
pub struct Sim(Arc<Shared>);

struct Shared {
    clock: Arc<ManualClock>,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    timers: BTreeMap<(Millis, u64), Waker>,
    timers_so_far: u64,
    born: Vec<(Pid, Task)>,
    dead: BTreeSet<Pid>,
    deaths: Vec<Pid>,
    trace: Vec<String>,
}

impl Sim {
    /// A world at its beginning.
    pub fn new(seed: u64, clock: Arc<ManualClock>) -> Self {
        let state = State {
            rng: StdRng::seed_from_u64(seed),
            timers: BTreeMap::new(),
            timers_so_far: 0,
            born: Vec::new(),
            dead: BTreeSet::new(),
            deaths: Vec::new(),
            trace: Vec::new(),
        };
        Self(Arc::new(Shared { clock, state: Mutex::new(state) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time.
    pub fn now(&self) -> Millis {
        self.0.clock.now()
    }

    /// Whether something happens that happens with this chance.
    pub fn chance(&self, chance: f64) -> bool {
        self.state().rng.random_bool(chance)
    }

    /// A number from 0 to 1.
    pub fn roll(&self) -> f64 {
        self.state().rng.random()
    }

    /// A number of a range.
    pub fn between(&self, range: RangeInclusive<i64>) -> i64 {
        self.state().rng.random_range(range)
    }

    /// One of several things.
    pub fn one_of<T: Clone>(&self, things: &[T]) -> T {
        let place = self.state().rng.random_range(0..things.len());
        things[place].clone()
    }

    /// The id of a job made now.
    pub fn job_id(&self) -> JobId {
        let millis = u64::try_from(self.now().0).unwrap_or_default();
        JobId(Ulid::from_parts(millis, self.state().rng.random()))
    }

    /// Starts a task of a process.
    pub fn spawn(&self, pid: Pid, task: impl Future<Output = ()> + Send + 'static) {
        self.state().born.push((pid, Box::pin(task)));
    }

    /// Ends every task of a process, wherever it is.
    pub fn kill(&self, pid: Pid) {
        let mut state = self.state();
        if state.dead.insert(pid) {
            state.deaths.push(pid);
        }
    }

    /// The processes that were killed since the last time.
    pub fn deaths(&self) -> Vec<Pid> {
        std::mem::take(&mut self.state().deaths)
    }

    /// Writes a line into the trace.
    pub fn note(&self, who: &str, what: &str) {
        let ms = self.now().since(START);
        self.state().trace.push(format!("{:>4}.{:03} {who:<9} {what}", ms / 1_000, ms % 1_000));
    }

    /// The trace so far.
    pub fn trace(&self) -> Vec<String> {
        self.state().trace.clone()
    }

    /// Lets time pass at once, whatever is under way.
    pub fn oversleep(&self, ms: i64) {
        self.go_to(self.now().after(ms));
    }

    /// Shows another time, and wakes those who slept until then.
    fn go_to(&self, now: Millis) {
        self.0.clock.set(now);
        let mut state = self.state();
        let later = state.timers.split_off(&(now.after(1), 0));
        let due = std::mem::replace(&mut state.timers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
    }

    /// Resolves after a time.
    pub fn sleep(&self, ms: i64) -> Sleep {
        self.sleep_until(self.now().after(ms))
    }

    /// Resolves at a time; at once if it has come.
    pub fn sleep_until(&self, until: Millis) -> Sleep {
        Sleep { sim: self.clone(), until }
    }

    /// Lets others go first, or not.
    pub fn step(&self) -> Step {
        Step(false)
    }
}

/// See [`Sim::sleep`].
pub struct Sleep {
    sim: Sim,
    until: Millis,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.until <= self.sim.now() {
            return Poll::Ready(());
        }
        let mut state = self.sim.state();
        state.timers_so_far += 1;
        let timer = (self.until, state.timers_so_far);
        state.timers.insert(timer, context.waker().clone());
        Poll::Pending
    }
}

/// See [`Sim::step`].
pub struct Step(bool);

impl Future for Step {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// A task took a step.
    On,
    /// No task can take one before time passes.
    Still,
    /// Tasks take steps, but no time passes.
    InCircles,
}

/// Gives the tasks their turns.
pub struct Executor {
    sim: Sim,
    tasks: BTreeMap<u64, Alive>,
    tasks_so_far: u64,
    steps_at_once: u32,
}

struct Alive {
    pid: Pid,
    task: Task,
    flag: Arc<Flag>,
}

/// Whether a task can take a step.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Executor {
    /// Of a world without tasks.
    pub fn new(sim: Sim) -> Self {
        Self { sim, tasks: BTreeMap::new(), tasks_so_far: 0, steps_at_once: 0 }
    }

    /// Lets one task take one step.
    pub fn step(&mut self) -> Moved {
        self.births_and_deaths();
        let is_ready = |task: &Alive| task.flag.0.load(Ordering::SeqCst);
        let ready: Vec<u64> = self.tasks.iter().filter(|(_, task)| is_ready(task)).map(|(id, _)| *id).collect();
        if ready.is_empty() {
            return Moved::Still;
        }
        self.steps_at_once += 1;
        self.poll(self.sim.one_of(&ready));
        if self.steps_at_once > MOST_STEPS_AT_ONCE { Moved::InCircles } else { Moved::On }
    }

    /// Ends everything at once.
    pub fn end_all(&mut self) {
        self.births_and_deaths();
        self.tasks.clear();
        let timers = std::mem::take(&mut self.sim.state().timers);
        drop(timers);
    }

    fn births_and_deaths(&mut self) {
        let (born, dead) = {
            let mut state = self.sim.state();
            (std::mem::take(&mut state.born), state.dead.clone())
        };
        for (pid, task) in born {
            self.tasks_so_far += 1;
            let flag = Arc::new(Flag(AtomicBool::new(true)));
            self.tasks.insert(self.tasks_so_far, Alive { pid, task, flag });
        }
        self.tasks.retain(|_, task| !dead.contains(&task.pid));
    }

    /// Goes to the next timer; `false` if there is none before the deadline, which has come then.
    pub fn pass_time(&mut self, deadline: Millis) -> bool {
        self.steps_at_once = 0;
        let next = self.sim.state().timers.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= deadline);
        self.sim.go_to(next.unwrap_or(deadline).max(self.sim.now()));
        next.is_some()
    }

    fn poll(&mut self, id: u64) {
        let Some(alive) = self.tasks.get_mut(&id) else { return };
        alive.flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&alive.flag));
        if alive.task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            self.tasks.remove(&id);
        }
    }
}

/// Runs a future to its end on this thread; for calls that end by themselves.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}
