//! claim after the end of an opening: the job is handed out to be given another due time.

use super::*;
use crate::queue::Grant::{Closed, Start};
use crate::queue::{Edit, Inspect, Move, Next, Queue, State};

/// Before the end it may start.
pub async fn starts_before_the_end<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).closes(10)).await;
    t.clock.set(at(9));
    assert_eq!(grants(&t.claim(10).await.jobs), [Start]);
}

/// From the end on it is leased, but neither counted as an attempt nor charged.
pub async fn is_closed_from_the_end_on<Q: Queue + Inspect>(t: Fresh<Q>) {
    let new = job(1).closes(10);
    let wanted = new.job.clone();
    t.put(new).await;
    t.clock.set(at(10));
    let leased = t.claim_one().await;
    assert_eq!((leased.job, leased.grant, leased.attempt, leased.lost), (wanted, Closed, 0, 0));
    let view = t.view(leased.lease.job).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.charged), (State::Running, 0, false));
    assert_eq!(t.claim(10).await.jobs, []);
}

/// It gets another due time and another end, and starts then as its first attempt.
pub async fn gets_another_opening<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).closes(0)).await;
    let leased = t.claim_one().await;
    t.settle(leased.lease, Next::Return { due: at(100), closes: Some(at(200)) }).await;
    let view = t.view(leased.job.id).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.job.due), (State::Pending, 0, at(100)));
    assert_eq!(view.job.closes, Some(at(200)));
    t.clock.set(at(100));
    let leased = t.claim_one().await;
    assert_eq!((leased.grant, leased.attempt), (Start, 1));
}

/// Among others each gets what it is due.
pub async fn is_told_apart<Q: Queue + Inspect>(t: Fresh<Q>) {
    for closes in [50, 40, 51] {
        t.put(job(1).closes(closes)).await;
    }
    t.put(job(1)).await;
    t.clock.set(at(50));
    let jobs = t.claim(10).await.jobs;
    assert_eq!(grants(&jobs), [Closed, Closed, Start, Start]);
    assert_eq!(jobs.iter().map(|it| it.attempt).collect::<Vec<_>>(), [0, 0, 1, 1]);
}

/// A retry has the opening that was named with it.
pub async fn retries_have_an_opening<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1).closes(10)).await;
    let error = || "{}".into();
    t.settle(leased.lease, Next::Retry { due: at(20), closes: Some(at(30)), error: error() }).await;
    t.clock.set(at(30));
    let leased = t.claim_one().await;
    assert_eq!((leased.grant, leased.attempt), (Closed, 1));
    t.settle(leased.lease, give_back(40)).await;
    let view = t.view(leased.job.id).await.expect("it is there");
    assert_eq!((view.attempt, view.job.closes, view.charged), (1, None, true), "what was counted stays");
    t.clock.set(at(40));
    assert_eq!(t.claim_one().await.attempt, 2);
}

/// A moved job has the opening that was named with the move.
pub async fn moved_jobs_have_an_opening<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(job(1).closes(10)).await;
    for closes in [Some(at(90)), None, Some(at(80))] {
        let moved = Move { job: id, due: at(70), closes, window: None };
        assert_eq!(t.queue.reschedule(vec![moved]).await.expect("reschedule answers"), [true]);
        assert_eq!(t.view(id).await.expect("it is there").job.closes, closes);
    }
    t.clock.set(at(80));
    assert_eq!(t.claim_one().await.grant, Closed);
}

/// A replayed job has none.
pub async fn replayed_jobs_have_none<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.dead(job(1).closes(10)).await;
    t.clock.set(at(20));
    t.queue.replay(id, at(20), Edit::default()).await.expect("replay answers");
    assert_eq!(t.view(id).await.expect("it is there").job.closes, None);
    assert_eq!(t.claim_one().await.grant, Start);
}

/// Its limits are not asked, and have as much room as before.
pub async fn asks_no_limits<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1), limit(1).by(&["n"]).needing_fields()])).await;
    t.put(job(1).closes(0)).await;
    assert_eq!(t.claim_one().await.grant, Closed);
    t.control(1, limited([limit(1)])).await;
    t.queue.enqueue(vec![job(1), job(1).closes(0), job(1)]).await.expect("enqueue answers");
    assert_eq!(grants(&t.claim_all().await.jobs), [Start, Closed, refused(0, 1_000)]);
}

/// A lost lease leaves it uncounted.
pub async fn is_rescued_uncounted<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).closes(0)).await;
    let leased = t.claim_one().await;
    t.clock.advance(i64::from(LEASE_MS));
    let rescued = t.queue.rescue(10, LEASE_MS).await.expect("rescue answers").remove(0);
    assert_eq!((rescued.job.id, rescued.attempt, rescued.lost), (leased.job.id, 0, 1));
    t.settle(rescued.lease, give_back(0)).await;
    assert_eq!(t.view(leased.job.id).await.expect("it is there").attempt, 0);
}

/// A held integration's jobs are not handed out for it.
pub async fn waits_while_held<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, paused()).await;
    t.put(job(1).closes(0)).await;
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], None));
    t.control(1, at_once(1)).await;
    t.put(job(1).closes(0)).await;
    assert_eq!(grants(&t.claim(10).await.jobs), [Closed]);
    assert_eq!(t.claim(10).await.jobs, []);
}
