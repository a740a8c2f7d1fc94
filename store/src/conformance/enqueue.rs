//! enqueue: put jobs in, honouring keys.

use schedules::{Outside, WindowSpec};
use serde_json::json;

use super::*;
use crate::Error;
use crate::queue::{Cause, Enqueued, IfExists, Inspect, MAX_BATCH, Queue, Selector, State, Tick};

/// A job comes back as it was put in, with all its fields.
pub async fn keeps_every_field<Q: Queue + Inspect>(t: Fresh<Q>) {
    let mut new = job(1).key(json!({"email": "a@example.com", "n": 1.5, "ok": true, "none": null})).priority(9).due(77);
    new.job.release = Some(3);
    new.job.payload = r#"{"text":"\u0000 ü \"quoted\""}"#.into();
    new.job.window = Some(WindowSpec {
        day: Some("mon-fri".into()),
        time: Some("22:00-06:00".into()),
        timezone: Some("Europe/London".into()),
        timezone_offset_minutes: Some(-120),
        holidays: vec!["2026-12-25".into()],
        outside: Outside::Drop,
    });
    new.job.closes = Some(at(99));
    new.job.lane = Some(r#"{"email":"a@example.com"}"#.into());
    new.job.awaited = true;
    new.job.jitter_ms = 4_000_000_000;
    new.job.tick =
        Some(Tick { schedule: schedule(1, 3).schedule, nominal: at(5), previous: None, upcoming: Some(at(9)) });
    new.job.attempts = Some(7);
    new.job.context = Some(r#"{"event":{}}"#.into());
    let wanted = new.job.clone();
    let id = t.put(new).await;
    let view = t.view(id).await.expect("it is there");
    assert_eq!(view.job, wanted);
    assert_eq!((view.state, view.attempt, view.lost), (State::Pending, 0, 0));
    assert_eq!((view.charged, view.delayed_by_limit), (false, false));
    assert_eq!((view.lease_until, view.died, view.error), (None, None, None));
}

/// Every cause comes back as it was put in.
pub async fn keeps_every_cause<Q: Queue + Inspect>(t: Fresh<Q>) {
    for (cause, name) in Cause::ALL {
        let id = t.put(job(1).cause(cause)).await;
        assert_eq!(t.view(id).await.expect("it is there").job.cause, cause, "{name}");
    }
}

/// A key that is not in canonical form comes back as it was put in.
pub async fn keeps_keys_as_written<Q: Queue + Inspect>(t: Fresh<Q>) {
    let new = job(1).key(json!({"z": 1.0, "a": "é"}));
    let wanted = new.job.clone();
    let id = t.put(new).await;
    assert_eq!(t.view(id).await.expect("it is there").job, wanted);
}

/// There is one answer per job, in the order of the jobs.
pub async fn answers_in_order<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.put(job(1).key(json!({"k": 1}))).await;
    let new = job(1).key(json!({"k": 1}));
    let again = job(1).key(json!({"k": 1})).if_exists(IfExists::Reject);
    let replacement = new.job.id;
    let answers = t.queue.enqueue(vec![job(1), new, again, job(2)]).await.expect("enqueue answers");
    let wanted = [
        Enqueued::Created,
        Enqueued::Replaced { old },
        Enqueued::Rejected { existing: replacement },
        Enqueued::Created,
    ];
    assert_eq!(answers, wanted);
}

/// Nothing to put in is no error.
pub async fn accepts_an_empty_batch<Q: Queue + Inspect>(t: Fresh<Q>) {
    assert_eq!(t.queue.enqueue(vec![]).await.expect("enqueue answers"), []);
}

/// The same id twice makes one job, and answers the same.
pub async fn takes_an_id_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    let new = job(1).payload("1");
    let id = t.put(new.clone()).await;
    assert_eq!(t.put_any(new.clone().payload("2")).await, Enqueued::Created);
    assert_eq!(t.list(Default::default(), newest(10)).await.total, 1);
    assert_eq!(&*t.view(id).await.expect("it is there").job.payload, "1");
    let leased = t.claim_one().await;
    assert_eq!(t.put_any(new).await, Enqueued::Created);
    assert_eq!(t.claim(10).await.jobs, [], "it runs already");
    assert_eq!(leased.job.id, id);
}

/// The same id twice does not replace itself by its key.
pub async fn takes_an_id_with_a_key_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    let new = job(1).key(json!({"k": 1}));
    let id = t.put(new.clone()).await;
    assert_eq!(t.put_any(new).await, Enqueued::Created);
    assert_eq!(t.state(id).await, Some(State::Pending));
}

/// A pending job with the key is replaced: payload, due time, everything.
pub async fn replaces_by_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.put(job(1).key(json!({"k": 1})).payload("1")).await;
    let new = job(1).key(json!({"k": 1})).payload("2").due(5_000);
    let id = new.job.id;
    assert_eq!(t.put_any(new).await, Enqueued::Replaced { old });
    assert_eq!(t.state(old).await, None);
    assert_eq!(t.claim(10).await.jobs, [], "the old due time is gone");
    t.clock.set(at(5_000));
    let leased = t.claim_one().await;
    assert_eq!((leased.job.id, &*leased.job.payload), (id, "2"));
}

