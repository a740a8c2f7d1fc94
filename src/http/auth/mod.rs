//! Who is calling, and may they: API keys, their scopes, the integrations and browser origins they are bound to.
//!
//! Deny by default: a route gets into the table only together with its [`super::access::Access`], and `guard` runs
//! before the handler. A key that is bound to integrations is checked against the path here; handlers whose path names
//! a job or a run ask [`Caller::sees`].

mod admin;
mod bucket;
pub(super) mod cors;
mod guard;
mod keys;
mod publishable;
mod token;

pub use admin::ensure_admin_key;
pub(super) use guard::guard;
pub(super) use keys::{Caller, Keys};
pub(super) use publishable::{check_match, own_idempotency};
pub(super) use token::{Token, fingerprint, shown};
