//! Where the native operations of a context find the run they work for: contexts outlive runs.

use std::cell::RefCell;
use std::rc::Rc;

use rquickjs::{Error, Result};

use super::host::Host;

/// The run under way, if one is.
#[derive(Default)]
pub(crate) struct Desk {
    host: RefCell<Option<Rc<Host>>>,
}

impl Desk {
    /// The run under way. While a context is made ready there is none, and what needs one fails.
    pub fn host(&self) -> Result<Rc<Host>> {
        self.host.borrow().clone().ok_or(Error::Unknown)
    }

    /// A run begins, or is over.
    pub fn seat(&self, host: Option<Rc<Host>>) {
        *self.host.borrow_mut() = host;
    }

    /// Looks whether the run must end; see [`Host::tick`].
    pub fn tick(&self) -> bool {
        self.host.borrow().as_ref().is_some_and(|host| host.tick())
    }
}
