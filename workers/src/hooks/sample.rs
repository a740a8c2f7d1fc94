//! The request that a preview of an integration with the trigger `http` is given, as if its payload had been posted.

use serde_json::json;
use store::catalog::Trigger;

/// The further arguments of a preview's handler, as JSON text.
pub(crate) fn context(trigger: Trigger, payload: &str) -> Option<Box<str>> {
    let request = json!({
        "method": "POST",
        "path": "/",
        "query": {},
        "headers": { "content-type": "application/json" },
        "rawBody": payload,
        "rawBodyEncoding": "utf8",
    });
    (trigger == Trigger::Http).then(|| json!({ "request": request }).to_string().into())
}
