//! Keys from passwords: PBKDF2 and scrypt, in slices, because a script chooses how long they take.

use std::rc::Rc;

use digest::Digest;
use digest::core_api::BlockSizeUser;
use hmac::{Mac, SimpleHmac};
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

use super::digest::with_digest;
use super::{interrupted, scrypt};
use crate::builtins::bytes::Bytes;
use crate::sandbox::{Desk, Host};

/// The longest derived key, in bytes.
const MAX_KEY_BYTES: usize = 1 << 20;
/// Rounds between two looks at the clock.
const ROUNDS_PER_TICK: u32 = 512;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let clock = Rc::clone(desk);
    let derive = move |ctx: Ctx<'js>, name: String, password: Bytes, salt: Bytes, rounds: u32, length: usize| {
        let (host, mut key) = (clock.host()?, room(&ctx, length)?);
        let done = with_digest!(name.as_str(), D => pbkdf2::<D>(&password.0, &salt.0, rounds, &mut key, &host));
        finished(&ctx, done.unwrap_or(false), &key)
    };
    object.set("pbkdf2", Function::new(ctx.clone(), derive)?)?;
    let clock = Rc::clone(desk);
    let derive = move |ctx: Ctx<'js>, password: Bytes, salt: Bytes, cost: Vec<u32>, length: usize| {
        let (host, mut key) = (clock.host()?, room(&ctx, length)?);
        let &[n, r, p] = cost.as_slice() else {
            return Err(Exception::throw_type(&ctx, "scrypt: the cost is N, r and p"));
        };
        let cost = scrypt::Cost { n, r, p };
        finished(&ctx, scrypt::derive(&password.0, &salt.0, cost, &mut key, &host), &key)
    };
    object.set("scrypt", Function::new(ctx.clone(), derive)?)
}

fn room(ctx: &Ctx<'_>, length: usize) -> Result<Vec<u8>> {
    if length > MAX_KEY_BYTES {
        let message = format!("a derived key of {length} bytes is too long; ask for at most {MAX_KEY_BYTES}");
        return Err(Exception::throw_range(ctx, &message));
    }
    Ok(vec![0; length])
}

fn finished<'js>(ctx: &Ctx<'js>, done: bool, key: &[u8]) -> Result<TypedArray<'js, u8>> {
    if done { TypedArray::new_copy(ctx.clone(), key) } else { Err(interrupted(ctx)) }
}

/// PBKDF2 with HMAC into `key` (RFC 8018); false when the run was stopped.
pub(super) fn pbkdf2<D: Digest + BlockSizeUser + Clone>(
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    key: &mut [u8],
    host: &Host,
) -> bool {
    let Ok(hmac) = SimpleHmac::<D>::new_from_slice(password) else {
        return false;
    };
    for (index, block) in (1_u32..).zip(key.chunks_mut(<D as Digest>::output_size())) {
        let mut last = hmac.clone().chain_update(salt).chain_update(index.to_be_bytes()).finalize().into_bytes();
        block.copy_from_slice(&last[..block.len()]);
        for round in 1..rounds {
            if round.is_multiple_of(ROUNDS_PER_TICK) && host.tick() {
                return false;
            }
            last = hmac.clone().chain_update(&last).finalize().into_bytes();
            block.iter_mut().zip(&last).for_each(|(byte, next)| *byte ^= next);
        }
        if host.tick() {
            return false;
        }
    }
    true
}
