//! The prelude's sources, and how a context evaluates them: the core at once, the rest on first use.

use std::rc::Rc;
use std::sync::OnceLock;

use rquickjs::{Ctx, Exception, Function, Object, Result, Value};

use crate::compile::missing_module;
use crate::sandbox::{Host, Script, Style};

const SOURCES: &[(&str, &str)] = &[
    ("abort", include_str!("../../js/abort.js")),
    ("cache", include_str!("../../js/cache.js")),
    ("clone", include_str!("../../js/clone.js")),
    ("console", include_str!("../../js/console.js")),
    ("core", include_str!("../../js/core.js")),
    ("crypto", include_str!("../../js/crypto.js")),
    ("encoding", include_str!("../../js/encoding.js")),
    ("fetch", include_str!("../../js/fetch.js")),
    ("inspect", include_str!("../../js/inspect.js")),
    ("integration", include_str!("../../js/integration.js")),
    ("outcome", include_str!("../../js/outcome.js")),
    ("timers", include_str!("../../js/timers.js")),
    ("url", include_str!("../../js/url.js")),
];

/// What nearly every run needs.
const ALWAYS: &[&str] = &["core", "outcome", "inspect"];

/// The prelude's functions print as native ones do.
const STYLE: Style = Style { strict: true, text: false };

/// Each source's bytecode, made when it is first needed in this process.
static COMPILED: [OnceLock<Option<Script>>; SOURCES.len()] = [const { OnceLock::new() }; SOURCES.len()];

fn compiled(name: &str) -> Option<&'static Script> {
    let at = SOURCES.iter().position(|(known, _)| *known == name)?;
    let (name, source) = SOURCES[at];
    COMPILED[at].get_or_init(|| Script::compile_apart(&format!("tidegate:{name}"), source, STYLE).ok()).as_ref()
}

/// Compiles what nearly every run needs, so that the first one does not wait for it.
pub(crate) fn prepare() {
    for name in ALWAYS {
        compiled(name);
    }
}

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, host: &Rc<Host>) -> Result<()> {
    object.set("builtin", Function::new(ctx.clone(), builtin)?)?;
    let entry = host.trace.entry().to_owned();
    let missing = move |name: String| missing_module(&name, &entry);
    object.set("missing", Function::new(ctx.clone(), missing)?)?;
    object.set("entry", host.trace.entry())
}

/// The value of one source: a function that makes the module.
pub(crate) fn builtin<'js>(ctx: Ctx<'js>, name: String) -> Result<Value<'js>> {
    match compiled(&name) {
        Some(script) => script.run(&ctx),
        None => Err(Exception::throw_reference(&ctx, &name)),
    }
}
