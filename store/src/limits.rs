//! How much one call may carry, on every engine.

use crate::{Error, Result};

/// Refuses more than one call may carry.
pub(crate) fn at_most(limit: usize, what: &'static str, count: usize) -> Result<()> {
    if count > limit { Err(Error::TooMany { what, limit }) } else { Ok(()) }
}
