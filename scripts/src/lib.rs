//! One script under limits: the QuickJS runtime, its builtins, the compiler of drafts, and the runner's protocol.
//!
//! This crate has neither network nor storage in its tree: what a script wants from outside goes as a
//! [`protocol::FromRunner::Call`] to the process that started the runner.

#![expect(
    clippy::result_large_err,
    reason = "a ScriptError is made at most once per run, and its shape is the protocol's"
)]

mod builtins;
mod clock;
mod compile;
mod error;
mod examples;
pub mod frame;
pub mod jail;
pub mod place;
pub mod protocol;
pub mod runner;
mod sandbox;

pub use builtins::{Builtin, node_builtin};
pub use compile::hash;
pub use error::frame_text;
pub use examples::{Example, examples};

/// The ambient types for authors of integrations, for editors.
pub const TYPES: &str = include_str!("../types/tidegate.d.ts");
