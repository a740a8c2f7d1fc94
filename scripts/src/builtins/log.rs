//! Lines for the run's log, and what `inspect` needs from the engine.

use std::rc::Rc;

use rquickjs::promise::PromiseState;
use rquickjs::{Array, Ctx, Function, Object, Promise, Result, Value};

use crate::protocol::Level;
use crate::sandbox::Desk;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let log = Rc::clone(desk);
    let write = move |level: String, message: String| -> Result<()> {
        log.host()?.log(parse(&level), message);
        Ok(())
    };
    object.set("log", Function::new(ctx.clone(), write)?)?;
    let log = Rc::clone(desk);
    object.set("logOpen", Function::new(ctx.clone(), move || Result::Ok(log.host()?.log_open()))?)?;
    let log = Rc::clone(desk);
    object.set("logRoom", Function::new(ctx.clone(), move || Result::Ok(log.host()?.limits.log_bytes))?)?;
    let traced = Rc::clone(desk);
    let trace = move |stack: String| Result::Ok(traced.host()?.trace.render(&stack));
    object.set("trace", Function::new(ctx.clone(), trace)?)?;
    object.set("promise", Function::new(ctx.clone(), promise)?)
}

fn parse(level: &str) -> Level {
    match level {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    }
}

/// A promise's state and what it holds, which a script cannot see.
fn promise<'js>(ctx: Ctx<'js>, promise: Promise<'js>) -> Result<Array<'js>> {
    let array = Array::new(ctx.clone())?;
    let (state, held) = match promise.state() {
        PromiseState::Pending => ("pending", Value::new_undefined(ctx.clone())),
        PromiseState::Resolved => ("resolved", promise.finish()?),
        PromiseState::Rejected => match promise.finish::<Value<'js>>() {
            Ok(value) => ("rejected", value),
            Err(_) => ("rejected", ctx.catch()),
        },
    };
    array.set(0, state)?;
    array.set(1, held)?;
    Ok(array)
}
