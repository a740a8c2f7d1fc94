//! What a deployment would change: folders compared with what is there, field by field and line by line.

use serde_json::Value;
use similar::TextDiff;

/// What becomes of one integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It does not exist yet.
    Create,
    /// Its draft differs; a unified diff of every part that does.
    Update(String),
    /// Its draft is the same, but was never released.
    Release,
    /// Nothing.
    Unchanged,
}

/// What is there, as far as a deployment cares.
#[derive(Clone, Debug, PartialEq)]
pub struct Present {
    /// The draft, in the form of the body that saves it.
    pub draft: Value,
    /// Whether the newest release has the draft's files and settings.
    pub released: bool,
}

/// Compares the body of a folder with what is there.
pub fn compare(wanted: &Value, present: Option<&Present>) -> Change {
    let Some(present) = present else { return Change::Create };
    let diff = diff(&present.draft, wanted);
    match (diff.is_empty(), present.released) {
        (true, true) => Change::Unchanged,
        (true, false) => Change::Release,
        (false, _) => Change::Update(diff),
    }
}

/// Unified diffs of description, trigger, settings, sample and files, where they differ.
fn diff(before: &Value, after: &Value) -> String {
    let parts = ["description", "trigger", "settings", "sample"].map(|part| {
        let name = if part == "sample" { "sample.json" } else { part };
        section(name, &pretty(&before[part]), &pretty(&after[part]))
    });
    let empty = serde_json::Map::new();
    let (old, new) = (before["files"].as_object().unwrap_or(&empty), after["files"].as_object().unwrap_or(&empty));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let text = |files: &serde_json::Map<String, Value>, name: &String| {
        files.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let files = names.iter().map(|name| section(name, &text(old, name), &text(new, name)));
    parts.into_iter().chain(files).collect()
}

fn section(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}

/// JSON line by line; what says nothing (absent, null, empty) is the same nothing.
fn pretty(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(fields) if fields.is_empty() => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        other => serde_json::to_string_pretty(other).unwrap_or_default() + "\n",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body() -> Value {
        json!({
            "description": "d", "trigger": "experience", "settings": {"timeoutMs": 1, "memoryMb": 64},
            "sample": null, "files": {"integration.js": "one\ntwo\nthree\n"},
        })
    }

    fn present(draft: Value) -> Option<Present> {
        Some(Present { draft, released: true })
    }

    #[test]
    fn nothing_there_is_created() {
        assert_eq!(compare(&body(), None), Change::Create);
    }

    #[test]
    fn the_same_is_unchanged_whatever_the_order_of_its_keys() {
        let mut there = body();
        there["settings"] = json!({"memoryMb": 64, "timeoutMs": 1});
        there["sample"] = json!({});
        assert_eq!(compare(&body(), present(there).as_ref()), Change::Unchanged);
    }

    #[test]
    fn the_same_but_unreleased_is_released() {
        assert_eq!(compare(&body(), Some(&Present { draft: body(), released: false })), Change::Release);
    }

    #[test]
    fn a_difference_is_shown_line_by_line() {
        let check = |pointer: &str, value: Value, expected: &[&str]| {
            let mut wanted = body();
            *wanted.pointer_mut(pointer).unwrap() = value;
            let Change::Update(diff) = compare(&wanted, present(body()).as_ref()) else {
                panic!("{pointer} is unchanged")
            };
            for line in expected {
                assert!(diff.lines().any(|found| found == *line), "{pointer}: no line {line:?} in\n{diff}");
            }
        };
        check(
            "/files/integration.js",
            json!("one\n2\nthree\n"),
            &["--- a/integration.js", "+++ b/integration.js", " one", "-two", "+2"],
        );
        check("/settings/timeoutMs", json!(2), &["--- a/settings", "-  \"timeoutMs\": 1", "+  \"timeoutMs\": 2"]);
        check(
            "/files",
            json!({"integration.ts": "x\n"}),
            &["--- a/integration.js", "-two", "+++ b/integration.ts", "+x"],
        );
        check("/sample", json!({"a": 1}), &["+++ b/sample.json", "+  \"a\": 1"]);
    }
}
