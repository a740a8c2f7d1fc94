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

use crate::sandbox::Host;

/// The object that the prelude gets.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    calls::install(ctx, &object, host)?;
    random::install(ctx, &object)?;
    encoding::install(ctx, &object)?;
    log::install(ctx, &object, host)?;
    sources::install(ctx, &object, host)?;
    timers::install(ctx, &object, host)?;
    url::install(ctx, &object)?;
    let natives = Rc::clone(host);
    let native = move |ctx: Ctx<'js>, name: String| native(&ctx, &name, &natives);
    object.set("native", Function::new(ctx.clone(), native)?)?;
    object.set("slice", bytes::SLICE)?;
    let ended = Rc::clone(host);
    object.set("settled", Function::new(ctx.clone(), move || ended.settle())?)?;
    Ok(object)
}

/// The operations of one kind, which a context gets when it first needs them.
fn native<'js>(ctx: &Ctx<'js>, name: &str, host: &Rc<Host>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    match name {
        "crypto" => crypto::install(ctx, &object, host)?,
        "zlib" => zlib::install(ctx, &object, host)?,
        "zones" => zones::install(ctx, &object)?,
        _ => return Err(Exception::throw_reference(ctx, name)),
    }
    Ok(object)
}
