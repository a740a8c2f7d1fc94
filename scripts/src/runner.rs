//! The child side of a runner process: many runs at once, each on a thread of its own, until the engine closes the
//! socket.
//!
//! One thread reads the socket and hands each message to the run it is for; it never waits for a run. The kernel
//! shares the processors between the runs, and takes one away from native code of QuickJS as well.

mod threads;

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::builtins;
use crate::clock;
use crate::compile::{Compiled, compile, compile_test};
use crate::protocol::{Bundle, Check, Code, FromRunner, Limits, Load, Reply, Run, ScriptError, ToRunner, Usage};
use crate::sandbox::{Engines, Finished, Host, Inbox, Incoming, Letter, Outbox, Program, Task, Ties, execute};
use threads::Threads;

/// The stack of a thread that compiles: the parser recurses with the nesting of the code.
const CHECK_STACK_BYTES: usize = 256 << 20;
/// The largest JavaScript stack a run may ask for.
const MAX_STACK_BYTES: u32 = 1 << 20;
/// What native code needs of a run's stack beside the JavaScript stack.
const STACK_MARGIN_BYTES: usize = 1 << 20;
/// Letters beside the answers to a run's calls.
const SPARE_LETTERS: usize = 4;

/// Says that it is ready, then compiles and runs what it is sent. Returns when the engine closes the socket.
///
/// The engine bounds it from outside as well: native code of QuickJS may run past a deadline, and then only a kill
/// helps.
pub fn serve(stream: UnixStream) -> io::Result<()> {
    builtins::prepare();
    let outbox = Outbox::new(stream.try_clone()?);
    let mut runner = Runner {
        outbox: outbox.clone(),
        programs: HashMap::new(),
        runs: Runs::default(),
        engines: Arc::new(Engines::ready()),
        threads: Threads::new(MAX_STACK_BYTES as usize + STACK_MARGIN_BYTES),
    };
    let served = outbox.send(&FromRunner::Ready).and_then(|()| runner.requests(&mut Incoming::new(stream)));
    runner.runs.cancel_all();
    match served {
        Err(error) if gone(&error) => Ok(()),
        other => other,
    }
}

struct Runner {
    outbox: Outbox,
    programs: HashMap<u32, Arc<Program>>,
    runs: Runs,
    engines: Arc<Engines>,
    threads: Threads,
}

impl Runner {
    fn requests(&mut self, incoming: &mut Incoming) -> io::Result<()> {
        while let Some(request) = incoming.next()? {
            match request {
                ToRunner::Check(check) => self.check(check)?,
                ToRunner::Load(load) => {
                    let Load { number, bundle } = *load;
                    self.programs.insert(number, Arc::new(Program::new(bundle)));
                }
                ToRunner::Forget(number) => {
                    self.programs.remove(&number);
                }
                ToRunner::Run(run) => self.run(*run)?,
                ToRunner::Cancel(id) => self.runs.cancel(id),
                ToRunner::Reply(reply) => self.runs.answer(reply),
            }
        }
        Ok(())
    }

    /// A check has a thread of its own for its parser; the engine sends one at a time.
    fn check(&self, check: Check) -> io::Result<()> {
        let (seat, outbox) = (self.runs.begin(check.id, check.limits), self.outbox.clone());
        let work = move || {
            let result = caught(|| checked(&check, &seat, &outbox)).unwrap_or_else(Err);
            seat.leave();
            // An engine that is gone needs no answer.
            let _gone = outbox.send(&FromRunner::Checked { id: check.id, result });
        };
        thread::Builder::new().name("check".into()).stack_size(CHECK_STACK_BYTES).spawn(work)?;
        Ok(())
    }

    fn run(&self, run: Run) -> io::Result<()> {
        let Some(program) = self.programs.get(&run.bundle).cloned() else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("there is no bundle {}", run.bundle)));
        };
        let (id, seat, outbox) = (run.id, self.runs.begin(run.id, run.limits), self.outbox.clone());
        let engines = Arc::clone(&self.engines);
        let finish = move |seat: &Seat, outbox: &Outbox, Finished { result, usage }| {
            seat.leave();
            // An engine that is gone needs no answer.
            let _gone = outbox.send(&FromRunner::Finished { id, result, usage });
        };
        let work = move || {
            let tests = run.input.test.as_ref().map(|test| Program::beside(test.bundle.clone(), &program));
            let subject = tests.is_some().then(|| Arc::clone(&program));
            let task = Task { program: tests.as_ref().unwrap_or(&program), input: Some(&run.input), subject };
            // What a test makes for its subject lasts as long as the heap.
            let engines = if tests.is_some() { &Engines::none() } else { &*engines };
            let report = |ended| finish(&seat, &outbox, ended);
            let done = caught(|| evaluate(&task, run.limits, &seat, &outbox, engines, report));
            if let Err(error) = done {
                finish(&seat, &outbox, failed(error));
            }
        };
        let Err(error) = self.threads.start(work) else {
            return Ok(());
        };
        self.runs.end(id);
        let Finished { result, usage } = failed(broken(&format!("no thread can be started: {error}")));
        self.outbox.send(&FromRunner::Finished { id, result, usage })
    }
}

