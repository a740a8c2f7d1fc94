//! wait: until a time, or until something changed that may have made work.

use std::pin::pin;
use std::time::Duration;

use schedules::Millis;
use tokio::time::timeout;

use super::*;
use crate::queue::{Cause, Control, Edit, Firing, IfBusy, Inspect, Move, Next, Queue};

/// Long enough for a wait that would end at once to do so.
const A_MOMENT: Duration = Duration::from_millis(5);
/// How often a wait may end for no reason before it must go on: news of earlier changes may come late.
const EARLY_ENDS: usize = 100;

/// A wait that began after a claim must be ended by `change`.
async fn is_woken_by<Q: Queue + Inspect, T>(t: &Fresh<Q>, change: impl Future<Output = T>) {
    is_woken_before(t, None, PATIENCE, change).await;
}

async fn is_woken_before<Q: Queue + Inspect, T>(
    t: &Fresh<Q>,
    until: Option<Millis>,
    patience: Duration,
    change: impl Future<Output = T>,
) {
    for _ in 0..EARLY_ENDS {
        t.claim(1).await;
        let mut waiting = pin!(t.queue.wait(until));
        if timeout(A_MOMENT, &mut waiting).await.is_err() {
            change.await;
            timeout(patience, waiting).await.expect("the change ends the wait");
            return;
        }
    }
    panic!("there is nothing to do yet, and the wait ended {EARLY_ENDS} times");
}

/// Likewise if the change comes between the claim and the wait.
async fn is_not_lost<Q: Queue + Inspect, T>(t: &Fresh<Q>, change: impl Future<Output = T>) {
    t.claim(1).await;
    change.await;
    timeout(PATIENCE, t.queue.wait(None)).await.expect("the change before the wait is seen");
}

/// A new job ends the wait.
pub async fn ends_with_a_new_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    is_woken_by(&t, t.put(job(1))).await;
}

/// A new job between claim and wait is not lost.
pub async fn sees_a_job_that_came_before_it<Q: Queue + Inspect>(t: Fresh<Q>) {
    is_not_lost(&t, t.put(job(1))).await;
}

/// A delayed job ends it too: it may be the next one due.
pub async fn ends_with_a_delayed_job<Q: Queue + Inspect>(t: Fresh<Q>) {
    is_woken_by(&t, t.put(job(1).due(60_000))).await;
    is_woken_by(&t, t.put(job(1).due(50_000))).await;
}

/// A retry ends it.
pub async fn ends_with_a_retry<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    is_woken_by(&t, t.settle(leased.lease, retry(5))).await;
}

/// A returned job ends it.
pub async fn ends_with_a_return<Q: Queue + Inspect>(t: Fresh<Q>) {
    let leased = t.running(job(1)).await;
    is_woken_by(&t, t.settle(leased.lease, give_back(0))).await;
}

/// An earlier due time ends it.
pub async fn ends_with_a_move<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.put(job(1).due(60_000)).await;
    let earlier = vec![Move { job: id, due: START, closes: None, window: None }];
    is_woken_by(&t, t.queue.reschedule(earlier)).await;
}

/// Resuming ends it.
pub async fn ends_with_a_resume<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, paused()).await;
    t.put(job(1)).await;
    is_woken_by(&t, t.control(1, Control::default())).await;
}

/// A place that becomes free ends it, whichever way.
pub async fn ends_with_a_free_place<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once(1)).await;
    for next in [Next::Remove, bury()] {
        let leased = t.running(job(1)).await;
        t.put(job(1)).await;
        is_woken_by(&t, t.settle(leased.lease, next)).await;
        let leased = t.claim_one().await;
        t.settle(leased.lease, Next::Remove).await;
    }
}

/// A revoked tick's place ends it.
pub async fn ends_with_a_revoked_place<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once(1)).await;
    t.running(job(1).cause(Cause::Schedule)).await;
    t.put(job(1)).await;
    let ticks = vec![job(1).cause(Cause::Schedule).due(60_000)];
    let firing = Firing { ticks, if_busy: IfBusy::Revoke, ..Firing::new(integration(1), None, START) };
    is_woken_by(&t, t.queue.fire(firing)).await;
}

/// A replay ends it.
pub async fn ends_with_a_replay<Q: Queue + Inspect>(t: Fresh<Q>) {
    let id = t.dead(job(1)).await;
    is_woken_by(&t, t.queue.replay(id, START, Edit::default())).await;
}

/// A tick ends it.
pub async fn ends_with_a_tick<Q: Queue + Inspect>(t: Fresh<Q>) {
    let ticks = vec![job(1).cause(Cause::Schedule)];
    let firing = Firing { ticks, ..Firing::new(integration(1), None, START) };
    is_woken_by(&t, t.queue.fire(firing)).await;
}

/// What a claim left behind may be taken by whoever waits.
pub async fn ends_when_work_was_left<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.put(job(1)).await;
    t.put(job(1)).await;
    is_not_lost(&t, async {}).await;
}

/// A time that has come ends it at once.
pub async fn ends_at_its_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.claim(1).await;
    for until in [at(-1), START] {
        timeout(AT_ONCE, t.queue.wait(Some(until))).await.expect("it is time");
    }
    timeout(AT_ONCE, t.queue.wait(Some(at(5)))).await.expect("it is soon time");
}

/// A change ends it before its time.
pub async fn ends_before_its_time<Q: Queue + Inspect>(t: Fresh<Q>) {
    is_woken_before(&t, Some(at(3_600_000)), AT_ONCE, t.put(job(1))).await;
}
