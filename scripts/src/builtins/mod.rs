//! The native operations behind the JavaScript of `js/`: one file per API, all on one object, the prelude's `host`.

mod calls;
mod crypto;
mod encoding;
mod log;
mod sources;
mod timers;
mod url;

use std::rc::Rc;

use rquickjs::{Ctx, Function, Object, Result};

pub(crate) use sources::{builtin, prepare};

use crate::sandbox::Host;

/// The object that the prelude gets.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    calls::install(ctx, &object, host)?;
    crypto::install(ctx, &object)?;
    encoding::install(ctx, &object)?;
    log::install(ctx, &object, host)?;
    sources::install(ctx, &object, host)?;
    timers::install(ctx, &object, host)?;
    url::install(ctx, &object)?;
    let ended = Rc::clone(host);
    object.set("settled", Function::new(ctx.clone(), move || ended.settle())?)?;
    Ok(object)
}
