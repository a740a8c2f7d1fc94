//! Why a job has not started, and when it will: the gates between it and its start, in order.

mod gates;
mod limits;
mod look;
#[cfg(test)]
mod tests;

pub use gates::{Explanation, Gate, GateName, Pool, Situation, explain};
pub use limits::{AtRule, Rules};
pub use look::{Found, by_job, by_key};
