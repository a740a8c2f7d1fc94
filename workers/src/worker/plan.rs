//! What is to be done with a claimed job: run it, give it another due time, or write down why it will never run.

use std::sync::Arc;

use schedules::rate::{Limit, OnMissing};
use schedules::{Millis, Outside, Window};
use scripts::protocol::ScriptError;
use store::catalog::{Outcome, RunRecord};
use store::queue::{Grant, Job, Leased, Refusal};

use super::record::job_ended;
use crate::invoke::{Opening, Refused};
use crate::{Entry, Error, Event, Services, Version};

/// How long a job waits when the catalog does not answer.
const CATALOG_PAUSE_MS: i64 = 5_000;

/// What is to be done with a claimed job.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Run it.
    Run(Arc<Entry>, Arc<Version>),
    /// Give it another due time; no attempt is counted.
    Later(Opening),
    /// It will never run.
    Drop(Box<RunRecord>),
    /// Keep it as dead: nothing here knows what it runs. The error, as JSON text.
    Bury(String),
}

/// Looks at a claimed job; what it needs to know of its integration may come from the catalog.
pub(crate) async fn plan(services: &Services, leased: &Leased, now: Millis) -> Plan {
    let job = &leased.job;
    let (entry, version) = match services.directory.serving(job.integration, job.release).await {
        Ok(Some((entry, version))) => (entry, version),
        Ok(None) => return Plan::Bury(unknown(job)),
        Err(error) => return later(job, now, &error),
    };
    match (leased.grant, version) {
        (Grant::Refused(refusal), _) => Plan::Drop(Box::new(refused(services, &entry, job, refusal, now).await)),
        (Grant::Closed, _) => reopened(&entry, job, now),
        (Grant::Start, _) if !is_open(job, now) => reopened(&entry, job, now),
        (Grant::Start, None) => Plan::Drop(Box::new(job_ended(&entry, job, Outcome::Cancelled, now))),
        (Grant::Start, Some(version)) => {
            if leased.attempt == 1 {
                for _ in skipped(&limits(services, &entry).await, job) {
                    services.events.emit(Event::LimitSkipped { integration: entry.name.clone() });
                }
            }
            Plan::Run(entry, version)
        }
    }
}

/// Whether its window, if it has one, is open: it may have closed since the claim, and a replay has no opening.
pub fn is_open(job: &Job, now: Millis) -> bool {
    let window = job.window.as_ref().and_then(|spec| Window::parse(spec).ok());
    window.is_none_or(|window| window.is_open(now))
}

/// Gives a job whose opening is over the next one, or ends it.
fn reopened(entry: &Entry, job: &Job, now: Millis) -> Plan {
    match reopening(job, now) {
        Some(opening) => Plan::Later(opening),
        None => Plan::Drop(Box::new(job_ended(entry, job, Outcome::DroppedWindow, now))),
    }
}

/// The next opening of a job whose own is over; `None` if its window drops it, or never opens again.
pub fn reopening(job: &Job, now: Millis) -> Option<Opening> {
    // The store's clock said that it is over; ours may be a moment behind.
    let from = job.closes.map_or(now, |closes| closes.max(now));
    let drops = job.window.as_ref().is_some_and(|window| window.outside == Outside::Drop);
    if drops { None } else { Opening::of(job, from).ok() }
}

async fn refused(services: &Services, entry: &Entry, job: &Job, refusal: Refusal, now: Millis) -> RunRecord {
    let limits = limits(services, entry).await;
    services.events.emit(Event::LimitRefused { integration: entry.name.clone(), rule: refusal.limit });
    let refused = Refused::by(&limits, refusal);
    RunRecord { error: Some(refused.to_json()), ..job_ended(entry, job, Outcome::RateLimited, now) }
}

/// The limits of the highest release, which the queue applies whatever release a job is pinned to.
async fn limits(services: &Services, entry: &Entry) -> Vec<Limit> {
    let latest = services.directory.version(entry, None).await.ok().flatten();
    latest.map(|latest| services.directory.limits(&latest.settings)).unwrap_or_default()
}

/// The limits that do not apply to a job because its key lacks a field that they count by.
fn skipped<'a>(limits: &'a [Limit], job: &Job) -> impl Iterator<Item = &'a Limit> {
    limits.iter().filter(|limit| limit.on_missing == OnMissing::Skip && limit.subject(job.key.as_ref()).is_none())
}

fn later(job: &Job, now: Millis, error: &Error) -> Plan {
    tracing::warn!(job.id = %job.id, %error, "it cannot be told what a job runs; trying later");
    Plan::Later(Opening::always(now.after(CATALOG_PAUSE_MS)))
}

