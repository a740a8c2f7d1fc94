//! Calls to the engine, and the bodies of its answers.

use std::rc::Rc;

use rquickjs::{Ctx, Exception, FromJs, Function, Object, Result, TypedArray, Value};

use super::bytes::Bytes;
use crate::sandbox::Desk;

/// The most bytes of a request's arguments, and of its body.
const MAX_REQUEST_BYTES: usize = 10 << 20;

/// A request's body: text, or bytes.
struct Body(Vec<u8>);

impl<'js> FromJs<'js> for Body {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        if value.is_string() {
            return Ok(Self(String::from_js(ctx, value)?.into_bytes()));
        }
        Ok(Self(Bytes::from_js(ctx, value)?.0))
    }
}

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let caller = Rc::clone(desk);
    let call = move |ctx: Ctx<'js>, op: String, args: String, body: Option<Body>| -> Result<u32> {
        let caller = caller.host()?;
        if !caller.online {
            return Ok(0);
        }
        let body = body.map(|body| body.0);
        for (what, size) in [("arguments", args.len()), ("body", body.as_ref().map_or(0, Vec::len))] {
            if size > MAX_REQUEST_BYTES {
                let message =
                    format!("{op}: {size} bytes of {what} are too many; send at most {MAX_REQUEST_BYTES} (10 MiB)");
                return Err(Exception::throw_range(&ctx, &message));
            }
        }
        Ok(caller.call(op, args, body))
    };
    object.set("call", Function::new(ctx.clone(), call)?)?;

    let bodies = Rc::clone(desk);
    let text = move |call: u32| Result::Ok(String::from_utf8_lossy(&bodies.host()?.body(call)).into_owned());
    object.set("bodyText", Function::new(ctx.clone(), text)?)?;

    let bodies = Rc::clone(desk);
    let bytes = move |ctx: Ctx<'js>, call: u32| TypedArray::<u8>::new_copy(ctx, bodies.host()?.body(call).as_slice());
    object.set("bodyBytes", Function::new(ctx.clone(), bytes)?)
}
