//! The native operations behind the JavaScript of `js/`: one file per API, all on one object, the prelude's `host`.

mod bytes;
mod calls;
mod crypto;
mod encoding;
mod log;
mod modules;
mod random;
mod sources;
mod timers;
mod url;
mod zlib;
mod zones;

use std::rc::Rc;

use rquickjs::{Ctx, Exception, Function, Object, Result};

pub(crate) use modules::TESTING;
pub use modules::{Builtin, node_builtin};
pub(crate) use sources::{builtin, prepare};

use crate::sandbox::Desk;

/// The object that the prelude gets.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, desk: &Rc<Desk>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    calls::install(ctx, &object, desk)?;
    random::install(ctx, &object)?;
    encoding::install(ctx, &object)?;
    log::install(ctx, &object, desk)?;
    sources::install(ctx, &object, desk)?;
    timers::install(ctx, &object, desk)?;
    url::install(ctx, &object)?;
    let natives = Rc::clone(desk);
    let native = move |ctx: Ctx<'js>, name: String| native(&ctx, &name, &natives);
    object.set("native", Function::new(ctx.clone(), native)?)?;
    object.set("slice", bytes::SLICE)?;
    let ended = Rc::clone(desk);
    let settled = move || -> Result<()> {
        ended.host()?.settle();
        Ok(())
    };
    object.set("settled", Function::new(ctx.clone(), settled)?)?;
    Ok(object)
}

/// The operations of one kind.
fn native<'js>(ctx: &Ctx<'js>, name: &str, desk: &Rc<Desk>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    match name {
        "crypto" => crypto::install(ctx, &object, desk)?,
        "zlib" => zlib::install(ctx, &object, desk)?,
        "zones" => zones::install(ctx, &object)?,
        _ => return Err(Exception::throw_reference(ctx, name)),
    }
    Ok(object)
}
