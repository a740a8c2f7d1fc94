//! Randomness from the operating system.

use std::cell::RefCell;

use rand::rngs::{OsRng, StdRng};
use rand::{Rng, SeedableRng, TryRngCore};
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

const MAX_BYTES: u32 = 65_536;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<()> {
    object.set("randomBytes", Function::new(ctx.clone(), random_bytes)?)?;
    // `Math.random` of the engine starts from the clock and could be guessed.
    let generator = RefCell::new(StdRng::try_from_rng(&mut OsRng).map_err(|_| rquickjs::Error::Unknown)?);
    let random = move || generator.borrow_mut().random::<f64>();
    object.set("random", Function::new(ctx.clone(), random)?.with_name("random")?)
}

fn random_bytes(ctx: Ctx<'_>, count: u32) -> Result<TypedArray<'_, u8>> {
    let mut bytes = vec![0; count.min(MAX_BYTES) as usize];
    if OsRng.try_fill_bytes(&mut bytes).is_err() {
        return Err(Exception::throw_message(&ctx, "The operating system gives no random bytes"));
    }
    TypedArray::new_copy(ctx, &bytes)
}
