//! What can be wrong with a time, a key, a window or a schedule: always the caller's text, never the machine.

/// A refused input: which field, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Error {
    /// The field of the request, with dots for nesting (`window.time`).
    pub field: String,
    /// A stable code, such as `invalid_window` or `schedule_too_far`.
    pub code: &'static str,
    /// What is wrong and what would be right, as a sentence.
    pub message: String,
}

impl Error {
    /// A refusal of `field`.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}
