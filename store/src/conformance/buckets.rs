//! bucket, buckets, adjust: how full a limit is, who waits at it, and turning single keys off and on.

use schedules::Millis;
use schedules::rate::{Hold, Limit, NEVER};

use super::*;
use crate::queue::Grant::Start;
use crate::queue::{Adjustment, BucketView, Control, Inspect, MAX_BATCH, Next, Queue};

const A: &str = r#"l0{"email":"a"}"#;
const B: &str = r#"l0{"email":"b"}"#;

async fn look<Q: Queue + Inspect>(t: &Fresh<Q>, name: &str, limit: &Limit) -> BucketView {
    t.queue.bucket(integration(1), name.into(), limit.rule).await.expect("bucket answers")
}

async fn adjust<Q: Queue + Inspect>(t: &Fresh<Q>, name: &str, adjustment: Adjustment) {
    t.queue.adjust(integration(1), name.into(), adjustment).await.expect("adjust answers");
}

async fn put<Q: Queue + Inspect, const N: usize>(t: &Fresh<Q>, emails: [&str; N]) {
    t.queue.enqueue(emails.map(of).to_vec()).await.expect("enqueue answers");
}

async fn started<Q: Queue + Inspect>(t: &Fresh<Q>) -> usize {
    let jobs = t.claim_all().await.jobs;
    assert!(jobs.iter().all(|it| it.grant == Start), "{jobs:?}");
    jobs.len()
}

fn by_email() -> Limit {
    limit(2).by(&["email"])
}

/// A bucket says how full it is, when there is room for one more, who waits and how many were refused.
pub async fn show_what_is_in_them<Q: Queue + Inspect>(t: Fresh<Q>) {
    let limit = by_email().delaying();
    t.control(1, limited([limit.clone()])).await;
    let empty = BucketView { name: A.into(), level: 0, opens: START, hold: Hold::default(), waiting: 0, refused: 0 };
    assert_eq!(look(&t, A, &limit).await, empty);
    put(&t, ["a", "a", "a", "b"]).await;
    assert_eq!(started(&t).await, 3);
    let full = BucketView { level: 2, opens: at(500), waiting: 1, ..empty.clone() };
    assert_eq!(look(&t, A, &limit).await, full);
    t.clock.set(at(400));
    assert_eq!(look(&t, B, &limit).await, BucketView { name: B.into(), level: 1, opens: at(400), ..empty.clone() });
    t.clock.set(at(500));
    assert_eq!(started(&t).await, 1);
    assert_eq!(look(&t, A, &limit).await, BucketView { level: 2, opens: at(1_000), ..empty });
}

/// A sliding window says the same of itself.
pub async fn show_windows<Q: Queue + Inspect>(t: Fresh<Q>) {
    let limit = limit(2).sliding();
    t.control(1, limited([limit.clone()])).await;
    t.running(job(1)).await;
    t.clock.set(at(300));
    let view = look(&t, "s0{}", &limit).await;
    assert_eq!((view.level, view.opens), (1, at(300)));
    t.running(job(1)).await;
    let view = look(&t, "s0{}", &limit).await;
    assert_eq!((view.level, view.opens), (2, at(1_000)));
}

