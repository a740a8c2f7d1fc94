//! counts and now: how many jobs are where, and the store's clock.

use super::*;
use crate::queue::{Counts, Inspect, Queue};

/// Jobs are counted by integration and by where they are.
pub async fn by_integration<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.dead(job(1)).await;
    t.running(job(1)).await;
    t.put(job(1).due(10)).await;
    t.put(job(1).due(5)).await;
    t.put(job(1).due(11)).await;
    t.put(job(2).due(900)).await;
    t.clock.set(at(10));
    let one = Counts { delayed: 1, ready: 2, in_line: 0, running: 1, dead: 1, oldest_ready: Some(at(5)) };
    let two = Counts { delayed: 1, ..Counts::default() };
    let mut counts = t.queue.counts().await.expect("counts answers");
    counts.sort_by_key(|(id, _)| *id);
    assert_eq!(counts, [(integration(1), one), (integration(2), two)]);
}

/// Integrations without jobs are not counted.
pub async fn of_those_with_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, paused()).await;
    assert_eq!(t.queue.counts().await.expect("counts answers"), []);
    let leased = t.running(job(2)).await;
    assert_eq!(t.queue.counts().await.expect("counts answers").len(), 1);
    t.settle(leased.lease, crate::queue::Next::Remove).await;
    assert_eq!(t.queue.counts().await.expect("counts answers"), []);
}

/// Held jobs count as ready when they are due: they wait.
pub async fn with_paused_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, paused()).await;
    t.put(job(1)).await;
    let counts = t.queue.counts().await.expect("counts answers");
    assert_eq!((counts[0].1.ready, counts[0].1.oldest_ready), (1, Some(START)));
}

/// The engine's time is the clock's.
pub async fn now_is_the_clock<Q: Queue + Inspect>(t: Fresh<Q>) {
    assert_eq!(t.queue.now().await.expect("now answers"), START);
    t.clock.advance(7);
    assert_eq!(t.queue.now().await.expect("now answers"), at(7));
}
