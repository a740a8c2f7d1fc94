//! The embedded engine's check: a file that was tampered with is found out.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use schedules::ManualClock;
use serde_json::json;
use store::conformance::{LEASE_MS, START, Sample, SampleLimit, integration, job, limit, limited};
use store::embedded::{Embedded, Options};
use store::queue::{Claim, Control, Firing, Inspect, Next, Queue, ScheduleRef, Settlement, TickRecord, Verdict};

fn open(path: &Path) -> Embedded {
    Embedded::open(path, Options::default(), Arc::new(ManualClock::new(START))).expect("it opens")
}

/// A file with jobs in every state, lanes, a line, and something charged.
async fn fill(path: &Path) {
    let queue = open(path);
    let control = Control { lane_concurrency: Some(1), ..limited([limit(2).delaying()]) };
    queue.control(integration(1), control).await.expect("control answers");
    let jobs = [job(1).lane("a"), job(1), job(1).key(json!({"k": 1})), job(2), job(2).due(500), job(2).lane("b")];
    queue.enqueue(jobs.to_vec()).await.expect("enqueue answers");
    let claimed = queue.claim(Claim { limit: 10, lease_ms: LEASE_MS }).await.expect("claim answers").jobs;
    assert_eq!(claimed.len(), 4);
    let settlements = [(claimed[0].lease, Next::Bury { error: "{}".into() }), (claimed[1].lease, Next::Remove)];
    let settlements = settlements.map(|(lease, next)| Settlement { lease, next }).to_vec();
    queue.settle(settlements).await.expect("settle answers");
    let schedule = ScheduleRef::from(integration(2));
    let record = TickRecord {
        schedule,
        first: START,
        last: START,
        count: Some(1),
        verdict: Verdict::Paused,
        job: None,
        cause: None,
        effective: None,
        revision: 1,
        recorded: START,
    };
    let firing = Firing { records: vec![record], ..Firing::new(schedule, None, START) };
    queue.fire(firing).await.expect("fire answers");
    assert_eq!(queue.check().await.expect("check answers"), []);
}

/// What the check finds in a copy of `sound` after `tampering`, by its rules.
async fn found(sound: &Path, tampering: &str) -> Vec<&'static str> {
    let path = sound.with_extension("copy");
    std::fs::copy(sound, &path).expect("it is copied");
    Connection::open(&path).and_then(|file| file.execute_batch(tampering)).expect(tampering);
    let mut rules: Vec<_> =
        open(&path).check().await.expect("check answers").into_iter().map(|violation| violation.rule).collect();
    rules.dedup();
    rules
}

#[tokio::test]
async fn each_rule_is_watched() {
    let cases = [
        ("UPDATE jobs SET priority = priority", ""),
        ("UPDATE jobs SET state = 7 WHERE state = 2", "job_in_no_state"),
        ("UPDATE jobs SET token = NULL WHERE state = 1", "lease_and_state_disagree"),
        ("UPDATE jobs SET token = 1 WHERE state = 0", "lease_and_state_disagree"),
        ("UPDATE jobs SET died = NULL WHERE state = 2", "death_and_state_disagree"),
        ("UPDATE jobs SET gate = 'x' WHERE state = 2", "gate_of_a_job_that_does_not_wait"),
        ("DELETE FROM gates", "line_without_gate"),
        ("UPDATE jobs SET in_line = 1 WHERE due > 1750000000000 AND state = 0", "line_without_gate"),
        ("INSERT INTO gates SELECT integration, 'x', 5, 1 FROM jobs LIMIT 1", "gate_and_line_disagree"),
        ("UPDATE gates SET is_empty = 1", "gate_and_line_disagree"),
        ("UPDATE jobs SET charged = 1", "charged_job_in_line"),
        ("INSERT INTO lanes SELECT integration, 'x', 5, 0, 0 FROM jobs LIMIT 1", "lane_without_job"),
        ("DELETE FROM lanes", "lane_and_jobs_disagree"),
        ("UPDATE lanes SET head = NULL", "lane_and_jobs_disagree"),
        ("UPDATE integrations SET head = 1", "integration_and_lanes_disagree"),
        ("DELETE FROM integrations", "integration_and_lanes_disagree"),
        ("UPDATE buckets SET part = NULL", "bucket_of_no_kind"),
        ("UPDATE jobs SET body = x'0102'", "unreadable"),
        ("UPDATE integrations SET limits = x'01'", "unreadable"),
        ("UPDATE cursors SET cursor = 'soon'", "unreadable"),
        ("UPDATE outbox SET record = x'01'", "unreadable"),
        ("UPDATE buckets SET ms = NULL, part = NULL, log = x'01'", "unreadable"),
    ];
    let folder = tempfile::TempDir::new().expect("a folder");
    let sound = folder.path().join("queue.db");
    fill(&sound).await;
    for (tampering, rule) in cases {
        let found = found(&sound, tampering).await;
        let is_found = if rule.is_empty() { found.is_empty() } else { found.contains(&rule) };
        assert!(is_found, "{tampering}: {found:?}");
    }
}
