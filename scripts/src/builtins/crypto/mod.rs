//! Cryptography for `crypto` and `crypto.subtle`: pure computation, in slices that look at the clock.

mod cipher;
mod derive;
mod digest;
mod scrypt;
mod sign;

use std::rc::Rc;

use rquickjs::{Ctx, Exception, Object, Result};

use crate::sandbox::Desk;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    digest::install(ctx, object, desk)?;
    derive::install(ctx, object, desk)?;
    cipher::install(ctx, object, desk)?;
    sign::install(ctx, object)
}

/// What a native operation throws when the run's time or memory is up; nothing of the script runs after it.
fn interrupted(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_internal(ctx, "interrupted")
}
