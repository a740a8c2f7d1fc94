//! check: a queue that was used as it should be contradicts nothing.

use serde_json::json;

use super::*;
use crate::queue::{Cause, Control, Firing, IfBusy, Inspect, Move, Next, Pruning, Queue, Selector};

/// Nothing is found in an empty queue.
pub async fn finds_nothing_in_an_empty_queue<Q: Queue + Inspect>(t: Fresh<Q>) {
    assert_eq!(t.queue.check().await.expect("check answers"), []);
}

/// Nothing is found while jobs are in every state, in lanes, in line, held, moved, taken out and pruned.
pub async fn finds_nothing_in_a_busy_queue<Q: Queue + Inspect>(t: Fresh<Q>) {
    let limits = limited([limit(2).by(&["email"]).delaying(), limit(5).sliding().delaying(), limit(9)]);
    t.control(1, Control { concurrency: Some(9), lane_concurrency: Some(2), ..limits.clone() }).await;
    t.control(2, paused()).await;
    for round in 0..8 {
        let jobs = (0..40_u8).map(|n| {
            let new = job(u16::from(n % 3) + 1).key(json!({"email": n % 4, "n": n % 7})).due(i64::from(n) * 10);
            if n % 5 == 0 { new } else { new.lane(&(n % 4).to_string()).priority(n % 10) }
        });
        t.queue.enqueue(jobs.collect()).await.expect("enqueue answers");
        t.clock.advance(200);
        let nexts = [Next::Remove, retry(900), give_back(700), bury()];
        for (leased, next) in t.claim(20).await.jobs.into_iter().zip(nexts.into_iter().cycle()).skip(round) {
            t.settle(leased.lease, next).await;
        }
        let ticks = vec![job(3).cause(Cause::Schedule)];
        let from = cursor_of(&t.queue, integration(3)).await;
        let firing =
            Firing { ticks, if_busy: IfBusy::Revoke, ..Firing::new(integration(3), from, at(round as i64 + 1)) };
        t.queue.fire(firing).await.expect("fire answers");
        t.claim(7).await;
        assert_eq!(t.queue.check().await.expect("check answers"), [], "in round {round}");
    }
    let some = t.queue.find(integration(1), Selector::All, 5).await.expect("find answers");
    let moves = some.iter().map(|view| Move { job: view.job.id, due: at(5_000), closes: None, window: None });
    t.queue.reschedule(moves.collect()).await.expect("reschedule answers");
    t.queue.cancel(integration(1), Selector::Match(key(json!({"email": 1})))).await.expect("cancel answers");
    t.control(1, Control { lane_concurrency: Some(1), ..limited([limit(1)]) }).await;
    t.queue.purge(integration(2)).await.expect("purge answers");
    t.queue.rescue(100, LEASE_MS).await.expect("rescue answers");
    t.queue.prune(Pruning { dead_before: START, dead_keep: 3, limit: 100 }).await.expect("prune answers");
    t.claim_all().await;
    assert_eq!(t.queue.check().await.expect("check answers"), []);
}
