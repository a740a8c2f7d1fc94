//! claim with lanes: they take turns within their integration, and run so many jobs at once.

use std::collections::BTreeMap;

use super::*;
use crate::queue::{Control, Inspect, Leased, NewJob, Next, Queue};

/// So many at once in each lane.
fn at_once_in_lanes(limit: u32) -> Control {
    Control { lane_concurrency: Some(limit), ..Control::default() }
}

async fn fill<Q: Queue + Inspect>(t: &Fresh<Q>, new: impl Fn() -> NewJob, count: usize) {
    t.queue.enqueue((0..count).map(|_| new()).collect()).await.expect("enqueue answers");
}

/// How many jobs of each lane there are.
fn by_lane(leased: &[Leased]) -> BTreeMap<Option<&str>, usize> {
    let mut counts = BTreeMap::new();
    for it in leased {
        *counts.entry(it.job.lane.as_deref()).or_default() += 1;
    }
    counts
}

const A: Option<&str> = Some(r#"{"lane":"a"}"#);
const B: Option<&str> = Some(r#"{"lane":"b"}"#);

/// A few jobs behind many of another lane are all claimed within the first two turns.
pub async fn a_busy_lane_does_not_starve_another<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, || job(1).lane("a"), 500).await;
    fill(&t, || job(1).lane("b"), 6).await;
    let mut jobs = t.claim(16).await.jobs;
    assert!(by_lane(&jobs).contains_key(&B), "B has its turn in the first claim");
    jobs.extend(t.claim(16).await.jobs);
    assert_eq!(by_lane(&jobs), BTreeMap::from([(A, 26), (B, 6)]));
}

/// Jobs without a lane are a lane of their own.
pub async fn jobs_without_a_lane_take_turns_too<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, || job(1), 100).await;
    fill(&t, || job(1).lane("a"), 3).await;
    fill(&t, || job(2).lane("b"), 100).await;
    fill(&t, || job(2), 3).await;
    let mut jobs = t.claim(16).await.jobs;
    jobs.extend(t.claim(16).await.jobs);
    let (ours, theirs): (Vec<_>, _) = jobs.into_iter().partition(|it| it.job.integration == integration(1));
    assert_eq!(by_lane(&ours).get(&A), Some(&3));
    assert_eq!(by_lane(&theirs).get(&None), Some(&3));
}

/// Also when each claim asks for one job.
pub async fn single_claims_alternate<Q: Queue + Inspect>(t: Fresh<Q>) {
    for lane in ["a", "b", "c"] {
        fill(&t, || job(1).lane(lane), 5).await;
    }
    let mut turns = Vec::new();
    for _ in 0..9 {
        turns.extend(t.claim(1).await.jobs.remove(0).job.lane);
    }
    for round in turns.chunks(3) {
        let mut round = round.to_vec();
        round.sort();
        round.dedup();
        assert_eq!(round.len(), 3, "each has one turn per round");
    }
}

/// A lane that is filled whenever it is empty does not come before one that waits.
pub async fn a_refilled_lane_waits_for_its_turn<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, || job(1).lane("a"), 1).await;
    fill(&t, || job(1).lane("b"), 3).await;
    let mut turns = Vec::new();
    for _ in 0..6 {
        let leased = t.claim(1).await.jobs.remove(0);
        if leased.job.lane.as_deref() == A {
            fill(&t, || job(1).lane("a"), 1).await;
        }
        turns.push(leased);
    }
    assert_eq!(by_lane(&turns), BTreeMap::from([(A, 3), (B, 3)]));
}

/// Neither does one whose job comes back.
pub async fn returned_jobs_keep_the_turns<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, || job(1).lane("a"), 1).await;
    fill(&t, || job(1).lane("b"), 1).await;
    let first = t.claim(1).await.jobs.remove(0);
    t.settle(first.lease, give_back(0)).await;
    let second = t.claim(1).await.jobs.remove(0);
    assert_ne!(first.job.lane, second.job.lane);
}

