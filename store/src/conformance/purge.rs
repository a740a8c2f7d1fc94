//! purge: forget everything of an integration.

use super::*;
use crate::queue::{Control, Enqueued, Firing, Inspect, Next, Queue, Settled, State};

/// Jobs in every state, cursor, control and idempotency keys are gone; held leases are stale.
pub async fn forgets_everything<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(job(1)).await;
    let running = t.running(job(1)).await;
    let pending = t.put(job(1).idempotent("i", 1, 1_000)).await;
    let firing = Firing::new(integration(1), None, at(9));
    t.queue.fire(firing).await.expect("fire answers");
    t.control(1, Control { paused: true, ..at_once(4) }).await;
    t.queue.purge(integration(1)).await.expect("purge answers");
    for id in [dead, running.job.id, pending] {
        assert_eq!(t.state(id).await, None);
    }
    assert_eq!(t.settle(running.lease, Next::Remove).await, Settled::Stale);
    assert_eq!(cursor_of(&t.queue, integration(1)).await, None);
    assert_eq!(t.queue.control_of(integration(1)).await.expect("control_of answers"), Control::default());
    assert_eq!(t.queue.counts().await.expect("counts answers"), []);
    assert_eq!(t.put_any(job(1).idempotent("i", 1, 1_000)).await, Enqueued::Created);
    assert_eq!(t.claim(10).await.jobs.len(), 1);
}

/// Other integrations keep theirs.
pub async fn leaves_the_others<Q: Queue + Inspect>(t: Fresh<Q>) {
    let other = t.put(job(2).idempotent("i", 1, 1_000)).await;
    t.put(job(1)).await;
    t.queue.purge(integration(1)).await.expect("purge answers");
    assert_eq!(t.state(other).await, Some(State::Pending));
    assert!(matches!(t.put_any(job(2).idempotent("i", 1, 1_000)).await, Enqueued::Repeated { .. }));
}

/// An integration without anything is no error.
pub async fn forgets_nothing<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.queue.purge(integration(1)).await.expect("purge answers");
}