/// Deleting an integration takes its jobs along. One that is left belongs to another catalog, whose server shares this
/// queue by mistake: it must not be lost.
fn unknown(job: &Job) -> String {
    tracing::error!(
        job.id = %job.id, integration.id = %job.integration,
        "a job's integration is not in this catalog; the job is kept as dead. Do two data folders share one queue?"
    );
    let error = ScriptError {
        code: "integration_not_found".into(),
        name: "IntegrationNotFound".into(),
        message: format!("no integration of the catalog of the server that claimed it has the id {}", job.integration),
        ..ScriptError::default()
    };
    serde_json::to_string(&error).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use schedules::WindowSpec;
    use serde_json::{Value, json};
    use store::IntegrationId;
    use store::catalog::Trigger;
    use store::queue::{Cause, Lease};

    use super::*;
    use crate::world::{NOW, World, job};

    const HOUR_MS: i64 = 3_600_000;

    fn leased(job: Job, grant: Grant) -> Leased {
        let lease = Lease { job: job.id, token: 1 };
        Leased { job, lease, attempt: 1, lost: 0, grant }
    }

    fn windowed(integration: IntegrationId, outside: Outside, closes: Option<Millis>) -> Job {
        let window = WindowSpec { time: Some("09:00-17:00".into()), outside, ..WindowSpec::default() };
        Job { window: Some(window), closes, ..job(integration, Cause::Manual) }
    }

    async fn world(settings: &Value) -> (World, Arc<Entry>) {
        let world = World::open().await;
        let entry = world.released("hello", Trigger::Experience, settings).await;
        (world, entry)
    }

    #[tokio::test]
    async fn a_refusal_is_recorded_with_its_rule_and_runs_nothing() {
        let settings = json!({"rateLimits": [{"limit": 100, "interval": "1h", "key": ["email"]}]});
        let (world, entry) = world(&settings).await;
        let refusal = Refusal { limit: 0, retry_after_ms: Some(2_500) };
        let leased = leased(job(entry.id, Cause::Manual), Grant::Refused(refusal));
        let Plan::Drop(record) = plan(&world.services, &leased, NOW).await else { panic!("it runs") };
        assert_eq!((record.outcome, record.started, record.attempt), (Outcome::RateLimited, None, 0));
        let error: Value = serde_json::from_str(record.error.as_deref().expect("an error")).expect("JSON");
        assert_eq!((&error["code"], &error["rule"]), (&json!("rate_limited"), &json!("100 per 1h by email")));
        assert_eq!(error["retryAfterMs"], 2_500);
    }

    #[tokio::test]
    async fn a_closed_window_moves_or_drops() {
        let (world, entry) = world(&json!({})).await;
        let midnight = Millis(NOW.0 - NOW.0 % (24 * HOUR_MS));
        let at = |hour: i64| midnight.after(hour * HOUR_MS);
        let (move_on, drop) = (Outside::Move, Outside::Drop);
        let opening = |from: i64| Opening { due: at(from), closes: Some(at(from + 8)) };
        let check = async |job: Job, grant: Grant, now: Millis, expected: Option<Opening>| match (
            plan(&world.services, &leased(job, grant), now).await,
            expected,
        ) {
            (Plan::Later(found), Some(expected)) => assert_eq!(found, expected),
            (Plan::Drop(record), None) => assert_eq!(record.outcome, Outcome::DroppedWindow),
            (other, _) => panic!("{other:?} at {now:?}"),
        };
        check(windowed(entry.id, move_on, Some(at(17))), Grant::Closed, at(17), Some(opening(33))).await;
        // A claim says so by the store's clock, which may be ahead of this one.
        check(windowed(entry.id, move_on, Some(at(17))), Grant::Closed, at(17).after(-3), Some(opening(33))).await;
        check(windowed(entry.id, drop, Some(at(8))), Grant::Closed, at(8), None).await;
        // It closed between the claim and now, or was replayed.
        check(windowed(entry.id, move_on, Some(at(17))), Grant::Start, at(17), Some(opening(33))).await;
        check(windowed(entry.id, move_on, None), Grant::Start, at(8), Some(opening(9))).await;
        check(windowed(entry.id, drop, None), Grant::Start, at(8), None).await;
        let open = leased(windowed(entry.id, drop, Some(at(17))), Grant::Start);
        assert!(matches!(plan(&world.services, &open, at(16)).await, Plan::Run(..)));
    }

    #[tokio::test]
    async fn a_job_of_an_integration_that_nobody_knows_is_kept() {
        let (world, _) = world(&json!({})).await;
        let stranger = leased(job(IntegrationId::new(NOW), Cause::Manual), Grant::Start);
        assert!(matches!(plan(&world.services, &stranger, NOW).await, Plan::Bury(_)));
    }

    #[tokio::test]
    async fn what_another_process_released_a_moment_ago_runs() {
        let (world, _) = world(&json!({})).await;
        let id = world.released_elsewhere("newer", &json!({})).await;
        assert!(world.services.directory.by_id(id).is_none(), "nothing here has noticed it");
        let leased = leased(job(id, Cause::Manual), Grant::Start);
        assert!(matches!(plan(&world.services, &leased, NOW).await, Plan::Run(..)));
    }

    #[test]
    fn a_limit_is_skipped_when_the_key_lacks_its_field() {
        let settings = json!({"rateLimits": [
            {"limit": 1, "interval": "1s"},
            {"limit": 2, "interval": "1s", "key": ["email"]},
            {"limit": 3, "interval": "1s", "key": ["email", "campaign"]},
            {"limit": 4, "interval": "1s", "key": ["campaign"], "onMissing": "reject"},
        ]});
        let limits = crate::settings::Settings::parse(&settings).expect("valid").rate_limits;
        let limits: Vec<Limit> = limits.into_iter().map(|limit| limit.limit).collect();
        let check = |key: Option<Value>, expected: &[u32]| {
            let key = key.map(|key| schedules::Key::parse(&key).expect("a key"));
            let job = Job { key, ..job(IntegrationId::new(NOW), Cause::Manual) };
            let found: Vec<u32> = skipped(&limits, &job).map(|limit| limit.rule.limit).collect();
            assert_eq!(found, expected, "{:?}", job.key);
        };
        check(None, &[2, 3]);
        check(Some(json!({"email": "a"})), &[3]);
        check(Some(json!({"email": "a", "campaign": 1})), &[]);
    }
}
