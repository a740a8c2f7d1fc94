//! A bundle as a runner keeps it: compiled by the first run, loaded by the others.

use std::sync::{Arc, Mutex, PoisonError};

use rquickjs::{Ctx, Function, Object, Result};

use super::bytecode::{Declaration, Script, Style};
use super::trace::{PREFIX, SUFFIX, Trace};
use crate::protocol::{Bundle, Format};

/// A bundle with what is made of it once.
pub(crate) struct Program {
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
        Self { bundle, trace, script: Mutex::default(), module: Mutex::default() }
    }

    /// A file of tests beside what it tests: stacks lead through both.
    pub fn beside(bundle: Bundle, subject: &Self) -> Self {
        let trace = Arc::new(Trace::new(&bundle).beside(&subject.trace));
        Self { bundle, trace, script: Mutex::default(), module: Mutex::default() }
    }

    /// Evaluates the module's text: what `begin` in `js/core.js` takes.
    pub fn load<'js>(&self, ctx: &Ctx<'js>) -> Result<Object<'js>> {
        let code = Object::new(ctx.clone())?;
        let Bundle { entry, code: text, format, .. } = &self.bundle;
        match format {
            Format::CommonJs => {
                let script = once(&self.script, || Script::compile(ctx, entry, &wrapped(text), STYLE))?;
                code.set("module", false)?;
                code.set("wrapper", script.run::<Function<'js>>(ctx)?)?;
            }
            Format::Module => {
                let compiled = once(&self.module, || Declaration::compile(ctx, entry, text))?;
                let (module, promise) = compiled.declare(ctx)?.eval()?;
                code.set("module", true)?;
                code.set("promise", promise)?;
                code.set("exports", module.namespace()?)?;
            }
        }
        Ok(code)
    }
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
