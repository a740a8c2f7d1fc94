//! The prelude's sources, and how a context evaluates them: the core at once, the rest on first use.

use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Exception, FromJs, Function, Object, Result, Value};

use super::modules::{self, Builtin};
use crate::compile::missing_module;
use crate::sandbox::Host;

macro_rules! sources {
    ($($folder:literal: $($name:literal)+;)+) => {
        &[$($((
            concat!($folder, "/", $name),
            include_str!(concat!("../../js/", $folder, "/", $name, ".js")),
        ),)+)+]
    };
}

/// Made from npm packages by `scripts/node/build.mjs`.
macro_rules! packages {
    ($($name:literal)+) => {
        &[$((concat!("npm/", $name), include_str!(concat!("../../node/dist/", $name, ".js"))),)+]
    };
}

const CORE: &[(&str, &str)] = &[
    ("cache", include_str!("../../js/cache.js")),
    ("clone", include_str!("../../js/clone.js")),
    ("console", include_str!("../../js/console.js")),
    ("core", include_str!("../../js/core.js")),
    ("inspect", include_str!("../../js/inspect.js")),
    ("integration", include_str!("../../js/integration.js")),
    ("outcome", include_str!("../../js/outcome.js")),
    ("timers", include_str!("../../js/timers.js")),
];

const OURS: &[(&str, &str)] = sources! {
    "web": "abort" "blob" "body" "crypto" "encoding" "events" "fetch" "form" "headers" "intl" "intl-dates" "messages"
        "socket" "streams" "url" "xhr";
    "node": "assert" "async_hooks" "buffer" "ciphers" "console" "constants" "consumers" "crypto" "diagnostics_channel"
        "dns" "events" "fs" "hashes" "http" "https" "keys" "module" "net" "os" "path" "perf_hooks" "process"
        "querystring" "refused" "signatures" "stream" "timers" "tls" "tty" "undici" "url" "util" "v8" "worker_threads"
        "zlib";
};

const PACKAGES: &[(&str, &str)] = packages! {
    "buffer" "events" "path-browserify" "punycode" "readable-stream" "string_decoder" "url" "web-streams-polyfill"
};

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, host: &Rc<Host>) -> Result<()> {
    object.set("source", Function::new(ctx.clone(), source)?)?;
    object.set("module", Function::new(ctx.clone(), module)?)?;
    let names = || modules::BUILTINS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    object.set("modules", Function::new(ctx.clone(), names)?)?;
    let tracing = Rc::clone(host);
    let missing = move |name: String, stack: String| missing_module(&name, &whence(&tracing, &stack));
    object.set("missing", Function::new(ctx.clone(), missing)?)?;
    let tracing = Rc::clone(host);
    let refused = move |what: String, why: String, stack: String| {
        format!("{what} is not supported: {why} (called by {})", whence(&tracing, &stack))
    };
    object.set("refused", Function::new(ctx.clone(), refused)?)?;
    object.set("entry", host.trace.entry())
}

/// The user's file at the top of a stack.
fn whence(host: &Host, stack: &str) -> String {
    host.trace.top(stack).map_or_else(|| host.trace.entry().to_owned(), |place| place.file)
}

/// Where a builtin module is: its source and the part of it, or `refused` and why; nothing for other names.
fn module(name: String) -> Option<Vec<&'static str>> {
    Some(match modules::builtin(&name)? {
        Builtin::Module { source, part } => vec![source, part],
        Builtin::Refused { why } => vec!["refused", why],
    })
}

/// The value of one source: a function that makes the module.
pub(crate) fn source<'js>(ctx: Ctx<'js>, name: String) -> Result<Value<'js>> {
    let found = [CORE, OURS, PACKAGES].into_iter().flatten().find(|(known, _)| *known == name);
    let Some((_, text)) = found else {
        return Err(Exception::throw_reference(&ctx, &name));
    };
    evaluate(&ctx, &format!("tidegate:{name}"), text, true)
}

/// Evaluates a script under a file name.
pub(crate) fn evaluate<'js, V: FromJs<'js>>(ctx: &Ctx<'js>, file: &str, source: &str, strict: bool) -> Result<V> {
    let mut options = EvalOptions::default();
    options.strict = strict;
    options.filename = Some(file.to_owned());
    ctx.eval_with_options(source, options)
}
