//! Text to UTF-8 and back.

use rquickjs::{Ctx, Function, Object, Result, TypedArray};

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<()> {
    object.set("utf8", Function::new(ctx.clone(), utf8)?)?;
    object.set("byteLength", Function::new(ctx.clone(), |text: String| text.len() as f64)?)?;
    object.set("decode", Function::new(ctx.clone(), decode)?)
}

fn utf8(ctx: Ctx<'_>, text: String) -> Result<TypedArray<'_, u8>> {
    TypedArray::new_copy(ctx, text.as_bytes())
}

/// Decodes bytes that came as a string of one character each; `None` when they are invalid and `fatal`.
fn decode(binary: String, fatal: bool) -> Option<String> {
    match String::from_utf8(from_binary(&binary)) {
        Ok(text) => Some(text),
        Err(_) if fatal => None,
        Err(error) => Some(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// Bytes from a string of one character each.
pub(super) fn from_binary(binary: &str) -> Vec<u8> {
    binary.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?')).collect()
}
