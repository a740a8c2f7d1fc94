//! Publishable keys: web pages show them to everyone, so they may little, and what one visitor does tells no other one anything.

use axum::response::Response;
use serde_json::Value;

use super::fingerprint;
use super::keys::Caller;
use crate::http::access::Access;
use crate::http::error::Problem;

/// The most characters of an idempotency key, as `workers` has it.
const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;
/// What a refusal tells of the author's code, and pages must not see.
const INTERNALS: [&str; 2] = ["stack", "at"];

/// Refuses every route but the four calls.
pub fn check_route(caller: &Caller, access: Access) -> Result<(), Problem> {
    if !caller.is_publishable() || access == Access::Call {
        return Ok(());
    }
    let detail = "a publishable API key executes, schedules, reschedules and cancels, and does nothing else";
    Err(Problem::forbidden("publishable_key", detail))
}

/// Refuses a selection of jobs by a part of their key, unless the key was made for it: visitors would reach each other's jobs.
pub fn check_match(caller: &Caller, body: &Value) -> Result<(), Problem> {
    if !caller.is_publishable() || caller.may_match() || body.get("match").is_none() {
        return Ok(());
    }
    let detail = "a publishable API key names a job by its whole `key`; one made with allowMatch may use `match`";
    Err(Problem { field: Some("match".into()), ..Problem::forbidden("match_not_allowed", detail) })
}

/// The idempotency keys of a call, from the header (returned) and in the body: those of a publishable key are a realm of
/// their own, or a page could read the first answer to a server's call by guessing its idempotency key.
pub fn own_idempotency(caller: &Caller, header: Option<String>, body: &mut Value) -> Option<String> {
    if !caller.is_publishable() {
        return header;
    }
    if let Some(Value::String(key)) = body.get_mut("idempotencyKey") {
        *key = own(caller, std::mem::take(key));
    }
    header.map(|key| own(caller, key))
}

/// A key that is wrong stays as it is, and is refused by who reads it.
fn own(caller: &Caller, key: String) -> String {
    let visible = key.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY_CHARS || !visible {
        return key;
    }
    let hash = fingerprint(&format!("{}\n{key}", caller.id()));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes out of a refusal what a page must not see; the message stays, for the handler's author writes it.
pub fn conceal(caller: &Caller, mut response: Response) -> Response {
    if caller.is_publishable()
        && let Some(problem) = response.extensions_mut().get_mut::<Problem>()
    {
        INTERNALS.iter().for_each(|name| problem.leave_out(name));
    }
    response
}
