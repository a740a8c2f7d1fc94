//! Limiters: buckets that several integrations share, on one server or on many.
//!
//! A divided queue hands out a limiter's units for a while; so these cases ask for the bound, not for each instant.

use std::collections::BTreeMap;

use schedules::Millis;
use schedules::rate::{Limit, LimiterId};

use super::*;
use crate::queue::{Adjustment, Control, Grant, Inspect, NewJob, Next, Queue, Settlement};

/// How many integrations share in the cases: enough to be in different partitions.
const SHARERS: u16 = 8;

fn shared(limit: Limit) -> Limit {
    Limit { limiter: Some(LimiterId(0x0123_4567_89ab_cdef)), ..limit }
}

fn name(rest: &str) -> String {
    format!("@{:032x}{rest}", 0x0123_4567_89ab_cdef_u128)
}

async fn share<Q: Queue + Inspect>(t: &Fresh<Q>, limit: &Limit) {
    for of in 1..=SHARERS {
        t.control(of, Control { limits: vec![limit.clone()], ..Control::default() }).await;
    }
}

/// When which jobs start: claims whenever there is something to do, until all have started.
async fn run_off<Q: Queue + Inspect>(t: &Fresh<Q>, jobs: usize) -> Vec<(Millis, u16, u32)> {
    let (mut started, mut now) = (Vec::new(), START);
    while started.len() < jobs {
        let claimed = t.claim_all().await;
        for leased in &claimed.jobs {
            assert_eq!(leased.grant, Grant::Start);
            let of = (1..=SHARERS).find(|of| integration(*of) == leased.job.integration).expect("it shares");
            started.push((now, of, leased.job.weight));
        }
        let settlements = claimed.jobs.iter().map(|it| Settlement { lease: it.lease, next: Next::Remove });
        t.queue.settle(settlements.collect()).await.expect("settle answers");
        if started.len() < jobs {
            now = claimed.next_due.expect("there are jobs in line").max(now.after(1));
            t.clock.set(now);
        }
    }
    started
}

fn check_bound(started: &[(Millis, u16, u32)], interval_ms: i64, bound: u32) {
    for (from, ..) in started {
        let within = started.iter().filter(|(at, ..)| *from <= *at && *at < from.after(interval_ms));
        let units: u32 = within.map(|(_, _, weight)| weight).sum();
        assert!(units <= bound, "{units} units from {from:?} on, {bound} may");
    }
}

fn jobs(of_each: usize, weight: impl Fn(usize) -> u32) -> Vec<NewJob> {
    let numbered = (0..of_each * usize::from(SHARERS)).map(|number| {
        let of = u16::try_from(number % usize::from(SHARERS)).expect("it is small") + 1;
        let mut new = job(of);
        new.job.weight = weight(number);
        new
    });
    numbered.collect()
}

/// All integrations together keep the bound, none is left out, and little of the room is wasted.
pub async fn all_together_keep_the_bound<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(5).delaying())).await;
    t.queue.enqueue(jobs(10, |_| 1)).await.expect("enqueue answers");
    let started = run_off(&t, 80).await;
    check_bound(&started, 1_000, 9);
    let last = started.last().expect("they started").0;
    assert!(last <= at(25_000), "75 of 80 at 5 a second, and some for what is not used in time: {last:?}");
    assert_eq!(t.queue.check().await.expect("check answers"), []);
}

/// With weights, and as a sliding window, too.
pub async fn weights_keep_the_bound<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(6).sliding().delaying())).await;
    t.queue.enqueue(jobs(4, |number| 1 + number as u32 % 3)).await.expect("enqueue answers");
    let started = run_off(&t, 32).await;
    check_bound(&started, 1_000, 6);
}

/// One with many jobs does not take all the room from one with few.
pub async fn nobody_takes_all<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(1).delaying())).await;
    let busy = (0..40).map(|_| job(1));
    let modest = (0..3).map(|_| job(2));
    t.queue.enqueue(busy.chain(modest).collect()).await.expect("enqueue answers");
    let started = run_off(&t, 43).await;
    let mut last = BTreeMap::new();
    for (place, (_, of, _)) in started.iter().enumerate() {
        last.insert(*of, place);
    }
    assert!(last[&2] < 20, "the third of the modest one was number {} of 43", last[&2]);
}

