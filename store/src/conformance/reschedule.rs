//! reschedule: give pending jobs another due time.

use schedules::WindowSpec;
use serde_json::json;

use super::*;
use crate::queue::{Inspect, Job, MAX_BATCH, Move, Queue};
use crate::{Error, JobId};

fn to(job: JobId, ms: i64) -> Move {
    Move { job, due: at(ms), closes: None, window: None }
}

/// The job is due at the new time; all else stays as it is.
pub async fn moves_the_due_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    let mut new = job(1).key(json!({"k": 1})).payload("[1]").priority(2);
    new.job.window = Some(WindowSpec { day: Some("monday".into()), ..WindowSpec::default() });
    let wanted = Job { due: at(700), ..new.job.clone() };
    let id = t.put(new).await;
    assert_eq!(t.queue.reschedule(vec![to(id, 700)]).await.expect("reschedule answers"), [true]);
    assert_eq!(t.view(id).await.expect("it is there").job, wanted);
    assert_eq!(t.claim(10).await.next_due, Some(at(700)));
    t.clock.set(at(700));
    t.claim_one().await;
}

/// It may become earlier.
pub async fn moves_to_an_earlier_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(job(1).due(9_000)).await;
    assert_eq!(t.claim(10).await.next_due, Some(at(9_000)));
    t.queue.reschedule(vec![to(id, -1)]).await.expect("reschedule answers");
    assert_eq!(t.claim_one().await.job.id, id);
}

/// A window that the call names takes the place of the old one.
pub async fn changes_the_window<Q: Queue + Inspect>(t: Fresh<Q>) {
    let new = job(1).key(json!({"z": 1.0, "a": 2}));
    let window = WindowSpec { time: Some("09:00-17:00".into()), ..WindowSpec::default() };
    let wanted = Job { due: at(5), window: Some(window.clone()), ..new.job.clone() };
    let id = t.put(new).await;
    let moved = Move { job: id, due: at(5), closes: None, window: Some(window) };
    assert_eq!(t.queue.reschedule(vec![moved]).await.expect("reschedule answers"), [true]);
    assert_eq!(t.view(id).await.expect("it is there").job, wanted);
}

/// What is not pending is left alone: running, dead, unknown.
pub async fn leaves_the_rest<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1)).await;
    let running = t.running(job(1)).await.job.id;
    let unknown = job(1).job.id;
    let before = (t.view(dead).await, t.view(running).await);
    let moves = [dead, running, unknown].map(|id| to(id, 9)).to_vec();
    assert_eq!(t.queue.reschedule(moves).await.expect("reschedule answers"), [false; 3]);
    assert_eq!((t.view(dead).await, t.view(running).await), before);
}

/// There is one answer per move, in order.
pub async fn answers_in_order<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (one, two) = (t.put(job(1)).await, t.put(job(2)).await);
    let moves = vec![to(one, 3), to(job(1).job.id, 3), to(two, 4)];
    assert_eq!(t.queue.reschedule(moves).await.expect("reschedule answers"), [true, false, true]);
}

/// A job in retry back-off is pending.
pub async fn moves_retries<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    t.settle(leased.lease, retry(9_000)).await;
    assert_eq!(t.queue.reschedule(vec![to(leased.job.id, 0)]).await.expect("reschedule answers"), [true]);
    assert_eq!(t.claim_one().await.attempt, 2);
}

/// One call carries at most `MAX_BATCH` moves.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(job(1)).await;
    let answer = t.queue.reschedule(vec![to(id, 5); MAX_BATCH + 1]).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
    assert_eq!(t.view(id).await.expect("it is there").job.due, START);
}
