//! claim: integrations take turns.

use super::*;
use crate::queue::{Control, Inspect, Queue};

async fn fill<Q: Queue + Inspect>(t: &Fresh<Q>, of: u16, count: usize) {
    for _ in 0..count.div_ceil(1_000) {
        t.queue.enqueue((0..count.min(1_000)).map(|_| job(of)).collect()).await.expect("enqueue answers");
    }
}

fn count(leased: &[crate::queue::Leased], of: u16) -> usize {
    leased.iter().filter(|it| it.job.integration == integration(of)).count()
}

/// Ten jobs behind ten thousand of another integration are all claimed within the first two turns.
pub async fn a_busy_integration_does_not_starve_another<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, 1, 10_000).await;
    fill(&t, 2, 10).await;
    let mut jobs = t.claim(16).await.jobs;
    assert!(count(&jobs, 2) > 0, "B has its turn in the first claim");
    jobs.extend(t.claim(16).await.jobs);
    assert_eq!((jobs.len(), count(&jobs, 2)), (32, 10));
}

/// Also when each claim asks for one job.
pub async fn single_claims_alternate<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, 1, 5).await;
    fill(&t, 2, 5).await;
    fill(&t, 3, 5).await;
    let mut turns = Vec::new();
    for _ in 0..9 {
        turns.extend(integrations(&t.claim(1).await.jobs));
    }
    for round in turns.chunks(3) {
        let mut round = round.to_vec();
        round.sort();
        assert_eq!(round, [integration(1), integration(2), integration(3)], "each has one turn per round");
    }
}

/// An earlier due time gives no precedence over another integration's turn.
pub async fn older_backlog_takes_turns_too<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, 1, 100).await;
    t.clock.set(at(60_000));
    t.put(job(2).due(59_000)).await;
    let jobs = t.claim(8).await.jobs;
    let rest = t.claim(8).await.jobs;
    assert_eq!(count(&jobs, 2) + count(&rest, 2), 1, "B is served within two claims");
}

/// With as many integrations as places, each gets one turn before any gets a second.
pub async fn every_integration_has_its_turn<Q: Queue + Inspect>(t: Fresh<Q>) {
    for of in 1..=40 {
        fill(&t, of, 30).await;
    }
    let mut served = Vec::new();
    // 40 integrations, at least one of them new with every 8 jobs.
    for _ in 0..40 {
        served.extend(integrations(&t.claim(8).await.jobs));
    }
    served.sort();
    served.dedup();
    assert_eq!(served.len(), 40);
}

/// A claim is filled from one integration if the others have nothing.
pub async fn a_lone_integration_gets_everything<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, 1, 100).await;
    fill(&t, 2, 3).await;
    let jobs = t.claim(90).await.jobs;
    assert_eq!((jobs.len(), count(&jobs, 2)), (90, 3));
}

/// Held integrations take nobody's place.
pub async fn held_integrations_are_passed_over<Q: Queue + Inspect>(t: Fresh<Q>) {
    for of in 1..=20 {
        fill(&t, of, 5).await;
        t.control(of, Control { paused: of < 20, ..Control::default() }).await;
    }
    let jobs = t.claim(5).await.jobs;
    assert_eq!((jobs.len(), count(&jobs, 20)), (5, 5));
}

/// Jobs that come back do not get their integration served twice in a row.
pub async fn returned_jobs_keep_the_turns<Q: Queue + Inspect>(t: Fresh<Q>) {
    fill(&t, 1, 1).await;
    fill(&t, 2, 1).await;
    let first = t.claim(1).await.jobs.remove(0);
    t.settle(first.lease, give_back(0)).await;
    let second = t.claim(1).await.jobs.remove(0);
    assert_ne!(first.job.integration, second.job.integration);
}
