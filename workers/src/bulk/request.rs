//! What a bulk action is asked to do: from the body of the call, and from the catalog.

use schedules::{Millis, due};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::JobId;
use store::catalog::BulkAction;
use store::queue::{Edit, Selector, State};

use crate::dead::{self, Fingerprint};
use crate::wire::{self, Object};
use crate::{Error, Result, invoke};

/// The most jobs that a call may name one by one.
const MAX_NAMED: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Body {
    action: ActionBody,
    filter: Object<FilterBody>,
    #[serde(default)]
    dry_run: bool,
    delay: Option<Value>,
    time: Option<Value>,
    release: Option<Value>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum ActionBody {
    Cancel,
    Reschedule,
    Replay,
    Discard,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterBody {
    integration: String,
    key: Option<Value>,
    r#match: Option<Value>,
    fingerprint: Option<String>,
    jobs: Option<Vec<String>>,
}

/// Which jobs of an integration are meant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Which {
    /// All that pass a selector.
    Selected(Selector),
    /// The dead ones whose error has this fingerprint.
    Fingerprint(Fingerprint),
    /// These.
    Named(Vec<JobId>),
}

/// A bulk action as it is asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub action: BulkAction,
    pub integration: String,
    pub which: Which,
    pub dry_run: bool,
    /// When to, for a move.
    pub when: due::When,
    pub edit: Edit,
    /// The filter as it was written.
    pub filter: Value,
}

/// What is written down of it, for later steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Noted {
    /// As the caller wrote it.
    pub filter: Value,
    /// For a move: when to, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_ms: Option<i64>,
    /// For a replay: whether on the newest release.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub newest_release: bool,
}

impl Noted {
    /// When jobs are moved to.
    pub fn due(&self) -> Millis {
        Millis(self.due_ms.unwrap_or(0))
    }

    /// What a replay changes.
    pub fn edit(&self) -> Edit {
        Edit { payload: None, release: self.newest_release.then_some(None) }
    }
}

/// The state of the jobs that an action is for.
pub(super) fn state_for(action: BulkAction) -> State {
    match action {
        BulkAction::Cancel | BulkAction::Reschedule => State::Pending,
        BulkAction::Replay | BulkAction::Discard => State::Dead,
    }
}

/// Reads the body of the call.
pub(super) fn read(body: Value) -> Result<Request> {
    let filter = body.get("filter").cloned().unwrap_or_default();
    let Body { action, filter: Object(written), dry_run, delay, time, release } = wire::read("", body)?;
    let action = match action {
        ActionBody::Cancel => BulkAction::Cancel,
        ActionBody::Reschedule => BulkAction::Reschedule,
        ActionBody::Replay => BulkAction::Replay,
        ActionBody::Discard => BulkAction::Discard,
    };
    let said = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_null());
    let only_for = |field: &str, wanted: BulkAction| {
        Error::invalid(field, "not_for_this_action", format!("is for the action {wanted} only; leave it out"))
    };
    for (field, value) in [("delay", &delay), ("time", &time)] {
        if said(value) && action != BulkAction::Reschedule {
            return Err(only_for(field, BulkAction::Reschedule));
        }
    }
    if action == BulkAction::Reschedule && !said(&delay) && !said(&time) {
        return Err(Error::invalid("delay", "missing_field", "say when the jobs shall run: give delay or time"));
    }
    if said(&release) && action != BulkAction::Replay {
        return Err(only_for("release", BulkAction::Replay));
    }
    let edit = dead::edit(release, None)?;
    if matches!(edit.release, Some(Some(_))) {
        return Err(Error::invalid("release", "invalid_release", "must be \"same\" or \"newest\" for many jobs"));
    }
    let when = due::parse(&due::Request { delay, time })?;
    let integration = written.integration.clone();
    let which = which(action, written)?;
    Ok(Request { action, integration, which, dry_run, when, edit, filter })
}

