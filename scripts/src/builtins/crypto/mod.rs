//! Cryptography for `crypto` and `crypto.subtle`: pure computation, in slices that look at the clock.

mod cipher;
mod derive;
mod digest;
mod scrypt;
mod sign;

use std::rc::Rc;

use rquickjs::{Ctx, Exception, Object, Result};

use crate::sandbox::Host;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, host: &Rc<Host>) -> Result<()> {
    digest::install(ctx, object, host)?;
    derive::install(ctx, object, host)?;
    cipher::install(ctx, object, host)?;
    sign::install(ctx, object)
}

/// What a native operation throws when the run's time or memory is up; nothing of the script runs after it.
fn interrupted(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_internal(ctx, "interrupted")
}