/// Compiles, and evaluates the top level to see that it exports a handler.
fn checked(check: &Check, seat: &Seat, outbox: &Outbox) -> Result<Bundle, ScriptError> {
    let compiled = match &check.code {
        Code::Files(files) => compile(files)?,
        Code::Bundle(bundle) => Compiled::ready(Bundle::clone(bundle)),
        Code::Test { name, text } => return compile_test(name, text),
    };
    let program = Program::new(compiled.bundle);
    let mut ended = Err(broken("the check did not end"));
    let task = Task { program: &program, input: None, subject: None };
    evaluate(&task, check.limits, seat, outbox, &Engines::none(), |finished| ended = finished.result);
    match ended {
        Ok(_) => Ok(program.bundle),
        Err(error) if error.code == "no_handler" => Err(ScriptError { stack: None, ..error }.at(compiled.export)),
        Err(error) => Err(error),
    }
}

fn evaluate(
    task: &Task<'_>,
    limits: Limits,
    seat: &Seat,
    outbox: &Outbox,
    engines: &Engines,
    report: impl FnOnce(Finished),
) {
    let limits = Limits { stack_bytes: limits.stack_bytes.min(MAX_STACK_BYTES), ..limits };
    let host = Rc::new(Host::new(seat.id, limits, task, seat.ties.clone(), outbox.clone(), seat.started));
    execute(task, &host, &seat.inbox, engines, report);
}

/// A panic is this program's fault, and ends one run only.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, ScriptError> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| broken("the runner failed in the middle of the run"))
}

fn broken(message: &str) -> ScriptError {
    ScriptError::new("runner_crashed", "RunnerCrashed", message)
}

fn failed(error: ScriptError) -> Finished {
    Finished { result: Err(error), usage: Usage::default() }
}

/// The runs under way, by id; cheap to clone.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<HashMap<u64, Handle>>>);

/// How the reading thread reaches a run.
struct Handle {
    slot: SyncSender<Letter>,
    ties: Ties,
}

/// What a run has of its own while it is under way.
struct Seat {
    id: u64,
    started: Duration,
    inbox: Inbox,
    ties: Ties,
    runs: Runs,
}

impl Seat {
    /// Nothing more is for this run.
    fn leave(&self) {
        self.runs.end(self.id);
    }
}

impl Runs {
    fn handles(&self) -> MutexGuard<'_, HashMap<u64, Handle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, id: u64, limits: Limits) -> Seat {
        let (slot, inbox) = Inbox::new(limits.calls_at_once as usize + SPARE_LETTERS);
        let ties = Ties::new(limits.memory_bytes);
        self.handles().insert(id, Handle { slot, ties: ties.clone() });
        Seat { id, started: clock::now(), inbox, ties, runs: self.clone() }
    }

    fn end(&self, id: u64) {
        self.handles().remove(&id);
    }

    /// Hands over an answer, counted from now on. One to a run that is over, or that nobody asked for, is dropped.
    fn answer(&self, reply: Reply) {
        let handles = self.handles();
        let Some(handle) = handles.get(&reply.id) else {
            return;
        };
        let weight = reply
            .result
            .as_ref()
            .map_or(0, |answer| answer.value.len() as u64 + answer.body.as_ref().map_or(0, |body| body.len() as u64));
        let letter = if handle.ties.memory.take(weight) { Letter::Reply(reply) } else { Letter::TooLarge };
        // Full only if the engine sends more answers than there were calls.
        let _full = handle.slot.try_send(letter);
    }

    fn cancel(&self, id: u64) {
        if let Some(handle) = self.handles().get(&id) {
            handle.cancel();
        }
    }

    fn cancel_all(&self) {
        self.handles().drain().for_each(|(_, handle)| handle.cancel());
    }
}

impl Handle {
    fn cancel(&self) {
        self.ties.cancelled.store(true, Ordering::Relaxed);
        // Full means that it has something to wake up for.
        let _full = self.slot.try_send(Letter::Wake);
    }
}

/// Whether an error only says that the engine closed the socket.
fn gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}