/// Refusals of today are counted by rule and by bucket; those of yesterday are over.
pub async fn count_refusals_by_day<Q: Queue + Inspect>(t: Fresh<Q>) {
    let limit = by_email().burst(1).needing_fields();
    t.control(1, limited([limit.clone()])).await;
    put(&t, ["a", "a", "a", "b"]).await;
    t.put(job(1)).await;
    t.claim_all().await;
    let refused = async |name: &str| look(&t, name, &limit).await.refused;
    assert_eq!((refused(A).await, refused(B).await, refused(r#"l0["email"]"#).await), (2, 0, 3));
    t.clock.set(Millis((START.0 / 86_400_000 + 1) * 86_400_000));
    assert_eq!((refused(A).await, refused(r#"l0["email"]"#).await), (0, 0));
}

/// The list has those about which there is something to say, of one rule only.
pub async fn list_those_of_a_rule<Q: Queue + Inspect>(t: Fresh<Q>) {
    let limit = by_email().delaying();
    t.control(1, limited([limit.clone(), limit_by_k()])).await;
    put(&t, ["a", "a", "a", "b"]).await;
    t.put(job(1).key(serde_json::json!({"k": 1}))).await;
    assert_eq!(started(&t).await, 4);
    adjust(&t, r#"l0{"email":"paused"}"#, Adjustment::Pause).await;
    let list = async || {
        let mut found = t.queue.buckets(integration(1), "l0".into(), limit.rule, 100).await.expect("buckets answers");
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found.into_iter().map(|it| (it.name, it.level, it.waiting, it.hold.paused)).collect::<Vec<_>>()
    };
    let paused = (r#"l0{"email":"paused"}"#.to_owned(), 0, 0, true);
    // The other rule's keys have a name of their own, though the rule's is the same.
    let other = (r#"l0{"k":1}"#.to_owned(), 1, 0, false);
    let all = [(A.to_owned(), 2, 1, false), (B.to_owned(), 1, 0, false), paused.clone(), other];
    assert_eq!(list().await, all);
    t.clock.set(at(5_000));
    assert_eq!(started(&t).await, 1);
    t.clock.set(at(60_000));
    assert_eq!(list().await, [paused], "what is empty is not there");
}

fn limit_by_k() -> Limit {
    limit(2).by(&["k"]).delaying()
}

/// A paused key holds its jobs and nobody else's, whatever its rule does when it is full.
pub async fn pause_and_resume<Q: Queue + Inspect>(t: Fresh<Q>) {
    for limit in [by_email(), by_email().delaying()] {
        t.control(1, limited([limit.clone()])).await;
        adjust(&t, A, Adjustment::Pause).await;
        put(&t, ["a", "b", "a"]).await;
        assert_eq!(started(&t).await, 1, "that of b");
        let view = look(&t, A, &limit).await;
        assert_eq!((view.hold.paused, view.opens, view.waiting, view.refused), (true, NEVER, 2, 0));
        assert_eq!(t.claim_all().await.next_due, None, "nobody knows when it is resumed");
        adjust(&t, A, Adjustment::Resume).await;
        assert_eq!(started(&t).await, 2);
        t.queue.purge(integration(1)).await.expect("purge answers");
    }
}

/// A paused key holds retries too.
pub async fn a_pause_holds_retries<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([by_email()])).await;
    let leased = t.running(of("a")).await;
    adjust(&t, A, Adjustment::Pause).await;
    t.settle(leased.lease, retry(10)).await;
    t.clock.set(at(10));
    assert_eq!(started(&t).await, 0);
    adjust(&t, A, Adjustment::Resume).await;
    let again = t.claim_one().await;
    assert_eq!((again.job.id, again.attempt), (leased.job.id, 2));
    assert_eq!(look(&t, A, &by_email()).await.level, 1, "and is not charged again");
}

/// Until a hold ends its bucket counts as full, for retries as well; a longer one stays.
pub async fn hold_until<Q: Queue + Inspect>(t: Fresh<Q>) {
    let limit = by_email().delaying();
    t.control(1, limited([limit.clone()])).await;
    let leased = t.running(of("a")).await;
    adjust(&t, A, Adjustment::Hold { until: at(4_000) }).await;
    adjust(&t, A, Adjustment::Hold { until: at(2_000) }).await;
    t.settle(leased.lease, retry(10)).await;
    t.clock.set(at(10));
    put(&t, ["a", "b"]).await;
    let claimed = t.claim_all().await;
    assert_eq!((claimed.jobs.len(), claimed.next_due), (1, Some(at(4_000))));
    let view = look(&t, A, &limit).await;
    assert_eq!((view.hold.until, view.opens, view.waiting), (at(4_000), at(4_000), 2));
    t.clock.set(at(3_999));
    assert_eq!(started(&t).await, 0);
    t.clock.set(at(4_000));
    assert_eq!(started(&t).await, 2);
}

/// With a rule that refuses, a hold refuses, and says until when.
pub async fn a_hold_refuses<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([by_email()])).await;
    adjust(&t, A, Adjustment::Hold { until: at(700) }).await;
    put(&t, ["a"]).await;
    assert_eq!(grants(&t.claim_all().await.jobs), [refused(0, 700)]);
}

/// A reset empties a bucket, lets its line go, and leaves a pause alone.
pub async fn reset<Q: Queue + Inspect>(t: Fresh<Q>) {
    let limit = by_email().delaying();
    t.control(1, limited([limit.clone()])).await;
    put(&t, ["a", "a", "a", "a", "a"]).await;
    assert_eq!(started(&t).await, 2);
    adjust(&t, A, Adjustment::Hold { until: at(9_000) }).await;
    adjust(&t, A, Adjustment::Reset).await;
    assert_eq!(started(&t).await, 2);
    adjust(&t, A, Adjustment::Pause).await;
    adjust(&t, A, Adjustment::Reset).await;
    assert_eq!(started(&t).await, 0);
    let view = look(&t, A, &limit).await;
    assert_eq!((view.level, view.hold, view.waiting), (0, Hold { paused: true, until: Millis(0) }, 1));
}

/// Those who wait for work hear of it.
pub async fn a_resume_wakes<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([by_email().delaying()])).await;
    adjust(&t, A, Adjustment::Pause).await;
    put(&t, ["a"]).await;
    t.claim_all().await;
    let resumed = async {
        tokio::task::yield_now().await;
        adjust(&t, A, Adjustment::Resume).await;
    };
    let waited = tokio::time::timeout(AT_ONCE, async { tokio::join!(t.queue.wait(None), resumed) }).await;
    assert!(waited.is_ok(), "nobody was told");
    assert_eq!(started(&t).await, 1);
}

/// A purge forgets what was shut.
pub async fn a_purge_forgets<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([by_email()])).await;
    put(&t, ["a", "a", "a"]).await;
    t.claim_all().await;
    adjust(&t, A, Adjustment::Pause).await;
    t.queue.purge(integration(1)).await.expect("purge answers");
    let view = look(&t, A, &by_email()).await;
    assert_eq!((view.level, view.hold, view.refused), (0, Hold::default(), 0));
}

/// Jobs take as many units as they weigh, of all limits at once; more than a capacity counts as all of it.
pub async fn weigh<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (leaky, sliding) = (limit(10).delaying(), limit(8).sliding().delaying());
    t.control(1, limited([leaky.clone(), sliding.clone()])).await;
    let heavy = |weight| {
        let mut new = job(1);
        new.job.weight = weight;
        new
    };
    let jobs = [heavy(3), heavy(4), heavy(2), job(1), heavy(99)];
    let wanted = jobs.each_ref().map(|new| new.job.id);
    t.queue.enqueue(jobs.to_vec()).await.expect("enqueue answers");
    assert_eq!(ids(&t.claim_all().await.jobs), wanted[..2], "nobody overtakes the one that needs two");
    let levels = async || (look(&t, "l0{}", &leaky).await.level, look(&t, "s0{}", &sliding).await.level);
    assert_eq!(levels().await, (7, 7));
    t.clock.set(at(1_000));
    assert_eq!(ids(&t.claim_all().await.jobs), wanted[2..4]);
    assert_eq!(levels().await, (3, 3));
    t.clock.set(at(1_999));
    assert_eq!(started(&t).await, 0);
    t.clock.set(at(2_000));
    assert_eq!(ids(&t.claim_all().await.jobs), wanted[4..]);
    assert_eq!(levels().await, (10, 8));
}

