//! Dead jobs: grouped by what went wrong, and run again.

mod fingerprint;
mod groups;
mod replay;

pub use fingerprint::{Fingerprint, fingerprint};
pub use groups::{Group, Groups, MAX_LOOKED, groups, jobs_of};
pub use replay::replay;
pub(crate) use replay::{again, edit};