/// A claim is filled from one lane if the others have nothing.
pub async fn a_lone_lane_gets_everything<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, || job(1).lane("a"), 100).await;
    fill(&t, || job(1).lane("b"), 3).await;
    assert_eq!(by_lane(&t.claim(90).await.jobs), BTreeMap::from([(A, 87), (B, 3)]));
}

/// Many lanes give an integration no more turns than another has.
pub async fn lanes_share_the_turn_of_their_integration<Q: Queue + Inspect>(t: Fresh<Q>) {
    for lane in 0..40 {
        fill(&t, || job(1).lane(&lane.to_string()), 5).await;
    }
    fill(&t, || job(2), 10).await;
    let mut jobs = t.claim(16).await.jobs;
    jobs.extend(t.claim(16).await.jobs);
    assert_eq!(jobs.iter().filter(|it| it.job.integration == integration(2)).count(), 10);
}

/// Of very many lanes each has its turn before any has a second.
pub async fn every_lane_has_its_turn<Q: Queue + Inspect>(t: Fresh<Q>) {
    for _ in 0..2 {
        for part in 0..3 {
            let jobs = (0..700).map(|n| job(1).lane(&format!("{part} {n}"))).collect();
            t.queue.enqueue(jobs).await.expect("enqueue answers");
        }
    }
    let mut jobs = Vec::new();
    while jobs.len() < 2_100 {
        jobs.extend(t.claim(100).await.jobs);
    }
    let lanes = by_lane(&jobs);
    assert!(lanes.len() > 1_800, "{} lanes of 2,100 had a turn", lanes.len());
    while jobs.len() < 4_200 {
        jobs.extend(t.claim(100).await.jobs);
    }
    assert_eq!(by_lane(&jobs).len(), 2_100);
}

/// Within a lane the order is priority, due time, arrival; another lane's jobs do not change it.
pub async fn keeps_the_order_within_a_lane<Q: Queue + Inspect>(t: Fresh<Q>) {
    let low = t.put(job(1).lane("a").due(1).priority(0)).await;
    t.put(job(1).lane("b").due(1).priority(9)).await;
    let late = t.put(job(1).lane("a").due(3)).await;
    let early = t.put(job(1).lane("a").due(2)).await;
    t.clock.set(at(5));
    let jobs = t.claim(10).await.jobs;
    let of_a: Vec<_> = jobs.iter().filter(|it| it.job.lane.as_deref() == A).map(|it| it.job.id).collect();
    assert_eq!(of_a, [early, late, low]);
}

/// So many jobs of a lane run at once, in one claim or in many; others' and those without a lane are not counted.
pub async fn limits_the_concurrency_of_each_lane<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once_in_lanes(2)).await;
    fill(&t, || job(1).lane("a"), 5).await;
    fill(&t, || job(1).lane("b"), 1).await;
    fill(&t, || job(1), 5).await;
    fill(&t, || job(2).lane("a"), 5).await;
    let (ours, theirs): (Vec<_>, Vec<_>) =
        t.claim(100).await.jobs.into_iter().partition(|it| it.job.integration == integration(1));
    assert_eq!(by_lane(&ours), BTreeMap::from([(None, 5), (A, 2), (B, 1)]));
    assert_eq!(theirs.len(), 5, "the other integration has no such limit");
    let claimed = t.claim(100).await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], None), "the rest is held");
}

/// Each way out of running frees a place in the lane, and ends the wait for it.
pub async fn frees_places<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once_in_lanes(1)).await;
    fill(&t, || job(1).lane("a"), 8).await;
    for next in [Next::Remove, bury(), retry(9_000), give_back(9_000)] {
        let leased = t.claim_one().await;
        assert_eq!(t.claim(10).await.jobs, []);
        t.settle(leased.lease, next).await;
        tokio::time::timeout(PATIENCE, t.queue.wait(None)).await.expect("the free place ends the wait");
    }
    t.claim_one().await;
}