/// A job that is found, moved and returned keeps its weight.
pub async fn keep_weights<Q: Queue + Inspect>(t: Fresh<Q>) {
    let mut new = job(1).key(serde_json::json!({"k": 1})).lane("x").closes(50_000);
    new.job.weight = 70_000;
    let id = t.put(new.clone()).await;
    assert_eq!(t.view(id).await.expect("it is there").job, new.job);
    let leased = t.claim_one().await;
    assert_eq!(leased.job, new.job);
    t.settle(leased.lease, give_back(5)).await;
    assert_eq!(t.view(id).await.expect("it is there").job.weight, 70_000);
    let line = limited([limit(1).delaying()]);
    t.control(1, line).await;
    t.queue.enqueue((0..3).map(|_| job(1).priority(9)).collect()).await.expect("enqueue answers");
    t.clock.set(at(5));
    t.claim(MAX_BATCH).await;
    let view = t.view(id).await.expect("it is there");
    assert_eq!((view.job.weight, view.job.key), (70_000, new.job.key));
}

/// A pending job knows its place: who is before it in its lane, in its line, and what the buckets hold.
pub async fn tell_where_a_job_stands<Q: Queue + Inspect>(t: Fresh<Q>) {
    let limit = limit(1).delaying();
    t.control(1, Control { concurrency: Some(9), ..limited([limit.clone()]) }).await;
    let mut heavy = job(1);
    heavy.job.weight = 3;
    let jobs = [job(1), heavy, job(1), job(1).due(77).priority(9)];
    let [first, _, last, later] = jobs.each_ref().map(|new| new.job.id);
    t.queue.enqueue(jobs.to_vec()).await.expect("enqueue answers");
    let standing = async |id| t.queue.standing(id, vec!["l0{}".into()]).await.expect("standing answers");
    let before = standing(last).await.expect("it is pending");
    assert_eq!((before.line, before.ahead_in_lane, before.running), (None, 2, 0));
    assert_eq!(before.buckets, [(None, Hold::default())]);
    let leased = t.claim_one().await;
    assert_eq!((leased.job.id, standing(first).await), (first, None));
    let after = standing(last).await.expect("it is pending");
    let line = after.line.expect("it is in line");
    assert_eq!((&*line.bucket, &*line.ahead, after.running), ("l0{}", &[3][..], 1));
    assert_eq!(after.buckets.len(), 1);
    assert!(after.buckets[0].0.is_some() && after.now == START);
    assert_eq!(standing(later).await.expect("it is pending").line, None);
    t.settle(leased.lease, Next::Remove).await;
}
