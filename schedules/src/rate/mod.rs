//! Rate limits: how many jobs may start in an interval.
//!
//! Pure arithmetic on a bucket's state. Everything is a whole number below 2^53, so a store may do the same sums where
//! all numbers are doubles (Lua in Redis) and reach the same answer to the last digit.

mod admit;
pub mod gcra;
mod limit;
mod rule;
pub mod sliding;

pub use admit::{Admission, Bucket, Hold, NEVER, State, admit};
pub use limit::{
    Limit, LimiterId, OnExceed, OnMissing, Verdict, decide, is_shared, limiter_of, names, subject, total_name,
};
pub use rule::{Algorithm, MAX_LIMIT, Rule};
