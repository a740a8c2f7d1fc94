//! The pool of runner processes: each a child of the same binary, running one script at a time, ended when it must be.

mod pool;
mod process;

pub use pool::{Ended, Host, Pool, UNAVAILABLE};
pub use process::Command;
