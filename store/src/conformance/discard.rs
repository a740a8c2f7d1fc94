//! discard: forget dead jobs.

use super::*;
use crate::Error;
use crate::queue::{Inspect, MAX_BATCH, Queue, State};

/// Dead jobs are forgotten and counted, each once.
pub async fn forgets<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (one, two, three) = (t.dead(job(1)).await, t.dead(job(1)).await, t.dead(job(2)).await);
    assert_eq!(t.queue.discard(vec![one, three, one]).await.expect("discard answers"), 2);
    assert_eq!((t.state(one).await, t.state(two).await, t.state(three).await), (None, Some(State::Dead), None));
}

/// What is not dead is left alone.
pub async fn leaves_the_rest<Q: Queue + Inspect>(t: Fresh<Q>) {
    let running = t.running(job(1)).await.job.id;
    let pending = t.put(job(1)).await;
    let asked = vec![running, pending, job(1).job.id];
    assert_eq!(t.queue.discard(asked).await.expect("discard answers"), 0);
    assert_eq!((t.state(running).await, t.state(pending).await), (Some(State::Running), Some(State::Pending)));
}

/// One call carries at most `MAX_BATCH` ids.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1)).await;
    let answer = t.queue.discard(vec![dead; MAX_BATCH + 1]).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
    assert_eq!(t.state(dead).await, Some(State::Dead));
}
