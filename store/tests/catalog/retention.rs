//! Pruning: the oldest go, as many as the bounds say; the counters are exact whatever happens beside each other.

use std::collections::BTreeMap;

use proptest::prelude::*;
use schedules::Millis;
use store::catalog::{Catalog, Outcome, Pruned, Retention, RunRecord, RunTotals};

use super::world::{World, block_on, run};

const KEEP_ALL: Retention = Retention { max_age_ms: u64::MAX, max_count: u64::MAX, max_bytes: u64::MAX };

/// What is in the file, counted row by row.
fn counted(world: &World) -> RunTotals {
    let file = rusqlite::Connection::open(world.path()).unwrap();
    let sql = "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM runs";
    let (runs, bytes): (i64, i64) = file.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    RunTotals { runs: runs.unsigned_abs(), bytes: bytes.unsigned_abs() }
}

/// Asserts that the counters say what a count says, in all and by workspace, integration and outcome.
async fn check_counters(world: &World) {
    assert_eq!(world.catalog.run_totals().await.unwrap(), counted(world));
    let file = rusqlite::Connection::open(world.path()).unwrap();
    let sql = "SELECT workspace, integration, outcome, COUNT(*), SUM(bytes) FROM runs GROUP BY 1, 2, 3";
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let group: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (runs, bytes): (i64, i64) = (row.get(3)?, row.get(4)?);
        Ok((group, RunTotals { runs: runs.unsigned_abs(), bytes: bytes.unsigned_abs() }))
    });
    let expected: BTreeMap<_, _> = rows.unwrap().map(Result::unwrap).collect();
    let counts = world.catalog.outcome_counts().await.unwrap();
    let group = |count: store::catalog::OutcomeCount| {
        ((count.workspace, count.integration.to_string(), count.outcome.to_string()), count.totals)
    };
    assert_eq!(counts.into_iter().map(group).collect::<BTreeMap<_, _>>(), expected);
}

/// A run's bytes, as the catalog counts them.
async fn bytes_of(record: RunRecord) -> u64 {
    let world = World::new().await;
    world.catalog.record(vec![record]).await.unwrap();
    counted(&world).bytes
}

#[tokio::test]
async fn bytes_are_the_texts_and_the_overhead() {
    let base = bytes_of(RunRecord { key: None, logs: Vec::new(), ..run(5, 0) }).await;
    assert_eq!(base, RunRecord::OVERHEAD_BYTES + "[]".len() as u64);
    assert_eq!(bytes_of(RunRecord { key: None, logs: Vec::new(), ..run(5, 1_000) }).await, base + 1_000);
    let error = Some("é".to_owned());
    assert_eq!(bytes_of(RunRecord { key: None, logs: Vec::new(), error, ..run(5, 0) }).await, base + 2);
}

#[tokio::test]
async fn a_history_within_its_bounds_loses_nothing() {
    let world = World::new().await;
    assert_eq!(world.catalog.prune_runs(KEEP_ALL, Millis(9), 10).await.unwrap(), Pruned::default());
    world.catalog.record(vec![run(1, 1), run(2, 1)]).await.unwrap();
    let totals = world.catalog.run_totals().await.unwrap();
    let exact = Retention { max_age_ms: 8, max_count: totals.runs, max_bytes: totals.bytes };
    assert_eq!(world.catalog.prune_runs(exact, Millis(9), 10).await.unwrap(), Pruned::default());
    assert_eq!(
        world.catalog.prune_runs(Retention { max_count: 0, ..KEEP_ALL }, Millis(9), 0).await.unwrap().total(),
        0
    );
    assert_eq!(counted(&world), totals);
}

/// A history as a list, oldest first, pruned the plain way.
fn prune_model(model: &mut Vec<(i64, RunRecord, u64)>, retention: Retention, now: i64, limit: usize) -> Pruned {
    let mut pruned = Pruned::default();
    for _ in 0..limit {
        let Some((finished, ..)) = model.first() else { break };
        let bytes: u64 = model.iter().map(|(.., bytes)| bytes).sum();
        if now - finished > i64::try_from(retention.max_age_ms).unwrap_or(i64::MAX) {
            pruned.by_age += 1;
        } else if model.len() as u64 > retention.max_count {
            pruned.by_count += 1;
        } else if bytes > retention.max_bytes {
            pruned.by_bytes += 1;
        } else {
            break;
        }
        model.remove(0);
    }
    pruned
}

type Step = (Vec<(i64, usize, usize)>, Retention, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let retention = (0..60_u64, 0..30_u64, 0..40_000_u64).prop_map(|(max_age_ms, max_count, max_bytes)| Retention {
        max_age_ms,
        max_count,
        max_bytes,
    });
    let runs = prop::collection::vec((0..50_i64, 0..3_000_usize, 0..3_usize), 0..20);
    prop::collection::vec((runs, retention, 0..15_usize), 1..6)
}

async fn check_against_model(steps: Vec<Step>) {
    let world = World::new().await;
    let mut model: Vec<(i64, RunRecord, u64)> = Vec::new();
    for (new, retention, limit) in steps {
        for (finished, size, outcome) in new {
            let record = RunRecord { outcome: Outcome::ALL[outcome], ..run(finished, size) };
            let before = world.catalog.run_totals().await.unwrap().bytes;
            world.catalog.record(vec![record.clone()]).await.unwrap();
            model.push((finished, record, world.catalog.run_totals().await.unwrap().bytes - before));
        }
        model.sort_by_key(|(finished, record, _)| (*finished, record.id));
        let expected = prune_model(&mut model, retention, 55, limit);
        assert_eq!(world.catalog.prune_runs(retention, Millis(55), limit).await.unwrap(), expected);
        for (_, record, _) in &model {
            assert!(world.catalog.run(record.id).await.unwrap().is_some());
        }
        assert_eq!(counted(&world).runs, model.len() as u64);
        check_counters(&world).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn pruning_takes_exactly_the_oldest_beyond_the_bounds(steps in steps()) {
        block_on(check_against_model(steps));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_stay_exact_while_runs_come_and_go_at_once() {
    let world = World::new().await;
    let other = Catalog::open(&world.path()).await.unwrap();
    let mut tasks = Vec::new();
    for task in 0..6_i64 {
        let catalog = if task % 2 == 0 { world.catalog.clone() } else { other.clone() };
        tasks.push(tokio::spawn(async move {
            for round in 0..15_i64 {
                let at = |n: i64| task * 100 + round * 10 + n;
                let outcome = |n: i64| Outcome::ALL[usize::try_from(n % 3).unwrap()];
                let runs = (0..20).map(|n| RunRecord { outcome: outcome(n), ..run(at(n), 10) }).collect();
                catalog.record(runs).await.unwrap();
                let retention = Retention { max_count: 40, max_bytes: 60_000, ..KEEP_ALL };
                catalog.prune_runs(retention, Millis(1_000), 15).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    check_counters(&world).await;
    let last = Retention { max_count: 7, ..KEEP_ALL };
    while world.catalog.prune_runs(last, Millis(1_000), 1_000).await.unwrap().total() > 0 {}
    assert_eq!(counted(&world).runs, 7);
    check_counters(&world).await;
    world.catalog.prune_runs(Retention { max_count: 0, ..KEEP_ALL }, Millis(1_000), 1_000).await.unwrap();
    assert!(world.catalog.outcome_counts().await.unwrap().is_empty());
}