/// The order of a key's fields does not matter.
pub async fn replaces_by_a_reordered_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.put(job(1).key(json!({"a": 1, "b": "x"}))).await;
    let text = r#"{"b":"x","a":1}"#;
    let new = job(1).key(serde_json::from_str(text).expect("it is JSON"));
    assert_eq!(t.put_any(new).await, Enqueued::Replaced { old });
}

/// Keys with other values, other types or more fields are other keys.
pub async fn tells_keys_apart<Q: Queue + Inspect>(t: Fresh<Q>) {
    for other in [json!({"k": 1}), json!({"k": "1"}), json!({"k": 2}), json!({"k": 1, "l": 1}), json!({"l": 1})] {
        t.put(job(1).key(other)).await;
    }
    assert_eq!(t.list(Default::default(), newest(10)).await.total, 5);
}

/// A key belongs to its integration.
pub async fn keeps_keys_of_integrations_apart<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).key(json!({"k": 1}))).await;
    t.put(job(2).key(json!({"k": 1}))).await;
}

/// `keep` leaves the pending job and says when it is due.
pub async fn keeps_the_pending_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let existing = t.put(job(1).key(json!({"k": 1})).due(9)).await;
    let new = job(1).key(json!({"k": 1})).if_exists(IfExists::Keep);
    let id = new.job.id;
    assert_eq!(t.put_any(new).await, Enqueued::Kept { existing, due: at(9) });
    assert_eq!((t.state(existing).await, t.state(id).await), (Some(State::Pending), None));
}

/// `reject` leaves the pending job.
pub async fn rejects_the_new_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let existing = t.put(job(1).key(json!({"k": 1}))).await;
    let new = job(1).key(json!({"k": 1})).if_exists(IfExists::Reject);
    let id = new.job.id;
    assert_eq!(t.put_any(new).await, Enqueued::Rejected { existing });
    assert_eq!((t.state(existing).await, t.state(id).await), (Some(State::Pending), None));
}

/// Keep and reject make the job when nothing pending has the key.
pub async fn keep_and_reject_create_when_free<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).key(json!({"k": 1})).if_exists(IfExists::Keep)).await;
    t.put(job(1).key(json!({"k": 2})).if_exists(IfExists::Reject)).await;
}

/// `beside` makes a job that shows its key and is not found by it.
pub async fn beside_makes_a_job_that_its_key_does_not_name<Q: Queue + Inspect>(t: Fresh<Q>) {
    let existing = t.put(job(1).key(json!({"k": 1})).due(9)).await;
    let id = t.put(job(1).key(json!({"k": 1})).if_exists(IfExists::Beside)).await;
    let view = t.view(id).await.expect("it is there");
    assert!(view.job.key.is_some_and(|key| key.field("k") == Some(&json!(1))));
    let cancelled = t.queue.cancel(integration(1), Selector::Key(key(json!({"k": 1})))).await;
    let cancelled: Vec<_> = cancelled.expect("cancel answers").jobs.iter().map(|job| job.id).collect();
    assert_eq!((cancelled, t.state(id).await), (vec![existing], Some(State::Pending)));
}

/// A retry of a job made `beside` does not take the key either.
pub async fn beside_stays_beside_when_retried<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1).key(json!({"k": 1})).if_exists(IfExists::Beside)).await;
    t.settle(leased.lease, retry(9)).await;
    let new = t.put_any(job(1).key(json!({"k": 1}))).await;
    assert_eq!((new, t.state(leased.job.id).await), (Enqueued::Created, Some(State::Pending)));
}

/// A running job with the key is left alone; the new job waits beside it.
pub async fn leaves_the_running_job_alone<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1).key(json!({"k": 1}))).await;
    let id = t.put(job(1).key(json!({"k": 1})).if_exists(IfExists::Reject)).await;
    assert_eq!(t.state(leased.job.id).await, Some(State::Running));
    assert_eq!(t.state(id).await, Some(State::Pending));
}

/// A dead job's key is free.
pub async fn ignores_dead_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1).key(json!({"k": 1}))).await;
    t.put(job(1).key(json!({"k": 1}))).await;
    assert_eq!(t.state(dead).await, Some(State::Dead));
}

/// Without a key every call makes a job.
pub async fn makes_a_job_per_call_without_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1)).await;
    t.put(job(1)).await;
    assert_eq!(t.list(Default::default(), newest(10)).await.total, 2);
}

/// One call carries at most `MAX_BATCH` jobs; nothing of a longer one is applied.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let batch = |count| (0..count).map(|_| job(1)).collect::<Vec<_>>();
    let answer = t.queue.enqueue(batch(MAX_BATCH + 1)).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
    assert_eq!(t.list(Default::default(), newest(1)).await.total, 0);
    assert_eq!(t.queue.enqueue(batch(MAX_BATCH)).await.expect("that many may").len(), MAX_BATCH);
    assert_eq!(t.list(Default::default(), newest(1)).await.total, MAX_BATCH as u64);
}

/// A payload of 256 KiB is kept.
pub async fn keeps_large_payloads<Q: Queue + Inspect>(t: Fresh<Q>) {
    let payload = format!("\"{}\"", "x".repeat(256 * 1024));
    let leased = t.running(job(1).payload(&payload)).await;
    assert_eq!(*leased.job.payload, *payload);
}
