//! What a route asks of its caller; every route in the table names one.

use store::catalog::Scope;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: anyone may call it.
    Public,
    /// As [`super::MetricsAccess`] says, and otherwise the scope `read`.
    Metrics,
    /// An API key with this scope, for the integration that the path names.
    Scope(Scope),
    /// An API key with the scope `invoke`, for the integration that the path names; a publishable key too.
    Call,
    /// An API key with the scope `admin` that is bound to no integration: what it does reaches all of them.
    Unbound,
}

impl Access {
    /// The scope a key needs here.
    pub fn scope(self) -> Option<Scope> {
        match self {
            Self::Public => None,
            Self::Metrics => Some(Scope::Read),
            Self::Scope(scope) => Some(scope),
            Self::Call => Some(Scope::Invoke),
            Self::Unbound => Some(Scope::Admin),
        }
    }
}

/// Look at things.
pub const READ: Access = Access::Scope(Scope::Read);
/// Run integrations, from web pages as well.
pub const CALL: Access = Access::Call;
/// Change what is to be run: jobs and schedules.
pub const INVOKE: Access = Access::Scope(Scope::Invoke);
/// Change integrations and release them.
pub const DEPLOY: Access = Access::Scope(Scope::Deploy);
/// Make and revoke API keys, and set the secrets of the whole workspace.
pub const ADMIN: Access = Access::Unbound;
/// Anyone.
pub const PUBLIC: Access = Access::Public;
