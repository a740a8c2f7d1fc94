//! The prelude's sources, and how a context evaluates them: the core at once, the rest on first use.

use std::rc::Rc;
use std::sync::OnceLock;

use rquickjs::{Ctx, Exception, Function, Object, Result, Value};

use super::modules::{self, Builtin};
use crate::compile::missing_module;
use crate::sandbox::{Desk, Host, Script, Style};

/// Names and texts: the core's by their own name, the folders' by folder and name, those that `scripts/node/build.mjs`
/// makes from npm packages below `npm`.
macro_rules! sources {
    (core: $($core:literal)+; $($folder:literal: $($name:literal)+;)+ npm: $($package:literal)+;) => {
        &[
            $(($core, include_str!(concat!("../../js/", $core, ".js"))),)+
            $($((
                concat!($folder, "/", $name),
                include_str!(concat!("../../js/", $folder, "/", $name, ".js")),
            ),)+)+
            $((concat!("npm/", $package), include_str!(concat!("../../node/dist/", $package, ".js"))),)+
        ]
    };
}

const SOURCES: &[(&str, &str)] = sources! {
    core: "cache" "clone" "console" "core" "inspect" "integration" "outcome" "test" "timers";
    "web": "abort" "blob" "body" "crypto" "encoding" "events" "fetch" "form" "headers" "intl" "intl-dates" "messages"
        "socket" "streams" "url" "xhr";
    "node": "assert" "async_hooks" "buffer" "ciphers" "console" "constants" "consumers" "crypto" "diagnostics_channel"
        "dns" "events" "fs" "hashes" "http" "https" "keys" "module" "net" "os" "path" "perf_hooks" "process"
        "querystring" "refused" "rsa" "signatures" "stream" "timers" "tls" "tty" "undici" "url" "util" "v8" "worker_threads"
        "zlib";
    npm: "buffer" "events" "path-browserify" "punycode" "readable-stream" "string_decoder" "url"
        "web-streams-polyfill";
};

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

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    object.set("builtin", Function::new(ctx.clone(), builtin)?)?;
    object.set("module", Function::new(ctx.clone(), module)?)?;
    let names = || modules::BUILTINS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    object.set("modules", Function::new(ctx.clone(), names)?)?;
    let tracing = Rc::clone(desk);
    let missing =
        move |name: String, stack: String| Result::Ok(missing_module(&name, &whence(&*tracing.host()?, &stack)));
    object.set("missing", Function::new(ctx.clone(), missing)?)?;
    let tracing = Rc::clone(desk);
    let refused = move |what: String, why: String, stack: String| {
        let whence = whence(&*tracing.host()?, &stack);
        Result::Ok(format!("{what} is not supported: {why} (called by {whence})"))
    };
    object.set("refused", Function::new(ctx.clone(), refused)?)?;
    let tracing = Rc::clone(desk);
    let entry = move || Result::Ok(tracing.host()?.trace.entry().to_owned());
    object.set("entry", Function::new(ctx.clone(), entry)?)
}

/// The user's file at the top of a stack.
fn whence(host: &Host, stack: &str) -> String {
    host.trace.file(stack).unwrap_or_else(|| host.trace.entry().to_owned())
}

/// Where a builtin module is: its source and the part of it, or `refused` and why; nothing for other names.
fn module(name: String) -> Option<Vec<&'static str>> {
    Some(match modules::node_builtin(&name)? {
        Builtin::Module { source, part } => vec![source, part],
        Builtin::Refused { why } => vec!["refused", why],
    })
}

/// The value of one source: a function that makes the module.
pub(crate) fn builtin<'js>(ctx: Ctx<'js>, name: String) -> Result<Value<'js>> {
    match compiled(&name) {
        Some(script) => script.run(&ctx),
        None => Err(Exception::throw_reference(&ctx, &name)),
    }
}
