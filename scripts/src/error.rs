//! Script errors: how the crate makes them, and how a terminal shows them.

use std::fmt::Write as _;

use crate::protocol::{Place, ScriptError};

impl ScriptError {
    /// An error without a place.
    pub(crate) fn new(code: &str, name: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), name: name.into(), message: message.into(), ..Self::default() }
    }

    /// The same error, at a place.
    pub(crate) fn at(mut self, place: Option<Place>) -> Self {
        self.at = place;
        self
    }
}

/// The error as plain text for a terminal: name and message, the code frame, the stack.
#[must_use]
pub fn frame_text(error: &ScriptError) -> String {
    let mut text = match (error.name.as_str(), error.message.as_str()) {
        ("", message) => format!("Uncaught {message}"),
        (name, "") => name.to_owned(),
        (name, message) => format!("{name}: {message}"),
    };
    if let Some(place) = &error.at {
        let _ = write!(text, "\n\n{}:{}:{}\n{}", place.file, place.line, place.column, place.frame);
    }
    if let Some(stack) = error.stack.as_deref().filter(|stack| !stack.is_empty()) {
        let _ = write!(text, "\n\n{stack}");
    }
    text
}
