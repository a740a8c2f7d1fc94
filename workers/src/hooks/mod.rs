//! HTTP triggers: who may call a hook, what its handler is given, and what the caller is answered.
//!
//! Everything here but [`open`] and [`receive`] is pure: headers, bytes, secrets and the time go in. [`Auth`] proves the
//! caller in two steps, so that a request is refused as early as can be: [`Auth::check_head`] looks at headers and query
//! before the body is read, [`Claim::check_body`] at its bytes before anybody parses them.

mod auth;
mod credentials;
mod key;
mod open;
mod presets;
mod raw;
mod receive;
mod replay;
mod respond;
pub(crate) mod sample;
mod scheme;
mod sign;
mod signature;
mod standard;
#[cfg(test)]
mod tests;
mod written;

pub use auth::{Auth, Refusal};
pub use key::KeyFields;
pub use open::{Open, missing_secrets, open, path};
pub use presets::Preset;
pub use raw::written as written_bytes;
pub use receive::{Hook, Received, receive};
pub use replay::{Replay, Seen};
pub use respond::{Answer, Respond};
pub use scheme::Scheme;
pub use sign::Signing;
pub use signature::Claim;
pub use written::read as read_auth;
