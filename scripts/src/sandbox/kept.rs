//! What the host keeps for a script, by number: running hashes, ciphers and codecs.
//!
//! Nothing on the JavaScript heap may own memory of the host (see `heap.rs`), so a script holds a number. What it names
//! is gone when it has ended, and at the latest with the run.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use rquickjs::{Ctx, Exception, Result};

use super::host::Host;

/// The things, and what the run pays for each of them in bytes.
#[derive(Default)]
pub(super) struct Kept {
    last: u32,
    things: HashMap<u32, (Rc<dyn Any>, u64)>,
}

impl Host {
    /// Keeps a thing that counts so many bytes; gives its number. `None`, and the run is stopped, when there is no room.
    pub fn keep<T: 'static>(&self, thing: T, bytes: u64) -> Option<u32> {
        if !self.charge(bytes) {
            return None;
        }
        let mut kept = self.things.borrow_mut();
        kept.last += 1;
        let number = kept.last;
        kept.things.insert(number, (Rc::new(RefCell::new(thing)), bytes));
        Some(number)
    }

    /// A thing by its number; one that has ended is an error.
    pub fn kept<T: 'static>(&self, ctx: &Ctx<'_>, number: u32) -> Result<Rc<RefCell<T>>> {
        let thing = self.things.borrow().things.get(&number).map(|(thing, _)| Rc::clone(thing));
        let thing = thing.and_then(|thing| thing.downcast().ok());
        thing.ok_or_else(|| Exception::throw_message(ctx, "it has ended already"))
    }

    /// Keeps a thing no longer.
    pub fn let_go(&self, number: u32) {
        if let Some((_, bytes)) = self.things.borrow_mut().things.remove(&number) {
            self.release(bytes);
        }
    }
}
