//! claim with [`Control::lane_fifo`]: a job that is tried again keeps its place before the others of its lane.

use super::rules::limit;
use super::*;
use crate::queue::{Adjustment, Control, Edit, Inspect, Next, Queue, Selector};

/// One at once in each lane, in order.
fn in_order() -> Control {
    Control { lane_concurrency: Some(1), lane_fifo: true, ..Control::default() }
}

/// While a job waits for its retry, those behind it wait for it; other lanes do not.
pub async fn a_retry_holds_up_its_lane<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, in_order()).await;
    let first = t.running(job(1).lane("a")).await;
    let second = t.put(job(1).lane("a")).await;
    t.settle(first.lease, retry(50)).await;
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], Some(at(50))));
    let other = t.put(job(1).lane("b")).await;
    assert_eq!(t.claim_one().await.job.id, other);
    assert_eq!(t.queue.check().await.expect("check answers"), []);
    t.clock.set(at(50));
    let again = t.claim_one().await;
    assert_eq!((again.job.id, again.attempt), (first.job.id, 2));
    assert_eq!(t.claim(10).await.jobs, vec![]);
    t.settle(again.lease, Next::Remove).await;
    assert_eq!(t.claim_one().await.job.id, second);
}

/// Also before what is more urgent, or due earlier.
pub async fn a_retry_comes_before_everything<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, in_order()).await;
    let first = t.running(job(1).lane("a").priority(0)).await;
    t.put(job(1).lane("a").priority(9).due(-500)).await;
    t.settle(first.lease, retry(50)).await;
    t.clock.set(at(60));
    assert_eq!(t.claim_one().await.job.id, first.job.id);
}

/// Through several retries the order stays that of the calls.
pub async fn the_order_stays_through_retries<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, in_order()).await;
    let jobs: Vec<_> = (0..4).map(|_| job(1).lane("a")).collect();
    let wanted: Vec<_> = jobs.iter().map(|new| new.job.id).collect();
    t.queue.enqueue(jobs).await.expect("enqueue answers");
    let mut ended = Vec::new();
    for round in 1..=12 {
        t.clock.set(at(round * 10));
        let leased = t.claim_one().await;
        if leased.attempt < 3 {
            t.settle(leased.lease, retry(round * 10 + 10)).await;
        } else {
            t.settle(leased.lease, Next::Remove).await;
            ended.push(leased.job.id);
        }
    }
    assert_eq!(ended, wanted);
}

/// When it is cancelled, is dead, or is not tried again after all, the next one goes on.
pub async fn the_lane_goes_on_without_it<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, in_order()).await;
    let first = t.running(job(1).lane("a")).await;
    let second = t.put(job(1).lane("a")).await;
    let third = t.put(job(1).lane("a")).await;
    t.settle(first.lease, retry(500)).await;
    let selector = Selector::Job(first.job.id);
    assert_eq!(t.queue.cancel(integration(1), selector).await.expect("cancel answers").jobs.len(), 1);
    let leased = t.claim_one().await;
    assert_eq!(leased.job.id, second);
    t.settle(leased.lease, bury()).await;
    let leased = t.claim_one().await;
    assert_eq!(leased.job.id, third);
    t.settle(leased.lease, retry(900)).await;
    assert!(t.queue.replay(second, START, Edit::default()).await.expect("replay answers"));
    assert_eq!(t.claim(10).await.jobs, vec![], "a replay begins anew, behind the retry");
    assert_eq!(t.queue.check().await.expect("check answers"), []);
}

/// A retry that is moved holds its lane up for so long.
pub async fn a_moved_retry_holds_up_its_lane<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, in_order()).await;
    let first = t.running(job(1).lane("a")).await;
    t.put(job(1).lane("a")).await;
    t.settle(first.lease, retry(50)).await;
    let to = crate::queue::Move { job: first.job.id, due: at(20), closes: None, window: None };
    assert_eq!(t.queue.reschedule(vec![to]).await.expect("reschedule answers"), [true]);
    assert_eq!(t.claim(10).await.next_due, Some(at(20)));
    t.clock.set(at(20));
    assert_eq!(t.claim_one().await.job.id, first.job.id);
}

/// It can be switched on and off while jobs wait; without it, and without a lane, nobody waits for a retry.
pub async fn changes_live<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, in_order()).await;
    let unnamed = t.running(job(1)).await;
    t.settle(unnamed.lease, retry(500)).await;
    t.put(job(1)).await;
    t.claim_one().await;
    let first = t.running(job(1).lane("a")).await;
    let second = t.put(job(1).lane("a")).await;
    t.settle(first.lease, retry(500)).await;
    assert_eq!(t.claim(10).await.jobs, vec![]);
    t.control(1, Control { lane_fifo: false, ..in_order() }).await;
    let leased = t.claim_one().await;
    assert_eq!(leased.job.id, second);
    t.put(job(1).lane("a")).await;
    t.control(1, in_order()).await;
    t.settle(leased.lease, Next::Remove).await;
    assert_eq!(t.claim(10).await.next_due, Some(at(500)));
}

/// A retry waits at a bucket that is shut, as it does where nothing keeps an order.
pub async fn a_retry_waits_at_a_shut_bucket<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, Control { limits: vec![limit(9)], ..in_order() }).await;
    let first = t.running(job(1).lane("a")).await;
    t.settle(first.lease, retry(50)).await;
    let pause = |adjustment| t.queue.adjust(integration(1), "l0{}".into(), adjustment);
    pause(Adjustment::Pause).await.expect("adjust answers");
    t.clock.set(at(50));
    assert_eq!(t.claim_all().await.jobs, vec![]);
    assert_eq!(t.queue.check().await.expect("check answers"), []);
    pause(Adjustment::Resume).await.expect("adjust answers");
    let again = t.claim_one().await;
    assert_eq!((again.job.id, again.attempt), (first.job.id, 2));
    assert_eq!(t.queue.check().await.expect("check answers"), []);
}
