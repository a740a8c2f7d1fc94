//! replay: make a dead job pending again.

use serde_json::json;

use super::*;
use crate::queue::{Cause, Edit, Enqueued, IfExists, Inspect, Job, Queue, Settled, State};

/// The job is pending as it was put in, due at the new time, with nothing counted; its cause says why it runs again.
pub async fn starts_over<Q: Queue + Inspect>(t: Fresh<Q>) {
    let new = job(1).key(json!({"k": 1})).payload("[1]");
    let wanted = Job { due: at(50), cause: Cause::Replay, ..new.job.clone() };
    t.running(new).await;
    t.clock.set(at(i64::from(LEASE_MS)));
    let rescued = t.queue.rescue(10, LEASE_MS).await.expect("rescue answers").remove(0);
    assert_eq!(t.settle(rescued.lease, bury()).await, Settled::Applied);
    assert!(t.queue.replay(rescued.job.id, at(50), Edit::default()).await.expect("replay answers"));
    let view = t.view(rescued.job.id).await.expect("it is there");
    assert_eq!((view.job, view.state, view.attempt, view.lost), (wanted, State::Pending, 0, 0));
    assert_eq!((view.error, view.died, view.lease_until), (None, None, None));
    assert_eq!(t.claim_one().await.attempt, 1);
}

/// It waits for its due time.
pub async fn waits_for_the_due_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.dead(job(1)).await;
    t.queue.replay(id, at(50), Edit::default()).await.expect("replay answers");
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], Some(at(50))));
}

/// What is not dead is left alone: pending, running, unknown, replayed already.
pub async fn leaves_the_rest<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1)).await;
    assert!(t.queue.replay(dead, at(9_000), Edit::default()).await.expect("replay answers"));
    let running = t.running(job(1)).await.job.id;
    for id in [dead, running, job(1).job.id] {
        assert!(!t.queue.replay(id, at(1), Edit::default()).await.expect("replay answers"));
    }
    assert_eq!(t.view(dead).await.expect("it is there").job.due, at(9_000));
    assert_eq!(t.state(running).await, Some(State::Running));
}

/// It takes its key back if that is free.
pub async fn takes_its_key_back<Q: Queue + Inspect>(t: Fresh<Q>) {
    let existing = t.dead(job(1).key(json!({"k": 1}))).await;
    t.queue.replay(existing, START, Edit::default()).await.expect("replay answers");
    let again = t.put_any(job(1).key(json!({"k": 1})).if_exists(IfExists::Reject)).await;
    assert_eq!(again, Enqueued::Rejected { existing });
}

/// Otherwise it goes on without it.
pub async fn leaves_its_key_to_a_newer_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1).key(json!({"k": 1}))).await;
    let existing = t.put(job(1).key(json!({"k": 1})).due(9_000)).await;
    assert!(t.queue.replay(dead, START, Edit::default()).await.expect("replay answers"));
    let again = t.put_any(job(1).key(json!({"k": 1})).if_exists(IfExists::Reject)).await;
    assert_eq!(again, Enqueued::Rejected { existing });
    assert_eq!(t.claim_one().await.job.id, dead);
}

/// With another payload and release, if asked for; the rest stays, also for the next time it dies.
pub async fn changes_payload_and_release<Q: Queue + Inspect>(t: Fresh<Q>) {
    let mut new = job(1).key(json!({"k": 1})).payload("[1]");
    new.job.release = Some(1);
    let wanted = Job { cause: Cause::Replay, due: at(50), payload: "[2]".into(), release: None, ..new.job.clone() };
    let id = t.dead(new).await;
    let edit = Edit { payload: Some("[2]".into()), release: Some(None) };
    assert!(t.queue.replay(id, at(50), edit).await.expect("replay answers"));
    assert_eq!(t.view(id).await.expect("it is there").job, wanted);
    t.clock.set(at(50));
    assert_eq!(t.settle(t.claim_one().await.lease, bury()).await, Settled::Applied);
    assert!(t.queue.replay(id, at(50), Edit::default()).await.expect("replay answers"));
    assert_eq!(t.view(id).await.expect("it is there").job, wanted);
}

/// What is not dead keeps its payload.
pub async fn changes_nothing_of_the_rest<Q: Queue + Inspect>(t: Fresh<Q>) {
    let pending = t.put(job(1).payload("[1]").due(9_000)).await;
    let edit = Edit { payload: Some("[2]".into()), release: None };
    assert!(!t.queue.replay(pending, START, edit).await.expect("replay answers"));
    assert_eq!(&*t.view(pending).await.expect("it is there").job.payload, "[1]");
}
