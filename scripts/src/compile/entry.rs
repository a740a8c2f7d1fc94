//! Which of a draft's files is the code.

use std::collections::BTreeMap;

use crate::place;
use crate::protocol::ScriptError;

/// The most bytes of code, as written and as compiled.
const MAX_CODE_BYTES: usize = 5 << 20;

const JAVASCRIPT: &str = "integration.js";
const TYPESCRIPT: &str = "integration.ts";
const PACKAGE: &str = "package.json";

/// The file that exports the handler.
pub(super) struct Entry<'a> {
    pub name: &'a str,
    pub text: &'a str,
    pub typescript: bool,
}

/// Finds the one entry, and refuses files that a draft cannot have.
pub(super) fn find(files: &BTreeMap<String, String>) -> Result<Entry<'_>, ScriptError> {
    let strange = files.keys().find(|name| ![JAVASCRIPT, TYPESCRIPT, PACKAGE].contains(&name.as_str()));
    if let Some(name) = strange {
        return Err(no_entry(format!(
            "'{}' cannot be part of a draft; it has {JAVASCRIPT} or {TYPESCRIPT}, and optionally {PACKAGE}",
            name.chars().take(100).collect::<String>()
        )));
    }
    let entry = match (files.get(JAVASCRIPT), files.get(TYPESCRIPT)) {
        (Some(text), None) => Entry { name: JAVASCRIPT, text, typescript: false },
        (None, Some(text)) => Entry { name: TYPESCRIPT, text, typescript: true },
        (Some(_), Some(_)) => {
            return Err(no_entry(format!("Both {JAVASCRIPT} and {TYPESCRIPT} are there; keep one")));
        }
        (None, None) => return Err(no_entry(format!("There is no code; add {JAVASCRIPT} or {TYPESCRIPT}"))),
    };
    check_package(files)?;
    check_size(entry.name, entry.text)?;
    Ok(entry)
}

/// Refuses code over the limit.
pub(super) fn check_size(name: &str, code: &str) -> Result<(), ScriptError> {
    if code.len() <= MAX_CODE_BYTES {
        return Ok(());
    }
    let message = format!("{name} has {} bytes; at most {MAX_CODE_BYTES} (5 MiB) are allowed", code.len());
    Err(ScriptError::new("code_too_large", "RangeError", message))
}

fn check_package(files: &BTreeMap<String, String>) -> Result<(), ScriptError> {
    let Some(text) = files.get(PACKAGE) else {
        return Ok(());
    };
    check_size(PACKAGE, text)?;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        Ok(_) => Err(ScriptError::new(
            "invalid_package_json",
            "SyntaxError",
            format!("{PACKAGE} must be a JSON object, such as {{ \"dependencies\": {{}} }}"),
        )),
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(1).max(1);
            let column = u32::try_from(error.column()).unwrap_or(1).max(1);
            let said = error.to_string();
            let what = said.split(" at line ").next().unwrap_or_default();
            Err(ScriptError::new("invalid_package_json", "SyntaxError", format!("{PACKAGE} is not valid JSON: {what}"))
                .at(Some(place::at(PACKAGE, text, line, column))))
        }
    }
}

fn no_entry(message: String) -> ScriptError {
    ScriptError::new("no_entry", "Error", message)
}
