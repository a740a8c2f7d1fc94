//! QuickJS under limits, and the loop: jobs, then timers and answers, until the handler settles or cannot any more.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use rquickjs::function::IntoArgs;
use rquickjs::{Context, Ctx, FromJs, Function, Module, Object, Persistent, Result, Runtime, Value};

use super::ending::{Finished, Thrown, memory_limit, never_settles, stopped};
use super::host::{Host, Stop};
use super::link::{Arrival, Link};
use super::modules::{Builtins, Require};
use super::trace::{PREFIX, SUFFIX};
use crate::builtins::{builtin, evaluate, install};
use crate::clock;
use crate::protocol::{Bundle, Format, Input, Reply, ScriptError, ToRunner, Usage};

/// Heap beyond the limit for describing how a run ended, when that was for lack of heap.
const SPARE_BYTES: u64 = 16 << 20;
/// Jobs between two looks at the clock; most jobs are far shorter than what the interrupt handler counts.
const JOBS_PER_TICK: u32 = 64;

/// What is evaluated.
pub(crate) struct Task<'a> {
    pub bundle: &'a Bundle,
    /// The handler's argument; without one only the top level runs and the export is checked.
    pub input: Option<&'a Input>,
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

struct Engine {
    // Values of the runtime go first.
    api: Persistent<Object<'static>>,
    #[expect(dead_code, reason = "the loader of modules has only a weak reference to it")]
    require: Rc<Require>,
    context: Context,
    runtime: Runtime,
    host: Rc<Host>,
    /// The stack at the interruption.
    interrupted_at: RefCell<String>,
}

/// Evaluates a bundle to its end.
pub(crate) fn execute(task: &Task<'_>, host: &Rc<Host>, link: &mut Link) -> io::Result<Finished> {
    let cpu = clock::cpu();
    let finished = match Engine::new(host) {
        Ok(engine) => {
            let end = engine.run(task, link)?;
            let result = engine.conclude(end);
            (result, engine.heap())
        }
        Err(_) => (Err(memory_limit(host)), 0),
    };
    let usage = Usage {
        cpu_ms: clock::millis(clock::cpu().saturating_sub(cpu)),
        heap_bytes: finished.1,
        calls: host.calls_made(),
    };
    Ok(Finished { result: finished.0, usage })
}

