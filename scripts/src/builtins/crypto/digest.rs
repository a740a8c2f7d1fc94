//! Hashes and HMACs as running states: `hasher(name)` and `hasher(name, key)`.

use std::cell::RefCell;
use std::rc::Rc;

use digest::Digest;
use digest::core_api::BlockSizeUser;
use hmac::{Mac, SimpleHmac};
use rquickjs::{Ctx, Function, Object, Result, TypedArray};

use super::interrupted;
use crate::builtins::bytes::Bytes;
use crate::sandbox::Desk;

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

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let desk = Rc::clone(desk);
    let hasher = move |ctx: Ctx<'js>, name: String, key: Option<Bytes>| -> Result<Option<Object<'js>>> {
        let running: Option<Box<dyn Running>> = match key {
            None => with_digest!(name.as_str(), D => Box::new(Plain(D::new()))),
            Some(key) => with_digest!(name.as_str(), D => Keyed::<D>::boxed(&key.0)).flatten(),
        };
        running.map(|running| expose(&ctx, running, &desk)).transpose()
    };
    object.set("hasher", Function::new(ctx.clone(), hasher)?)
}

/// `{ update(bytes), digest(), copy() }` over a running hash.
fn expose<'js>(ctx: &Ctx<'js>, running: Box<dyn Running>, desk: &Rc<Desk>) -> Result<Object<'js>> {
    desk.own();
    let object = Object::new(ctx.clone())?;
    let running = Rc::new(RefCell::new(running));
    let (state, clock) = (Rc::clone(&running), Rc::clone(desk));
    let update = move |ctx: Ctx<'js>, bytes: Bytes| -> Result<()> {
        if clock.tick() {
            return Err(interrupted(&ctx));
        }
        state.borrow_mut().update(&bytes.0);
        Ok(())
    };
    object.set("update", Function::new(ctx.clone(), update)?)?;
    let state = Rc::clone(&running);
    let digest = move |ctx: Ctx<'js>| TypedArray::<u8>::new_copy(ctx, state.borrow().finish());
    object.set("digest", Function::new(ctx.clone(), digest)?)?;
    let desk = Rc::clone(desk);
    let copy = move |ctx: Ctx<'js>| -> Result<Object<'js>> {
        let copied = running.borrow().copy();
        expose(&ctx, copied, &desk)
    };
    object.set("copy", Function::new(ctx.clone(), copy)?)?;
    Ok(object)
}
