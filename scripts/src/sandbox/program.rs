//! A bundle as a runner keeps it: compiled by the first run, loaded by the others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rquickjs::{Ctx, Function, Object, Result};

use super::bytecode::{Declaration, Script, Style};
use super::trace::{PREFIX, SUFFIX, Trace};
use crate::protocol::{Bundle, Format};

/// A bundle of at least so many bytes is worth a copy of what it is when it is loaded.
const LARGE: usize = 32 << 10;

/// The number of the next program in this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A bundle with what is made of it once.
pub(crate) struct Program {
    /// No other in this process has it.
    pub number: u64,
    pub bundle: Bundle,
    pub trace: Arc<Trace>,
    script: Once<Script>,
    module: Once<Declaration>,
}

/// What the first who needs it makes, while others wait for it; a failure is nobody's but the one's who tried.
type Once<T> = Mutex<Option<Arc<T>>>;

/// A bundle keeps its functions' text: packages look at it.
const STYLE: Style = Style { strict: false, text: true };

impl Program {
    pub fn new(bundle: Bundle) -> Self {
        let trace = Arc::new(Trace::new(&bundle));
        Self::traced(bundle, trace)
    }

    fn traced(bundle: Bundle, trace: Arc<Trace>) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { number, bundle, trace, script: Mutex::default(), module: Mutex::default() }
    }

    /// A file of tests beside what it tests: stacks lead through both.
    pub fn beside(bundle: Bundle, subject: &Self) -> Self {
        let trace = Arc::new(Trace::new(&bundle).beside(&subject.trace));
        Self::traced(bundle, trace)
    }

    /// Evaluates the module's text: what `begin` in `js/core.js` takes.
    pub fn load<'js>(&self, ctx: &Ctx<'js>) -> Result<Object<'js>> {
        match self.wrapper(ctx)? {
            Some(wrapper) => wrapped_code(ctx, wrapper),
            None => self.module(ctx),
        }
    }

    /// The function around a CommonJS module's text; `None` for ES modules. Nothing of the script runs.
    pub fn wrapper<'js>(&self, ctx: &Ctx<'js>) -> Result<Option<Function<'js>>> {
        let Bundle { entry, code, format: Format::CommonJs, .. } = &self.bundle else {
            return Ok(None);
        };
        let script = once(&self.script, || Script::compile(ctx, entry, &wrapped(code), STYLE))?;
        script.run(ctx).map(Some)
    }

    /// Whether it takes long to load, and has been compiled: a compiler leaves holes in the heap.
    pub fn is_worth_holding(&self) -> bool {
        let compiled = || self.script.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        self.bundle.code.len() >= LARGE && compiled()
    }

    fn module<'js>(&self, ctx: &Ctx<'js>) -> Result<Object<'js>> {
        let code = Object::new(ctx.clone())?;
        let Bundle { entry, code: text, .. } = &self.bundle;
        let compiled = once(&self.module, || Declaration::compile(ctx, entry, text))?;
        let (module, promise) = compiled.declare(ctx)?.eval()?;
        code.set("module", true)?;
        code.set("promise", promise)?;
        code.set("exports", module.namespace()?)?;
        Ok(code)
    }
}

/// A CommonJS module as `begin` takes it.
pub(super) fn wrapped_code<'js>(ctx: &Ctx<'js>, wrapper: Function<'js>) -> Result<Object<'js>> {
    let code = Object::new(ctx.clone())?;
    code.set("module", false)?;
    code.set("wrapper", wrapper)?;
    Ok(code)
}

fn once<T>(made: &Once<T>, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = &*made {
        return Ok(Arc::clone(made));
    }
    let new = Arc::new(make()?);
    *made = Some(Arc::clone(&new));
    Ok(new)
}

/// A CommonJS module as the function it stands for.
fn wrapped(code: &str) -> String {
    // A `#!` line is only one at the very start.
    match code.strip_prefix("#!") {
        Some(rest) => format!("{PREFIX}//{rest}{SUFFIX}"),
        None => format!("{PREFIX}{code}{SUFFIX}"),
    }
}
