//! The native operations behind the JavaScript of `js/`: one file per API, all on one object, the prelude's `host`.

mod bytes;
mod calls;
mod crypto;
mod encoding;
mod log;
mod modules;
mod sources;
mod timers;
mod url;
mod zlib;
mod zones;

use std::rc::Rc;

use rquickjs::{Ctx, Function, Object, Result};

pub use modules::{Builtin, builtin};
pub(crate) use sources::{evaluate, source};

use crate::sandbox::Host;

/// The object that the prelude gets.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    calls::install(ctx, &object, host)?;
    crypto::install(ctx, &object, host)?;
    encoding::install(ctx, &object)?;
    log::install(ctx, &object, host)?;
    sources::install(ctx, &object, host)?;
    timers::install(ctx, &object, host)?;
    url::install(ctx, &object)?;
    zlib::install(ctx, &object, host)?;
    zones::install(ctx, &object)?;
    object.set("slice", bytes::SLICE)?;
    let ended = Rc::clone(host);
    object.set("settled", Function::new(ctx.clone(), move || ended.settle())?)?;
    Ok(object)
}
