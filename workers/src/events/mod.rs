//! Events: who subscribes to one, the jobs and cancellations it makes, the log of all of them, and replays.
//!
//! - [`publish`]: the one way in, for HTTP and streams alike.
//! - [`Subscriptions`]: an event and the subscriptions give a verdict for each integration, with the reason. Pure.
//! - [`replay`]: events of the log given to one integration again, worked off by a duty.
//! - [`Expression`]: filters, keys and payloads in CEL, with a bound on what one may cost.

mod book;
pub mod cloudevents;
mod expression;
mod incoming;
mod intake;
#[cfg(test)]
mod intake_tests;
mod log;
mod look;
mod matching;
pub mod replay;
mod stream;
mod verdict;

pub(crate) use book::Book as SubscriptionBook;
pub use expression::{Expression, Fault, MAX_EXPRESSION_BYTES, MAX_STEPS, TooExpensive};
pub use incoming::{Checked, Incoming, check_type};
pub use intake::{DUPLICATE_MS, MAX_EVENTS, Reach, publish};
pub(crate) use log::EventLog;
pub use look::{Follow, follow, masked, others};
pub use matching::{Reason, Subscriber, Subscriptions, Wanted};
pub use store::catalog::EventVia as Via;
pub(crate) use stream::run as read_stream;
pub use stream::{EventStream, FIELD as STREAM_FIELD};
pub use verdict::{Cancelled, Judged, Match, Miss, Verdict};
