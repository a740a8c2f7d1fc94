//! One run in an engine: jobs, then timers and answers, until the handler settles or cannot any more.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::function::IntoArgs;
use rquickjs::{Ctx, FromJs, Function, Object, Result, Value};

use super::ending::{Finished, Thrown, memory_limit, never_settles, stopped};
use super::engine::Engine;
use super::engines::Engines;
use super::host::{Host, Stop};
use super::link::{Arrival, Inbox, Letter};
use super::pace;
use super::program::{Program, wrapped_code};
use crate::clock;
use crate::protocol::{Input, Reply, ScriptError, Usage};

/// Heap beyond the limit for describing how a run ended, when that was for lack of heap.
const SPARE_BYTES: u64 = 16 << 20;
/// Jobs between two looks at the clock; most jobs are far shorter than what the interrupt handler counts.
const JOBS_PER_TICK: u32 = 64;

/// What is evaluated.
pub(crate) struct Task<'a> {
    pub program: &'a Program,
    /// The handler's argument; without one only the top level runs and the export is checked.
    pub input: Option<&'a Input>,
    /// What the program tests, if it is a file of tests.
    pub subject: Option<Arc<Program>>,
}

/// How the loop ended.
enum End {
    Settled,
    Stopped(Stop),
    NeverSettles,
    /// An error that no promise carries, described.
    Uncaught(Thrown),
    /// The module does not compile.
    Invalid(Thrown),
}

struct Evaluation<'a> {
    engine: &'a Engine,
    host: &'a Rc<Host>,
    /// The stack at the interruption.
    interrupted_at: RefCell<String>,
}

/// Evaluates a bundle to its end, and reports it before the heap is cleared away: that may take a while.
pub(crate) fn execute(
    task: &Task<'_>,
    host: &Rc<Host>,
    inbox: &Inbox,
    engines: &Engines,
    report: impl FnOnce(Finished),
) {
    let cpu = clock::cpu();
    pace::start();
    let engine = engines.take(task.program, &host.memory);
    let result = match engine.as_deref() {
        Ok(engine) if engine.begin(host) => {
            let evaluation = Evaluation { engine, host, interrupted_at: RefCell::default() };
            evaluation.conclude(evaluation.run(task, inbox))
        }
        _ => Err(host.stopped().map_or_else(|| memory_limit(host), |why| stopped(why, host, ""))),
    };
    let usage = Usage {
        cpu_ms: clock::millis(clock::cpu().saturating_sub(cpu)),
        heap_bytes: host.memory.used(),
        calls: host.calls_made(),
    };
    report(Finished { result, usage });
}