/// A lost lease keeps its place in the lane until somebody settles the job.
pub async fn rescued_jobs_keep_their_place<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once_in_lanes(1)).await;
    fill(&t, || job(1).lane("a"), 2).await;
    t.claim_one().await;
    t.clock.advance(i64::from(LEASE_MS));
    assert_eq!(t.claim(10).await.jobs, []);
    let rescued = t.queue.rescue(10, LEASE_MS).await.expect("rescue answers").remove(0);
    assert_eq!(t.claim(10).await.jobs, []);
    t.settle(rescued.lease, Next::Remove).await;
    t.claim_one().await;
}

/// The limit changes live, both ways, and counts what runs already; none at all is possible.
pub async fn changes_live<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, || job(1).lane("a"), 9).await;
    assert_eq!(t.claim(2).await.jobs.len(), 2);
    for (limit, more) in [(2, 0), (4, 2), (3, 0), (0, 0), (5, 1)] {
        t.control(1, at_once_in_lanes(limit)).await;
        assert_eq!(t.claim(100).await.jobs.len(), more, "with {limit}");
    }
    t.control(1, Control::default()).await;
    assert_eq!(t.claim(100).await.jobs.len(), 4);
}

/// A lane that was never claimed from is held by a limit of none, and set free by any other.
pub async fn allows_none<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, || job(1).lane("a"), 2).await;
    t.control(1, at_once_in_lanes(0)).await;
    fill(&t, || job(1).lane("b"), 2).await;
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], None));
    t.control(1, at_once_in_lanes(1)).await;
    assert_eq!(by_lane(&t.claim(10).await.jobs), BTreeMap::from([(A, 1), (B, 1)]));
}

/// The integration's own concurrency holds as well.
pub async fn both_concurrencies_hold<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, Control { concurrency: Some(3), ..at_once_in_lanes(2) }).await;
    for lane in ["a", "b", "c"] {
        fill(&t, || job(1).lane(lane), 3).await;
    }
    let jobs = t.claim(100).await.jobs;
    assert_eq!(jobs.len(), 3);
    assert!(by_lane(&jobs).values().all(|count| *count <= 2));
    assert_eq!(t.claim(100).await.next_due, None);
}

/// A held lane is nothing to wait for; others are.
pub async fn does_not_wait_for_held_lanes<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once_in_lanes(1)).await;
    t.put(job(1).lane("a")).await;
    t.put(job(1).lane("a").due(20)).await;
    t.put(job(1).lane("b").due(30)).await;
    let claimed = t.claim(10).await;
    assert_eq!((claimed.jobs.len(), claimed.next_due), (1, Some(at(30))));
}

/// Jobs in line at a full rate limit are in no lane's way, and go back to their own.
pub async fn a_line_leaves_the_lanes_alone<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, Control { lane_concurrency: Some(2), ..limited([limit(1).by(&["email"]).delaying()]) }).await;
    let jobs = [of("x").lane("a"), of("x").lane("a"), of("y").lane("a"), of("x").lane("b"), of("z").lane("a")];
    let wanted = jobs.each_ref().map(|new| new.job.id);
    t.queue.enqueue(jobs.to_vec()).await.expect("enqueue answers");
    let mut leased = t.claim_all().await.jobs;
    assert_eq!(ids(&leased), [wanted[0], wanted[2]]);
    t.clock.set(at(1_000));
    assert_eq!(t.claim_all().await.jobs, [], "its lane has no place");
    t.settle(leased.remove(0).lease, Next::Remove).await;
    assert_eq!(ids(&t.claim_all().await.jobs), [wanted[1]]);
    t.clock.set(at(2_000));
    assert_eq!(ids(&t.claim_all().await.jobs), [wanted[3]]);
}
