//! The prelude's sources, and how a context evaluates them: the core at once, the rest on first use.

use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Exception, FromJs, Function, Object, Result, Value};

use crate::compile::missing_module;
use crate::sandbox::Host;

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

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, host: &Rc<Host>) -> Result<()> {
    object.set("builtin", Function::new(ctx.clone(), builtin)?)?;
    let entry = host.trace.entry().to_owned();
    let missing = move |name: String| missing_module(&name, &entry);
    object.set("missing", Function::new(ctx.clone(), missing)?)?;
    object.set("entry", host.trace.entry())
}

/// The value of one source: a function that makes the module.
pub(crate) fn builtin<'js>(ctx: Ctx<'js>, name: String) -> Result<Value<'js>> {
    let source = SOURCES.iter().find(|(known, _)| *known == name);
    let Some((_, source)) = source else {
        return Err(Exception::throw_reference(&ctx, &name));
    };
    evaluate(&ctx, &format!("tidegate:{name}"), source, true)
}

/// Evaluates a script under a file name.
pub(crate) fn evaluate<'js, V: FromJs<'js>>(ctx: &Ctx<'js>, file: &str, source: &str, strict: bool) -> Result<V> {
    let mut options = EvalOptions::default();
    options.strict = strict;
    options.filename = Some(file.to_owned());
    ctx.eval_with_options(source, options)
}
