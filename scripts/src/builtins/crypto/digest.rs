//! Hashes and HMACs as running states: `hasher(name)` and `hasher(name, key)`.

use std::rc::Rc;

use digest::Digest;
use digest::core_api::BlockSizeUser;
use hmac::{Mac, SimpleHmac};
use rquickjs::{Ctx, Function, Object, Result, TypedArray};

use super::interrupted;
use crate::builtins::bytes::Bytes;
use crate::sandbox::{Desk, Host};

/// Evaluates an expression with `$D` standing for the named hash; `None` if there is none of that name.
macro_rules! with_digest {
    ($name:expr, $D:ident => $value:expr) => {
        match $name {
            "md5" => Some({
                type $D = md5::Md5;
                $value
            }),
            "sha1" => Some({
                type $D = sha1::Sha1;
                $value
            }),
            "sha224" => Some({
                type $D = sha2::Sha224;
                $value
            }),
            "sha256" => Some({
                type $D = sha2::Sha256;
                $value
            }),
            "sha384" => Some({
                type $D = sha2::Sha384;
                $value
            }),
            "sha512" => Some({
                type $D = sha2::Sha512;
                $value
            }),
            "sha512-224" => Some({
                type $D = sha2::Sha512_224;
                $value
            }),
            "sha512-256" => Some({
                type $D = sha2::Sha512_256;
                $value
            }),
            _ => None,
        }
    };
}
pub(super) use with_digest;

/// A hash that more bytes can go into.
trait Running {
    fn update(&mut self, bytes: &[u8]);
    fn finish(&self) -> Vec<u8>;
    fn copy(&self) -> Box<dyn Running>;
}

struct Plain<D>(D);

impl<D: Digest + Clone + 'static> Running for Plain<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> Vec<u8> {
        self.0.clone().finalize().to_vec()
    }

    fn copy(&self) -> Box<dyn Running> {
        Box::new(Self(self.0.clone()))
    }
}

struct Keyed<D: Digest + BlockSizeUser>(SimpleHmac<D>);

impl<D: Digest + BlockSizeUser + Clone + 'static> Running for Keyed<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> Vec<u8> {
        self.0.clone().finalize().into_bytes().to_vec()
    }

    fn copy(&self) -> Box<dyn Running> {
        Box::new(Self(self.0.clone()))
    }
}

impl<D: Digest + BlockSizeUser + Clone + 'static> Keyed<D> {
    /// `None` never comes: an HMAC takes keys of all lengths.
    fn boxed(key: &[u8]) -> Option<Box<dyn Running>> {
        Some(Box::new(Self(SimpleHmac::new_from_slice(key).ok()?)))
    }
}

/// What a running hash counts; the largest state is that of HMAC-SHA-512.
const STATE_BYTES: u64 = 1024;

/// `hasher` gives the number of a running hash, which the others take.
pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let opens = Rc::clone(desk);
    let hasher = move |ctx: Ctx<'js>, name: String, key: Option<Bytes>| -> Result<Option<u32>> {
        let running: Option<Box<dyn Running>> = match key {
            None => with_digest!(name.as_str(), D => Box::new(Plain(D::new()))),
            Some(key) => with_digest!(name.as_str(), D => Keyed::<D>::boxed(&key.0)).flatten(),
        };
        running.map(|running| keep(&ctx, &*opens.host()?, running)).transpose()
    };
    object.set("hasher", Function::new(ctx.clone(), hasher)?)?;
    let updates = Rc::clone(desk);
    let update = move |ctx: Ctx<'js>, number: u32, bytes: Bytes| -> Result<()> {
        let host = updates.host()?;
        if host.tick() {
            return Err(interrupted(&ctx));
        }
        host.kept::<Box<dyn Running>>(&ctx, number)?.borrow_mut().update(&bytes.0);
        Ok(())
    };
    object.set("hasherUpdate", Function::new(ctx.clone(), update)?)?;
    let ends = Rc::clone(desk);
    let digest = move |ctx: Ctx<'js>, number: u32| -> Result<TypedArray<'js, u8>> {
        let host = ends.host()?;
        let digest = host.kept::<Box<dyn Running>>(&ctx, number)?.borrow().finish();
        host.let_go(number);
        TypedArray::new_copy(ctx, digest)
    };
    object.set("hasherDigest", Function::new(ctx.clone(), digest)?)?;
    let copies = Rc::clone(desk);
    let copy = move |ctx: Ctx<'js>, number: u32| -> Result<u32> {
        let host = copies.host()?;
        let copied = host.kept::<Box<dyn Running>>(&ctx, number)?.borrow().copy();
        keep(&ctx, &host, copied)
    };
    object.set("hasherCopy", Function::new(ctx.clone(), copy)?)
}

fn keep(ctx: &Ctx<'_>, host: &Host, running: Box<dyn Running>) -> Result<u32> {
    host.keep(running, STATE_BYTES).ok_or_else(|| interrupted(ctx))
}
