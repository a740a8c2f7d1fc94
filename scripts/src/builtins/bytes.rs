//! Bytes that cross from JavaScript: a copy of what a typed array shows.

use rquickjs::{Ctx, Error, FromJs, Result, TypedArray, Value};

/// The bytes of a `Uint8Array`, `Buffer`s included; those of a detached one are none.
///
/// The prelude hands over at most [`SLICE`] of them at a time wherever a script says how many there are.
pub(super) struct Bytes(pub Vec<u8>);

/// The most bytes that the prelude passes in one call to an operation that works in slices.
pub(super) const SLICE: usize = 256 << 10;

impl<'js> FromJs<'js> for Bytes {
    fn from_js(_: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        let array = TypedArray::<u8>::from_value(value)
            .map_err(|_| Error::new_from_js_message("value", "Uint8Array", "pass bytes as a Uint8Array"))?;
        Ok(Self(copy(&array)))
    }
}

#[expect(unsafe_code, reason = "rquickjs gives the bytes of a typed array only as an aliasing slice")]
fn copy(array: &TypedArray<'_, u8>) -> Vec<u8> {
    // SAFETY: the slice lives within this expression, which copies it and runs no JavaScript.
    unsafe { array.as_bytes() }.map(<[u8]>::to_vec).unwrap_or_default()
}
