//! Moving a queue to another engine: copy it part by part, then compare both sides.
//!
//! [`Migration`] copies. What it has done so far is a [`Progress`], which can be kept in a file: the copy goes on from
//! there after an interruption, and since an import leaves alone what is there, a part may safely be copied twice.
//! [`tally`] reads a queue from its beginning and adds it up, in whatever order it comes; [`compare`] says what two such
//! sums mean. The source is only read.

mod canonical;
mod compare;
mod copy;
mod spread;
mod tally;

pub use compare::{Comparison, compare};
pub use copy::{Migration, Progress};
pub use spread::Spread;
pub use tally::{Kinds, Sum, Tally, tally};
