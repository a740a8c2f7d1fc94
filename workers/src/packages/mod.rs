//! npm packages: resolved and locked when a draft is saved, fetched, verified, unpacked and bundled; no script of a
//! package ever runs outside of the runner.
//!
//! 1. [`project`] reads the draft's files, [`resolve`] finds a version for every dependency and where it stands in
//!    `node_modules`, as npm does; the outcome is a [`Lock`], kept with the draft and every release.
//! 2. [`registry`] is the only way to a registry; [`unpack`] is the only code that writes what a tarball says, and
//!    [`folders`] keeps each package once for all integrations, by the SHA-512 of its tarball.
//! 3. [`esbuild`] makes one file of it all, [`build`] has it checked by a runner and keeps the outcome.

mod build;
pub mod confined;
mod digest;
mod esbuild;
mod evict;
mod files;
mod folders;
mod kept;
mod lock;
mod options;
mod packument;
mod project;
mod refusal;
mod registry;
mod requested;
mod resolve;
mod sources;
#[cfg(test)]
mod tests;
mod tree;
mod unpack;

use std::sync::Arc;

use crate::Result;
use crate::gateway::Insert;

/// Gives the secrets of the workspace by name, for the tokens of registries.
pub type SecretSource = Arc<dyn Fn(&str) -> Result<Option<Insert>> + Send + Sync>;

pub use build::{Built, Checker, Packages};
pub use lock::{Installed, Lock, Locked};
pub use options::{Options, RegistryOptions, Token};
