//! What can go wrong for a caller, by what it can do about it; the edge gives each its status in one file.

use scripts::protocol::ScriptError;

use crate::invoke::Refused;

/// A refused or failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong: which field, and how to mend it.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, with dots for nesting.
        field: String,
        /// A stable code.
        code: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// What the request names does not exist.
    #[error("{message}")]
    NotFound {
        /// A stable code, such as `integration_not_found`.
        code: &'static str,
        /// What was looked for.
        message: String,
    },
    /// The request does not fit the present state.
    #[error("{message}")]
    Conflict {
        /// A stable code, such as `trigger_immutable`.
        code: &'static str,
        /// What stands in the way, and what to do.
        message: String,
    },
    /// The script does not compile, or does not export a handler.
    #[error("{}: {}", .0.name, .0.message)]
    Script(Box<ScriptError>),
    /// A rate limit refuses the call.
    #[error("{}", .0.message())]
    RateLimited(Refused),
    /// As many jobs of its lane are pending as may be.
    #[error("{}", crowded(*.limit, .fields))]
    Crowded {
        /// How many may be pending.
        limit: u32,
        /// The key fields that make the lane.
        fields: Vec<String>,
    },
    /// The engine has too much to do.
    #[error("{message}")]
    Busy {
        /// What is full.
        message: String,
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The npm registry does not answer.
    #[error("{message}")]
    Registry {
        /// Which one, and why.
        message: String,
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// Storage or a runner does not answer.
    #[error("{0}")]
    Unavailable(String),
}

fn crowded(limit: u32, fields: &[String]) -> String {
    let fields = if fields.is_empty() { "key".to_owned() } else { fields.join(", ") };
    format!(
        "{limit} jobs with this {fields} are pending, as many as concurrency.backlog allows; wait until one has run"
    )
}

impl Error {
    /// A wrong field.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), code, message: message.into() }
    }

    /// An integration that does not exist.
    pub fn no_integration(name: &str) -> Self {
        Self::NotFound {
            code: "integration_not_found",
            message: format!("there is no integration named {name:?}; GET /v1/integrations lists them"),
        }
    }

    /// A job that does not exist.
    pub fn no_job(what: impl std::fmt::Display) -> Self {
        Self::NotFound { code: "job_not_found", message: format!("there is no job {what}") }
    }

    /// Something in the way.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into() }
    }
}

impl From<schedules::Error> for Error {
    fn from(error: schedules::Error) -> Self {
        Self::Invalid { field: error.field, code: error.code, message: error.message }
    }
}

impl From<ScriptError> for Error {
    fn from(error: ScriptError) -> Self {
        Self::Script(Box::new(error))
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Full { .. } => Self::Busy { message: error.to_string(), retry_after_ms: 1_000 },
            store::Error::Exists { what } => Self::conflict("exists", format!("{what} exists already")),
            store::Error::NotFound { what } => {
                Self::NotFound { code: "not_found", message: format!("{what} does not exist") }
            }
            store::Error::TooMany { .. }
            | store::Error::Corrupt(_)
            | store::Error::InUse { .. }
            | store::Error::Busy { .. } => Self::Unavailable(error.to_string()),
            store::Error::Unavailable(message) => Self::Unavailable(message),
        }
    }
}
