//! enqueue with an idempotency key: a repeated call gets the first answer.

use serde_json::json;

use super::*;
use crate::queue::{Enqueued, IfExists, Inspect, Queue};

/// The same request under the same key gets the first answer; nothing is queued.
pub async fn repeats_the_first_answer<Q: Queue + Inspect>(t: Fresh<Q>) {
    let first = t.put(job(1).due(5).idempotent("i", 1, 1_000)).await;
    let wanted = Enqueued::Repeated { first, due: at(5), replaced: false };
    assert_eq!(t.put_any(job(1).due(9).idempotent("i", 1, 1_000)).await, wanted);
    assert_eq!(t.list(Default::default(), newest(10)).await.total, 1);
}

/// Another request under the same key is a conflict; nothing is queued.
pub async fn sees_another_request<Q: Queue + Inspect>(t: Fresh<Q>) {
    let first = t.put(job(1).idempotent("i", 1, 1_000)).await;
    assert_eq!(t.put_any(job(1).idempotent("i", 2, 1_000)).await, Enqueued::Conflict { first });
    assert_eq!(t.list(Default::default(), newest(10)).await.total, 1);
}

/// The first answer says whether a job was replaced, also when it is repeated.
pub async fn repeats_that_it_replaced<Q: Queue + Inspect>(t: Fresh<Q>) {
    let old = t.put(job(1).key(json!({"k": 1}))).await;
    let new = job(1).key(json!({"k": 1})).due(3).idempotent("i", 1, 1_000);
    let first = new.job.id;
    assert_eq!(t.put_any(new).await, Enqueued::Replaced { old });
    let again = job(1).key(json!({"k": 1})).idempotent("i", 1, 1_000);
    assert_eq!(t.put_any(again).await, Enqueued::Repeated { first, due: at(3), replaced: true });
}

/// A call that kept a pending job is repeated with that job.
pub async fn repeats_the_kept_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let existing = t.put(job(1).key(json!({"k": 1})).due(8)).await;
    let keep = || job(1).key(json!({"k": 1})).if_exists(IfExists::Keep).idempotent("i", 1, 1_000);
    assert_eq!(t.put_any(keep()).await, Enqueued::Kept { existing, due: at(8) });
    assert_eq!(t.put_any(keep()).await, Enqueued::Repeated { first: existing, due: at(8), replaced: false });
}

/// A refused call may be repeated: it did nothing.
pub async fn forgets_a_rejected_call<Q: Queue + Inspect>(t: Fresh<Q>) {
    let existing = t.put(job(1).key(json!({"k": 1}))).await;
    let reject = || job(1).key(json!({"k": 1})).if_exists(IfExists::Reject).idempotent("i", 1, 1_000);
    assert_eq!(t.put_any(reject()).await, Enqueued::Rejected { existing });
    t.claim_one().await;
    assert_eq!(t.put_any(reject()).await, Enqueued::Created);
}

/// The answer outlives its job.
pub async fn outlives_the_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1).idempotent("i", 1, 1_000)).await;
    t.settle(leased.lease, crate::queue::Next::Remove).await;
    let wanted = Enqueued::Repeated { first: leased.job.id, due: START, replaced: false };
    assert_eq!(t.put_any(job(1).idempotent("i", 1, 1_000)).await, wanted);
}

/// After its time the key makes a new job, also when nobody pruned it.
pub async fn is_forgotten_after_its_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    let first = t.put(job(1).idempotent("i", 1, 1_000)).await;
    t.clock.set(at(1_000));
    let wanted = Enqueued::Repeated { first, due: START, replaced: false };
    assert_eq!(t.put_any(job(1).idempotent("i", 1, 1_000)).await, wanted);
    t.clock.set(at(1_001));
    let second = t.put(job(1).idempotent("i", 2, 2_000)).await;
    assert_eq!(t.put_any(job(1).idempotent("i", 1, 2_000)).await, Enqueued::Conflict { first: second });
}

/// A key is unique within its integration only.
pub async fn belongs_to_the_integration<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1).idempotent("i", 1, 1_000)).await;
    t.put(job(2).idempotent("i", 1, 1_000)).await;
}

/// It holds within one call as well.
pub async fn holds_within_a_batch<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (one, two) = (job(1).idempotent("i", 1, 1_000), job(1).idempotent("i", 1, 1_000));
    let first = one.job.id;
    let answers = t.queue.enqueue(vec![one, two]).await.expect("enqueue answers");
    assert_eq!(answers, [Enqueued::Created, Enqueued::Repeated { first, due: START, replaced: false }]);
}
