//! control: rate limits that change while jobs run and wait.

use super::*;
use crate::queue::Grant::Start;
use crate::queue::{Control, Grant, Inspect, NewJob, Queue};

async fn claim_these<Q: Queue + Inspect>(t: &Fresh<Q>, jobs: Vec<NewJob>) -> Vec<Grant> {
    t.queue.enqueue(jobs).await.expect("enqueue answers");
    grants(&t.claim_all().await.jobs)
}

/// Three that wait in line behind one that started, at one a second.
async fn three_in_line<Q: Queue + Inspect>(t: &Fresh<Q>) {
    t.control(1, limited([limit(1).delaying()])).await;
    assert_eq!(claim_these(t, (0..4).map(|_| job(1)).collect()).await, [Start]);
}

/// They come back as they were set.
pub async fn come_back<Q: Queue + Inspect>(t: Fresh<Q>) {
    let all = limited([
        limit(7).by(&["b", "a"]).per(1_234_567).burst(3).delaying(),
        limit(9).sliding().needing_fields().by(&["ü \"quoted\""]),
        limit(1),
    ]);
    let all = Control { lane_concurrency: Some(0), lane_backlog: Some(7), ..all };
    for control in [all, Control { lane_concurrency: None, lane_backlog: Some(0), ..limited([limit(1)]) }, limited([])]
    {
        t.control(1, control.clone()).await;
        assert_eq!(t.queue.control_of(integration(1)).await.expect("control_of answers"), control);
    }
}

/// Other numbers go on with what was charged.
pub async fn keep_what_was_charged<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).per(60_000)])).await;
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 60_000)]);
    t.control(1, limited([limit(2).per(60_000)])).await;
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [refused(0, 30_000), refused(0, 30_000)]);
    t.clock.set(at(30_000));
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 30_000)]);
}

/// A limit that is taken away refuses nobody; one that is new counts from then on.
pub async fn come_and_go<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1)])).await;
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start, refused(0, 1_000)]);
    t.control(1, limited([])).await;
    assert_eq!(claim_these(&t, vec![job(1), job(1)]).await, [Start; 2]);
    t.control(1, limited([limit(1).by(&["email"])])).await;
    assert_eq!(claim_these(&t, vec![of("a"), of("a")]).await, [Start, refused(0, 1_000)]);
}

/// Another control leaves the limits' counts alone.
pub async fn ignore_a_pause<Q: Queue + Inspect>(t: Fresh<Q>) {
    let control = limited([limit(1)]);
    t.control(1, control.clone()).await;
    assert_eq!(claim_these(&t, vec![job(1)]).await, [Start]);
    t.control(1, Control { paused: true, ..control.clone() }).await;
    t.control(1, control).await;
    assert_eq!(claim_these(&t, vec![job(1)]).await, [refused(0, 1_000)]);
}

/// A higher limit lets the line move up at once; the wait for it ends.
pub async fn raise_a_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    three_in_line(&t).await;
    t.control(1, limited([limit(1).burst(3).delaying()])).await;
    let claimed = t.claim_all().await;
    assert_eq!((grants(&claimed.jobs), claimed.next_due), (vec![Start, Start], Some(at(1_000))));
}

/// A lower one makes it wait longer.
pub async fn lower_a_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    three_in_line(&t).await;
    t.clock.set(at(1_000));
    assert_eq!(grants(&t.claim_all().await.jobs), [Start]);
    t.control(1, limited([limit(1).per(10_000).delaying()])).await;
    assert_eq!(grants(&t.claim_all().await.jobs), []);
    t.clock.set(at(2_000));
    assert_eq!(grants(&t.claim_all().await.jobs), [Start], "the last start was charged by the old rule");
    t.clock.set(at(11_999));
    assert_eq!(grants(&t.claim_all().await.jobs), []);
    t.clock.set(at(12_000));
    assert_eq!(grants(&t.claim_all().await.jobs), [Start]);
}

/// A limit that is taken away sets its line free, however long.
pub async fn free_a_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).delaying()])).await;
    assert_eq!(claim_these(&t, (0..500).map(|_| job(1)).collect()).await, [Start]);
    t.control(1, limited([])).await;
    assert_eq!(grants(&t.claim_all().await.jobs), [Start; 499]);
}

/// One that now refuses, refuses those in line.
pub async fn refuse_a_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    three_in_line(&t).await;
    t.control(1, limited([limit(1)])).await;
    assert_eq!(grants(&t.claim_all().await.jobs), [refused(0, 1_000); 3]);
}

/// One that counts by other fields makes other lines of it.
pub async fn divide_a_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).delaying()])).await;
    let jobs = ["a", "a", "a", "b"].map(of);
    assert_eq!(claim_these(&t, jobs.to_vec()).await, [Start]);
    t.control(1, limited([limit(1).by(&["email"]).delaying()])).await;
    assert_eq!(ids(&t.claim_all().await.jobs), [jobs[1].job.id, jobs[3].job.id]);
    t.clock.set(at(1_000));
    assert_eq!(ids(&t.claim_all().await.jobs), [jobs[2].job.id]);
}

/// An edit ends the wait of whoever may claim now.
pub async fn wake_those_who_wait<Q: Queue + Inspect>(t: Fresh<Q>) {
    three_in_line(&t).await;
    t.control(1, limited([])).await;
    tokio::time::timeout(PATIENCE, t.queue.wait(None)).await.expect("the edit ends the wait");
    assert_eq!(grants(&t.claim_all().await.jobs), [Start; 3]);
}
