//! Running a dead job again: as it was, on the newest release, or with another payload.

use serde::Deserialize;
use serde_json::Value;
use store::JobId;
use store::queue::{Edit, JobView, Queue, State};

use crate::invoke::{self, Opening};
use crate::{Error, Result, Services, jobs, wire};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    release: Option<Value>,
    payload: Option<Value>,
}

/// Makes a dead job pending again, with all its attempts; `body` may give it another payload or release.
pub async fn replay(services: &Services, job: JobId, body: Value) -> Result<()> {
    let has_payload = body.get("payload").is_some();
    let Body { release, payload } = wire::read("", body)?;
    // A payload of null is one.
    let payload = has_payload.then(|| payload.unwrap_or(Value::Null));
    let edit = edit(release, payload)?;
    let view = jobs::view(services, job).await?;
    if view.state != State::Dead {
        return Err(Error::conflict("job_not_dead", format!("job {job} is not dead; only dead jobs can be replayed")));
    }
    if let Some(Some(major)) = edit.release {
        let served = services.directory.serving(view.job.integration, Some(major)).await?;
        if served.is_none_or(|(_, version)| version.is_none()) {
            return Err(Error::invalid("release", "release_not_found", format!("there is no release {major}.x")));
        }
    }
    if again(services, &view, edit).await? { Ok(()) } else { Err(Error::no_job(job)) }
}

/// What a replay changes: `release` is `same`, `newest` or the number of a major release.
pub(crate) fn edit(release: Option<Value>, payload: Option<Value>) -> Result<Edit> {
    let release = match release {
        None | Some(Value::Null) => None,
        Some(Value::String(word)) if word == "same" => None,
        Some(Value::String(word)) if word == "newest" => Some(None),
        Some(Value::Number(number)) => match number.as_u64().and_then(|major| u32::try_from(major).ok()) {
            Some(major) => Some(Some(major)),
            None => return Err(wrong_release()),
        },
        Some(_) => return Err(wrong_release()),
    };
    Ok(Edit { payload: payload.map(invoke::payload).transpose()?, release })
}

fn wrong_release() -> Error {
    let message = "must be \"same\" (the major release it is pinned to), \"newest\", or the number of a major release";
    Error::invalid("release", "invalid_release", message)
}

/// Replays a dead job; `false` if it is not dead any more.
pub(crate) async fn again(services: &Services, dead: &JobView, edit: Edit) -> Result<bool> {
    let now = services.clock.now();
    // It waits for its window as the first time; one that never opens again lets it be dropped at once.
    let due = Opening::of(&dead.job, now).map_or(now, |opening| opening.due);
    Ok(services.queue.replay(dead.job.id, due, edit).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_replay_names_its_release() {
        let check = |release: Value, expected: Option<Option<u32>>| {
            assert_eq!(edit(Some(release.clone()), None).expect("valid").release, expected, "{release}");
        };
        check(json!(null), None);
        check(json!("same"), None);
        check(json!("newest"), Some(None));
        check(json!(2), Some(Some(2)));
        for wrong in [json!("2.0"), json!(-1), json!(1.5), json!([])] {
            assert!(edit(Some(wrong.clone()), None).is_err(), "{wrong}");
        }
        let changed = edit(None, Some(json!({"a": 1}))).expect("valid");
        assert_eq!(changed.payload.as_deref(), Some(r#"{"a":1}"#));
    }
}
