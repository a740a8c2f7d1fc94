//! How this part says no: what the author can mend is a [`ScriptError`], what only the registry can is not.

use scripts::protocol::{Place, ScriptError};

use crate::Error;

/// What the author of a draft has to change.
pub(super) fn refused(code: &str, message: impl Into<String>) -> Error {
    script(code, message).into()
}

/// The same at a place in a file.
pub(super) fn refused_at(code: &str, message: impl Into<String>, at: Option<Place>) -> Error {
    ScriptError { at, ..script(code, message) }.into()
}

fn script(code: &str, message: impl Into<String>) -> ScriptError {
    let name = if code == "syntax_error" { "SyntaxError" } else { "PackageError" };
    ScriptError { code: code.into(), name: name.into(), message: message.into(), ..ScriptError::default() }
}

/// A fault of this machine: a disk, a process.
pub(super) fn broken(doing: &str, error: impl std::fmt::Display) -> Error {
    Error::Unavailable(format!("{doing}: {error}"))
}
