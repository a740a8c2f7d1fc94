//! From what a script threw, or was stopped for, to the error that the engine hears of.

use serde::Deserialize;

use super::host::{Host, Stop};
use crate::protocol::{ScriptError, Usage};

/// The end of a run: its result as JSON text or its error, and what it used.
pub(crate) struct Finished {
    pub result: Result<String, ScriptError>,
    pub usage: Usage,
}

/// What `describe` in `js/outcome.js` tells of a thrown value.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Thrown {
    name: String,
    message: String,
    stack: String,
    tag: Option<String>,
    empty: bool,
    permanent: bool,
    retry_after: Option<u64>,
}

/// The codes that the prelude may put on an error.
const TAGS: &[&str] =
    &["no_handler", "module_not_found", "unsupported_builtin", "invalid_response", "response_too_large"];

impl Thrown {
    /// Reads a description; one that cannot be had says so.
    pub fn read(json: Option<String>) -> Self {
        json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or(Self {
            empty: true,
            message: "null".into(),
            ..Self::default()
        })
    }

    /// The error of a run that ended with this.
    pub fn into_error(self, host: &Host) -> ScriptError {
        let at = host.trace.top(&self.stack);
        let stack = Some(host.trace.render(&self.stack)).filter(|stack| !stack.is_empty());
        let place = |error: ScriptError| ScriptError { stack: stack.clone(), ..error }.at(at.clone());
        if self.out_of_memory(host) {
            return place(memory_limit(host));
        }
        if self.message == "Maximum call stack size exceeded" && ["RangeError", "InternalError"].contains(&&*self.name)
        {
            return place(stack_overflow(host));
        }
        let missing = self.name == "ReferenceError" && self.message.starts_with("Cannot find module '");
        let tag = if missing { Some("module_not_found") } else { self.tag.as_deref() };
        let code = tag.filter(|tag| TAGS.contains(tag)).unwrap_or("exception");
        ScriptError {
            permanent: self.permanent,
            retry_after_ms: self.retry_after,
            ..place(ScriptError::new(code, &self.name, self.message))
        }
    }

    /// A module that the engine could not even compile.
    pub fn into_syntax_error(self, host: &Host) -> ScriptError {
        let syntax = self.name == "SyntaxError";
        let error = self.into_error(host);
        if syntax { ScriptError { code: "syntax_error".into(), stack: None, ..error } } else { error }
    }

    fn out_of_memory(&self, host: &Host) -> bool {
        // QuickJS's own error, or what is left of it when there was no room for its message.
        let said =
            self.name == "InternalError" || ["out of memory", "string too long"].contains(&self.message.as_str());
        (said || self.empty) && host.memory.refused()
    }
}

pub(super) fn memory_limit(host: &Host) -> ScriptError {
    let message = format!(
        "The script needs more than its {} of memory; keep less at a time, or raise memoryMb",
        size(host.limits.memory_bytes)
    );
    ScriptError::new("memory_limit", "MemoryLimitError", message)
}

fn stack_overflow(host: &Host) -> ScriptError {
    let stack = size(host.limits.stack_bytes.into());
    let message = format!("Maximum call stack size exceeded: calls nest deeper than the stack of {stack} allows");
    ScriptError::new("stack_overflow", "RangeError", message)
}

pub(super) fn never_settles() -> ScriptError {
    let message = "The handler waits for a promise that nothing can settle: no request, timer or other work is pending";
    ScriptError::new("never_settles", "Error", message)
}

/// The error of a run that was stopped.
pub(super) fn stopped(why: Stop, host: &Host, stack: &str) -> ScriptError {
    let error = match why {
        Stop::Timeout => {
            let message = format!("The run took longer than its {} ms", host.limits.timeout_ms);
            ScriptError::new("timeout", "TimeoutError", message)
        }
        Stop::Memory => memory_limit(host),
        Stop::Cancelled => ScriptError::new("cancelled", "Cancelled", "The run was ended by the engine"),
    };
    let shown = Some(host.trace.render(stack)).filter(|stack| !stack.is_empty());
    ScriptError { stack: shown, ..error }.at(host.trace.top(stack))
}

fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 20 && bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 && bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}