impl Evaluation<'_> {
    // ---- the loop

    fn run(&self, task: &Task<'_>, inbox: &Inbox) -> End {
        if let Err(end) = self.begin(task) {
            return end;
        }
        loop {
            self.drain();
            if let Some(why) = self.host.stopped() {
                return End::Stopped(why);
            }
            let reported = self.call("report", ());
            if self.host.settled() {
                return End::Settled;
            }
            if let Err(end) = reported {
                return end;
            }
            if self.host.next_timer().is_none() && !self.host.calls_pending() {
                return End::NeverSettles;
            }
            if let Err(end) = self.wait(inbox) {
                return end;
            }
        }
    }

    /// Runs what promises have made ready.
    fn drain(&self) {
        let mut jobs = 0_u32;
        while !self.host.settled() && self.host.stopped().is_none() {
            match self.engine.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => self.engine.context.with(|ctx| self.note_interruption(&ctx.catch())),
            }
            jobs = jobs.wrapping_add(1);
            if jobs.is_multiple_of(JOBS_PER_TICK) {
                self.host.tick();
            }
        }
    }

    /// Remembers where the script was when it was stopped.
    fn note_interruption(&self, error: &Value<'_>) {
        if let Some(stack) = error.as_exception().and_then(|error| error.stack()) {
            *self.interrupted_at.borrow_mut() = stack;
        }
    }

    /// Waits for an answer or a timer, whichever is first, and hands it to the script.
    fn wait(&self, inbox: &Inbox) -> std::result::Result<(), End> {
        let deadline = self.host.deadline();
        let until = self.host.next_timer().map_or(deadline, |timer| timer.min(deadline));
        match inbox.wait(until) {
            Arrival::Letter(Letter::Reply(reply)) => return self.reply(reply),
            Arrival::Letter(Letter::TooLarge) => self.host.stop(Stop::Memory),
            Arrival::Closed => self.host.stop(Stop::Cancelled),
            Arrival::Letter(Letter::Wake) => {
                self.host.tick();
            }
            Arrival::Late => {
                if !self.host.tick()
                    && let Some(timer) = self.host.due_timer()
                {
                    return self.call("timer", (timer,));
                }
            }
        }
        Ok(())
    }

    fn reply(&self, reply: Reply) -> std::result::Result<(), End> {
        match reply.result {
            Ok(mut answer) => {
                if !self.host.answered(reply.call, Some(&mut answer)) {
                    return Ok(());
                }
                self.call("reply", (reply.call, true, answer.value))
            }
            Err(error) => {
                if !self.host.answered(reply.call, None) {
                    return Ok(());
                }
                let value = serde_json::json!({ "code": error.code, "message": error.message }).to_string();
                let retry_after = error.retry_after_ms.map(|ms| ms as f64);
                self.call("reply", (reply.call, false, value, retry_after))
            }
        }
    }

    // ---- calls into the script

    /// Starts the module and, with an input, its handler.
    fn begin(&self, task: &Task<'_>) -> std::result::Result<(), End> {
        self.engine.context.with(|ctx| {
            if self.engine.hold(&ctx, task.program).is_err() {
                return Err(self.thrown(&ctx, End::Invalid));
            }
            let input = match task.input.map(|input| argument(&ctx, input)).transpose() {
                Ok(input) => input,
                Err(_) => return Err(self.thrown(&ctx, End::Uncaught)),
            };
            if let Some(subject) = &task.subject {
                let subject = loader(&ctx, subject).map_err(|_| self.thrown(&ctx, End::Uncaught))?;
                self.call_in(&ctx, "testing", (subject, input.clone()))?;
            }
            let held = self.engine.held(&ctx, task.program);
            let code = held.and_then(|held| held.map_or_else(|| task.program.load(&ctx), |it| wrapped_code(&ctx, it)));
            let code = match code {
                Ok(code) => code,
                Err(_) => return Err(self.thrown(&ctx, End::Invalid)),
            };
            self.call_in(&ctx, "begin", (code, input))
        })
    }

    fn call<A>(&self, name: &str, args: A) -> std::result::Result<(), End>
    where
        A: for<'js> IntoArgs<'js>,
    {
        self.engine.context.with(|ctx| self.call_in(&ctx, name, args))
    }

    fn call_in<'js>(&self, ctx: &Ctx<'js>, name: &str, args: impl IntoArgs<'js>) -> std::result::Result<(), End> {
        match self.ask_in::<()>(ctx, name, args) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.thrown(ctx, End::Uncaught)),
        }
    }

    fn ask_in<'js, T: FromJs<'js>>(&self, ctx: &Ctx<'js>, name: &str, args: impl IntoArgs<'js>) -> Result<T> {
        let api = self.engine.api.clone().restore(ctx)?;
        api.get::<_, Function<'js>>(name)?.call(args)
    }

    /// The end of a run with the error that is pending.
    fn thrown(&self, ctx: &Ctx<'_>, end: impl FnOnce(Thrown) -> End) -> End {
        let error = ctx.catch();
        if let Some(why) = self.host.stopped() {
            self.note_interruption(&error);
            return End::Stopped(why);
        }
        end(Thrown::read(self.ask_in(ctx, "describe", (error,)).ok()))
    }

    // ---- the end

    fn conclude(&self, end: End) -> std::result::Result<String, ScriptError> {
        match end {
            End::Stopped(why) => Err(self.stopped(why)),
            End::NeverSettles if self.host.memory.refused() => Err(memory_limit(self.host)),
            End::NeverSettles => Err(never_settles()),
            End::Uncaught(thrown) => Err(thrown.into_error(self.host)),
            End::Invalid(thrown) => Err(thrown.into_syntax_error(self.host)),
            End::Settled => self.settled(),
        }
    }

    fn settled(&self) -> std::result::Result<String, ScriptError> {
        let failed = self.engine.context.with(|ctx| self.ask_in(&ctx, "failed", ())).unwrap_or(true);
        if !failed {
            let limit = self.host.limits.result_bytes;
            let result = self.engine.context.with(|ctx| match self.ask_in::<String>(&ctx, "result", (limit,)) {
                Ok(json) => Ok(json),
                Err(_) => Err(self.thrown(&ctx, End::Uncaught)),
            });
            return result.map_err(|end| self.conclude(end).err().unwrap_or_else(never_settles));
        }
        self.host.memory.raise(SPARE_BYTES);
        let described: Option<String> = self.engine.context.with(|ctx| {
            let described = self.ask_in(&ctx, "outcome", ()).ok();
            ctx.catch();
            described
        });
        match self.host.stopped() {
            Some(why) if described.is_none() => Err(self.stopped(why)),
            _ => Err(Thrown::read(described).into_error(self.host)),
        }
    }

    fn stopped(&self, why: Stop) -> ScriptError {
        stopped(why, self.host, &self.interrupted_at.borrow())
    }
}

/// A function that evaluates what is tested, when a test first runs it.
fn loader<'js>(ctx: &Ctx<'js>, subject: &Arc<Program>) -> Result<Function<'js>> {
    let subject = Arc::clone(subject);
    Function::new(ctx.clone(), move |ctx: Ctx<'js>| subject.load(&ctx))
}

/// The handler's argument as the prelude takes it: JSON texts.
fn argument<'js>(ctx: &Ctx<'js>, input: &Input) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let secrets = serde_json::to_string(&input.secrets).map_err(|_| rquickjs::Error::Unknown)?;
    object.set("payload", input.payload.as_str())?;
    object.set("secrets", secrets)?;
    object.set("run", input.run.as_str())?;
    for (name, text) in [("key", &input.key), ("event", &input.event), ("request", &input.request)] {
        if let Some(text) = text {
            object.set(name, text.as_str())?;
        }
    }
    if let Some(test) = &input.test {
        object.set("test", test.name.as_deref())?;
        object.set("timeoutMs", test.timeout_ms)?;
    }
    Ok(object)
}
