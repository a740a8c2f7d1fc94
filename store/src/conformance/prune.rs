//! prune: forget dead jobs and idempotency keys that are over their age or number.

use super::*;
use crate::queue::{Enqueued, Inspect, Pruned, Pruning, Queue, State};

fn all(dead_before: i64, dead_keep: u64) -> Pruning {
    Pruning { dead_before: at(dead_before), dead_keep, limit: 10_000 }
}

async fn prune<Q: Queue + Inspect>(t: &Fresh<Q>, pruning: Pruning) -> (u64, u64) {
    let Pruned { dead, idempotency } = t.queue.prune(pruning).await.expect("prune answers");
    (dead, idempotency)
}

/// Dead jobs that died before the time are forgotten; one that died then is kept.
pub async fn forgets_old_dead<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.dead(job(1)).await;
    t.clock.set(at(100));
    let young = t.dead(job(1)).await;
    assert_eq!(prune(&t, all(100, 1_000)).await, (1, 0));
    assert_eq!((t.state(old).await, t.state(young).await), (None, Some(State::Dead)));
}

/// Of each integration's dead jobs the newest are kept.
pub async fn keeps_the_newest<Q: Queue + Inspect>(t: Fresh<Q>) {
    let mut dead = Vec::new();
    for n in 0..5 {
        t.clock.set(at(n));
        dead.push(t.dead(job(1)).await);
    }
    let other = t.dead(job(2)).await;
    assert_eq!(prune(&t, all(-1, 2)).await, (3, 0));
    for (n, id) in dead.into_iter().enumerate() {
        assert_eq!(t.state(id).await, (n >= 3).then_some(State::Dead));
    }
    assert_eq!(t.state(other).await, Some(State::Dead));
}

/// Idempotency keys are forgotten after their time.
pub async fn forgets_idempotency_keys<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).idempotent("a", 1, 10)).await;
    t.put(job(1).idempotent("b", 1, 20)).await;
    t.clock.set(at(11));
    assert_eq!(prune(&t, all(-1, 1_000)).await, (0, 1));
    assert_eq!(prune(&t, all(-1, 1_000)).await, (0, 0));
    assert!(matches!(t.put_any(job(1).idempotent("b", 1, 20)).await, Enqueued::Repeated { .. }));
}

/// What is pending or running is not touched, however old.
pub async fn leaves_the_rest<Q: Queue + Inspect>(t: Fresh<Q>) {
    let running = t.running(job(1)).await.job.id;
    let pending = t.put(job(1).due(-1_000)).await;
    assert_eq!(prune(&t, all(1_000_000, 0)).await, (0, 0));
    assert_eq!((t.state(running).await, t.state(pending).await), (Some(State::Running), Some(State::Pending)));
}

/// One call forgets at most `limit` rows of all kinds.
pub async fn stops_at_the_limit<Q: Queue + Inspect>(t: Fresh<Q>) {
    for _ in 0..3 {
        t.dead(job(1)).await;
    }
    t.put(job(2).idempotent("a", 1, 0)).await;
    t.clock.set(at(10));
    let few = Pruning { dead_before: at(5), dead_keep: 0, limit: 2 };
    assert_eq!(prune(&t, few).await, (2, 0));
    assert_eq!(prune(&t, few).await, (1, 1));
    assert_eq!(prune(&t, few).await, (0, 0));
}