impl Engine {
    fn new(host: &Rc<Host>) -> Result<Self> {
        let runtime = Runtime::new()?;
        runtime.set_memory_limit(usize::try_from(host.limits.memory_bytes).unwrap_or(usize::MAX));
        runtime.set_max_stack_size(host.limits.stack_bytes as usize);
        let ticking = Rc::clone(host);
        runtime.set_interrupt_handler(Some(Box::new(move || ticking.tick())));
        let require = Rc::new(Require::new());
        let builtins = Builtins(Rc::downgrade(&require));
        runtime.set_loader(builtins.clone(), builtins);
        let context = Context::full(&runtime)?;
        let (api, rejection) = context.with(|ctx| {
            let object = install(&ctx, host)?;
            let core = builtin(ctx.clone(), "core".into())?;
            let api: Object<'_> = Function::from_value(core)?.call((object,))?;
            let rejection: Function<'_> = api.get("rejection")?;
            let serving: Function<'_> = api.get("require")?;
            require.get_or_init(|| Persistent::save(&ctx, serving));
            Result::Ok((Persistent::save(&ctx, api), Persistent::save(&ctx, rejection)))
        })?;
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            let told = rejection.clone().restore(&ctx).and_then(|tell| tell.call::<_, ()>((promise, reason, handled)));
            if told.is_err() {
                ctx.catch();
            }
        })));
        Ok(Self { api, require, context, runtime, host: Rc::clone(host), interrupted_at: RefCell::default() })
    }

    // ---- the loop

    fn run(&self, task: &Task<'_>, link: &mut Link) -> io::Result<End> {
        if let Err(end) = self.begin(task) {
            return Ok(end);
        }
        loop {
            self.drain();
            if let Some(why) = self.host.stopped() {
                return Ok(End::Stopped(why));
            }
            let reported = self.call("report", ());
            if self.host.settled() {
                return Ok(End::Settled);
            }
            if let Err(end) = reported {
                return Ok(end);
            }
            if self.host.next_timer().is_none() && !self.host.calls_pending() {
                return Ok(End::NeverSettles);
            }
            if let Err(end) = self.wait(link)? {
                return Ok(end);
            }
        }
    }

    /// Runs what promises have made ready.
    fn drain(&self) {
        let mut jobs = 0_u32;
        while !self.host.settled() && self.host.stopped().is_none() {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => self.context.with(|ctx| self.note_interruption(&ctx.catch())),
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
    fn wait(&self, link: &mut Link) -> io::Result<std::result::Result<(), End>> {
        let deadline = self.host.deadline();
        let until = self.host.next_timer().map_or(deadline, |timer| timer.min(deadline));
        match link.wait(until)? {
            Arrival::Message(ToRunner::Reply(reply)) if reply.id == self.host.id => return Ok(self.reply(reply)),
            Arrival::Message(ToRunner::Reply(_)) => {}
            Arrival::Message(request) => link.postpone(request),
            Arrival::Closed => self.host.stop(Stop::Closed),
            Arrival::Late => {
                if !self.host.tick()
                    && let Some(timer) = self.host.due_timer()
                {
                    return Ok(self.call("timer", (timer,)));
                }
            }
        }
        Ok(Ok(()))
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
        self.context.with(|ctx| {
            let code = match load(&ctx, task.bundle) {
                Ok(code) => code,
                Err(_) => return Err(self.thrown(&ctx, End::Invalid)),
            };
            let input = match task.input.map(|input| argument(&ctx, input)).transpose() {
                Ok(input) => input,
                Err(_) => return Err(self.thrown(&ctx, End::Uncaught)),
            };
            self.call_in(&ctx, "begin", (code, input))
        })
    }

    fn call<A>(&self, name: &str, args: A) -> std::result::Result<(), End>
    where
        A: for<'js> IntoArgs<'js>,
    {
        self.context.with(|ctx| self.call_in(&ctx, name, args))
    }

    fn call_in<'js>(&self, ctx: &Ctx<'js>, name: &str, args: impl IntoArgs<'js>) -> std::result::Result<(), End> {
        match self.ask_in::<()>(ctx, name, args) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.thrown(ctx, End::Uncaught)),
        }
    }

    fn ask_in<'js, T: FromJs<'js>>(&self, ctx: &Ctx<'js>, name: &str, args: impl IntoArgs<'js>) -> Result<T> {
        let api = self.api.clone().restore(ctx)?;
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
            End::NeverSettles if self.host.resident.above(self.host.limits.memory_bytes / 10 * 9) => {
                Err(memory_limit(&self.host))
            }
            End::NeverSettles => Err(never_settles()),
            End::Uncaught(thrown) => Err(thrown.into_error(&self.host)),
            End::Invalid(thrown) => Err(thrown.into_syntax_error(&self.host)),
            End::Settled => self.settled(),
        }
    }

    fn settled(&self) -> std::result::Result<String, ScriptError> {
        let failed = self.context.with(|ctx| self.ask_in(&ctx, "failed", ())).unwrap_or(true);
        if !failed {
            let limit = self.host.limits.result_bytes;
            let result = self.context.with(|ctx| match self.ask_in::<String>(&ctx, "result", (limit,)) {
                Ok(json) => Ok(json),
                Err(_) => Err(self.thrown(&ctx, End::Uncaught)),
            });
            return result.map_err(|end| self.conclude(end).err().unwrap_or_else(never_settles));
        }
        let spare = self.host.limits.memory_bytes.saturating_add(SPARE_BYTES);
        self.runtime.set_memory_limit(usize::try_from(spare).unwrap_or(usize::MAX));
        let described: Option<String> = self.context.with(|ctx| {
            let described = self.ask_in(&ctx, "outcome", ()).ok();
            ctx.catch();
            described
        });
        match self.host.stopped() {
            Some(why) if described.is_none() => Err(self.stopped(why)),
            _ => Err(Thrown::read(described).into_error(&self.host)),
        }
    }

    fn stopped(&self, why: Stop) -> ScriptError {
        stopped(why, &self.host, &self.interrupted_at.borrow())
    }

    fn heap(&self) -> u64 {
        u64::try_from(self.runtime.memory_usage().malloc_size).unwrap_or(0)
    }
}

/// Evaluates the module's text: what `begin` in `js/core.js` takes.
fn load<'js>(ctx: &Ctx<'js>, bundle: &Bundle) -> Result<Object<'js>> {
    let code = Object::new(ctx.clone())?;
    match bundle.format {
        Format::CommonJs => {
            // A `#!` line is only one at the very start.
            let text = match bundle.code.strip_prefix("#!") {
                Some(rest) => format!("{PREFIX}//{rest}{SUFFIX}"),
                None => format!("{PREFIX}{}{SUFFIX}", bundle.code),
            };
            let wrapper: Function<'js> = evaluate(ctx, &bundle.entry, &text, false)?;
            code.set("module", false)?;
            code.set("wrapper", wrapper)?;
        }
        Format::Module => {
            let declared = Module::declare(ctx.clone(), bundle.entry.as_str(), bundle.code.as_str())?;
            let (module, promise) = declared.eval()?;
            code.set("module", true)?;
            code.set("promise", promise)?;
            code.set("exports", module.namespace()?)?;
        }
    }
    Ok(code)
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
    Ok(object)
}
