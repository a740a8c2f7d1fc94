//! Text to bytes and back, where JavaScript would go character by character.

use rquickjs::{Ctx, Function, Object, Result, TypedArray};

use super::bytes::Bytes;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<()> {
    object.set("utf8", Function::new(ctx.clone(), utf8)?)?;
    object.set("byteLength", Function::new(ctx.clone(), |text: String| text.len() as f64)?)?;
    object.set("decode", Function::new(ctx.clone(), decode)?)?;
    object.set("latin1", Function::new(ctx.clone(), latin1)?)
}

fn utf8(ctx: Ctx<'_>, text: String) -> Result<TypedArray<'_, u8>> {
    TypedArray::new_copy(ctx, text.as_bytes())
}

/// Decodes UTF-8; `None` when it is invalid and `fatal`.
fn decode(bytes: Bytes, fatal: bool) -> Option<String> {
    match String::from_utf8(bytes.0) {
        Ok(text) => Some(text),
        Err(_) if fatal => None,
        Err(error) => Some(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// One character for each byte.
fn latin1(bytes: Bytes) -> String {
    bytes.0.into_iter().map(char::from).collect()
}
