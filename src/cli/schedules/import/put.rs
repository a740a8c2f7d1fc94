//! Brings entries to a server: what is there already in the same words is left alone, what others made is not touched.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use super::check::{Ready, spec};
use crate::cli::Failure;
use crate::cli::client::Client;
use crate::cli::schedules::path_of;

/// Below the rate that a server allows a key (300 calls a second), as two calls are made for each.
const PACE: Duration = Duration::from_millis(8);

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Only looked at.
    Planned,
    /// There was none of its name.
    Made,
    /// It was another before.
    Changed,
    /// It is the same already.
    Unchanged,
    /// Its name belongs to one that was not imported from here.
    Clash,
}

impl Fate {
    /// As the report calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Made => "made",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Clash => "clash",
        }
    }
}

/// Puts what is ready, one after the other. Fills `fates`; one that is missing was not reached before an error.
pub async fn put_all(
    client: &Client,
    integration: &str,
    ready: &[Ready],
    mark: Option<&str>,
    fates: &mut Vec<Fate>,
) -> Result<(), Failure> {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for one in ready {
        pace.tick().await;
        fates.push(put(client, integration, one, mark).await?);
    }
    Ok(())
}

async fn put(
    client: &Client,
    integration: &str,
    Ready { entry, .. }: &Ready,
    mark: Option<&str>,
) -> Result<Fate, Failure> {
    let path = path_of(&format!("{integration}/{}", entry.name));
    let there = client.find(&path).await?;
    let fate = fate(there.as_ref(), &entry.body, mark);
    if matches!(fate, Fate::Made | Fate::Changed) {
        let put = client.send(Method::PUT, &path, &entry.body).await;
        put.map_err(|failure| Failure {
            message: format!("line {}, {}: {}", entry.line, entry.name, failure.message),
            ..failure
        })?;
    }
    Ok(fate)
}

/// What is to be done with a schedule that is there, or not. Those whose note does not end with `mark` are not ours.
fn fate(there: Option<&Value>, body: &Value, mark: Option<&str>) -> Fate {
    let Some(there) = there else { return Fate::Made };
    let note = there["note"].as_str().unwrap_or_default();
    if mark.is_some_and(|mark| !note.ends_with(mark)) {
        return Fate::Clash;
    }
    let same = |name: &str| there.get(name).unwrap_or(&Value::Null) == body.get(name).unwrap_or(&Value::Null);
    let is_same = there["schedule"] == spec(body) && same("payload") && same("key") && json!(note) == body["note"];
    if is_same { Fate::Unchanged } else { Fate::Changed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(schedule: Value, payload: Value, note: &str) -> Value {
        json!({ "schedule": schedule, "payload": payload, "key": null, "note": note })
    }

    #[test]
    fn only_what_was_imported_from_here_is_changed() {
        let body = json!({"cron": "0 5 * * *", "payload": {"a": 1}, "note": "x — Imported from crontab a"});
        let check = |there: Option<Value>, mark: Option<&str>, expected: Fate| {
            assert_eq!(fate(there.as_ref(), &body, mark), expected, "{there:?}");
        };
        let (same, ours) = (json!({"cron": "0 5 * * *"}), Some("Imported from crontab a"));
        let note = "x — Imported from crontab a";
        check(None, ours, Fate::Made);
        check(Some(there(same.clone(), json!({"a": 1}), note)), ours, Fate::Unchanged);
        check(Some(there(json!({"cron": "0 6 * * *"}), json!({"a": 1}), note)), ours, Fate::Changed);
        check(Some(there(same.clone(), json!({"a": 2}), note)), ours, Fate::Changed);
        check(Some(there(same.clone(), json!({"a": 1}), "y — Imported from crontab a")), ours, Fate::Changed);
        check(Some(there(same.clone(), json!({"a": 1}), "by hand")), ours, Fate::Clash);
        check(Some(there(same.clone(), json!({"a": 1}), "Imported from crontab b")), ours, Fate::Clash);
        check(Some(there(same, json!({"a": 1}), "by hand")), None, Fate::Changed);
    }
}
