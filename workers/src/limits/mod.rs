//! Rate limits as people operate them: what is in their buckets, single keys paused and reset, limiters that are shared.

mod adjust;
mod inspect;
mod limiters;

pub use adjust::{Change, adjust};
pub(crate) use inspect::subject;
pub use inspect::{Keys, Order, RuleView, Wanted, key, keys, rules};
pub use limiters::{Limiters, check_name, delete, get, numbers, put};