/// A rule that refuses counts what others have used.
pub async fn refuse_what_others_used<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(4))).await;
    t.queue.enqueue(jobs(2, |_| 1)).await.expect("enqueue answers");
    let found = grants(&t.claim_all().await.jobs);
    assert_eq!(found.len(), 16);
    assert_eq!(found.iter().filter(|grant| **grant == Grant::Start).count(), 4);
    let refused: u64 = {
        let rule = limit(4).rule;
        t.queue.bucket(integration(1), name("l0[]"), rule).await.expect("bucket answers").refused
    };
    assert_eq!(refused, 12);
}

/// Keys have buckets of their own within a limiter, the same for all.
pub async fn count_by_fields<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(1).by(&["email"]))).await;
    let of = |number: u16, email: &str| job(number).key(serde_json::json!({ "email": email }));
    t.queue.enqueue(vec![of(1, "a"), of(2, "b"), of(3, "a"), of(4, "c")]).await.expect("enqueue answers");
    let starts = grants(&t.claim_all().await.jobs);
    assert_eq!(starts.iter().filter(|grant| **grant == Grant::Start).count(), 3);
    let view = t.queue.bucket(integration(9), name(r#"l0{"email":"a"}"#), limit(1).rule).await.expect("an answer");
    assert_eq!((view.level, view.refused), (1, 1));
}

/// Pause and resume, of whichever integration one asks, mean all of them.
pub async fn a_pause_means_all<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(100))).await;
    t.queue.adjust(integration(3), name("l0{}"), Adjustment::Pause).await.expect("adjust answers");
    t.queue.enqueue(jobs(1, |_| 1)).await.expect("enqueue answers");
    assert_eq!(t.claim_all().await.jobs, []);
    let view = t.queue.bucket(integration(1), name("l0{}"), limit(100).rule).await.expect("bucket answers");
    assert_eq!((view.waiting, view.hold.paused), (u64::from(SHARERS), true));
    let all = t.queue.buckets(integration(1), name("l0"), limit(100).rule, 10).await.expect("buckets answers");
    assert_eq!(all, [view]);
    t.queue.adjust(integration(4), name("l0{}"), Adjustment::Resume).await.expect("adjust answers");
    assert_eq!(t.claim_all().await.jobs.len(), usize::from(SHARERS));
}

/// Numbers are edited live, and what was charged stays.
pub async fn edits_keep_the_level<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(8))).await;
    t.queue.enqueue(jobs(1, |_| 1)).await.expect("enqueue answers");
    assert_eq!(t.claim_all().await.jobs.len(), 8);
    share(&t, &shared(limit(10))).await;
    t.queue.enqueue(jobs(1, |_| 1)).await.expect("enqueue answers");
    let starts = grants(&t.claim_all().await.jobs);
    assert!(starts.iter().filter(|grant| **grant == Grant::Start).count() <= 2, "{starts:?}");
}

/// Those who wait at a limiter belong to their integration: a purge of one leaves the others.
pub async fn a_purge_leaves_the_others<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(1).delaying())).await;
    t.queue.enqueue(jobs(2, |_| 1)).await.expect("enqueue answers");
    assert_eq!(t.claim_all().await.jobs.len(), 1);
    for of in 2..=SHARERS {
        t.queue.purge(integration(of)).await.expect("purge answers");
    }
    assert_eq!(t.queue.check().await.expect("check answers"), []);
    let view = t.queue.bucket(integration(1), name("l0{}"), limit(1).rule).await.expect("bucket answers");
    assert_eq!(view.level, 1, "the limiter's bucket is nobody's own");
}

/// A limiter that is gone leaves nothing.
pub async fn purge_limiter<Q: Queue + Inspect>(t: Fresh<Q>) {
    share(&t, &shared(limit(1))).await;
    t.queue.enqueue(jobs(1, |_| 1)).await.expect("enqueue answers");
    t.claim_all().await;
    t.queue.adjust(integration(1), name("l0{}"), Adjustment::Pause).await.expect("adjust answers");
    t.queue.purge_limiter(LimiterId(0x0123_4567_89ab_cdef)).await.expect("purge_limiter answers");
    let view = t.queue.bucket(integration(1), name("l0{}"), limit(1).rule).await.expect("bucket answers");
    assert_eq!((view.level, view.hold.paused, view.refused), (0, false, 0));
}