fn which(action: BulkAction, filter: FilterBody) -> Result<Which> {
    let parts = [filter.key.is_some() || filter.r#match.is_some(), filter.fingerprint.is_some(), filter.jobs.is_some()];
    if parts.into_iter().filter(|part| *part).count() > 1 {
        let message = "give one of key, match, fingerprint and jobs; none means all jobs of the integration";
        return Err(Error::invalid("filter", "too_many_fields", message));
    }
    if let Some(text) = filter.fingerprint {
        if state_for(action) != State::Dead {
            let message = "finds dead jobs, which can be replayed and discarded";
            return Err(Error::invalid("filter.fingerprint", "not_for_this_action", message));
        }
        let message = "must be 16 hexadecimal digits, as GET /v1/dead shows them";
        let wrong = |()| Error::invalid("filter.fingerprint", "invalid_fingerprint", message);
        return text.parse().map(Which::Fingerprint).map_err(wrong);
    }
    if let Some(jobs) = filter.jobs {
        return named(jobs);
    }
    if filter.key.is_none() && filter.r#match.is_none() {
        return Ok(Which::Selected(Selector::All));
    }
    invoke::selector(filter.key, filter.r#match).map(Which::Selected).map_err(|error| match error {
        Error::Invalid { field, code, message } => Error::invalid(format!("filter.{field}"), code, message),
        other => other,
    })
}

fn named(jobs: Vec<String>) -> Result<Which> {
    if jobs.is_empty() || jobs.len() > MAX_NAMED {
        let message = format!("must name between 1 and {MAX_NAMED} jobs");
        return Err(Error::invalid("filter.jobs", "out_of_range", message));
    }
    let read = |(place, text): (usize, &String)| {
        let wrong = |()| Error::invalid(format!("filter.jobs[{place}]"), "invalid_id", "must be a job's id, a ULID");
        text.parse().map_err(wrong)
    };
    let mut ids: Vec<JobId> = jobs.iter().enumerate().map(read).collect::<Result<_>>()?;
    ids.sort();
    ids.dedup();
    Ok(Which::Named(ids))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_the_field() {
        let check = |body: Value, expected: &str| match read(body.clone()) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, expected, "{body}"),
            other => panic!("{body}: {other:?}"),
        };
        let all = json!({"integration": "a"});
        check(json!({}), "action");
        check(json!({"action": "cancel"}), "filter");
        check(json!({"action": "pause", "filter": all}), "action");
        check(json!({"action": "cancel", "filter": {}}), "filter.integration");
        check(json!({"action": "cancel", "filter": []}), "filter");
        check(
            json!({"action": "cancel", "filter": {"integration": "a", "key": {"a": 1}, "match": {"a": 1}}}),
            "filter.match",
        );
        check(json!({"action": "cancel", "filter": {"integration": "a", "key": {}}}), "filter.key");
        check(
            json!({"action": "cancel", "filter": {"integration": "a", "fingerprint": "0000000000000000"}}),
            "filter.fingerprint",
        );
        check(json!({"action": "replay", "filter": {"integration": "a", "fingerprint": "x"}}), "filter.fingerprint");
        check(json!({"action": "replay", "filter": {"integration": "a", "jobs": []}}), "filter.jobs");
        check(json!({"action": "replay", "filter": {"integration": "a", "jobs": ["x"]}}), "filter.jobs[0]");
        check(json!({"action": "replay", "filter": {"integration": "a", "jobs": ["x"], "key": {"a": 1}}}), "filter");
        check(json!({"action": "reschedule", "filter": all}), "delay");
        check(json!({"action": "reschedule", "filter": all, "delay": "soon"}), "delay");
        check(json!({"action": "cancel", "filter": all, "time": 5}), "time");
        check(json!({"action": "discard", "filter": all, "release": "newest"}), "release");
        check(json!({"action": "replay", "filter": all, "release": 2}), "release");
        check(json!({"action": "replay", "filter": all, "dryrun": true}), "dryrun");
    }

    #[test]
    fn a_filter_says_which_jobs() {
        let check = |filter: Value, expected: Which| {
            let read = read(json!({"action": "discard", "filter": filter})).expect("valid");
            assert_eq!((read.which, read.filter), (expected, filter));
        };
        check(json!({"integration": "a"}), Which::Selected(Selector::All));
        let part = schedules::Key::parse(&json!({"a": 1})).expect("a key");
        check(json!({"integration": "a", "match": {"a": 1}}), Which::Selected(Selector::Match(part)));
        let id = JobId::new(Millis(5));
        let twice = [id.to_string(), id.to_string()];
        check(json!({"integration": "a", "jobs": twice}), Which::Named(vec![id]));
    }
}
