//! The history: recorded once, read back whole, filtered, outliving what it is about.

use proptest::prelude::*;
use schedules::Millis;
use store::catalog::{Catalog, Outcome, RunFilter, RunRecord};
use store::queue::{Cause, MAX_BATCH};
use store::{Error, IntegrationId, JobId, RunId};

use super::world::{World, block_on, first, run};

fn without_logs(run: &RunRecord) -> RunRecord {
    RunRecord { logs: Vec::new(), ..run.clone() }
}

#[tokio::test]
async fn a_run_comes_back_whole() {
    let world = World::new().await;
    let whole = run(100, 10);
    let never_ran = RunRecord {
        release: None,
        attempt: 0,
        started: None,
        key: None,
        result: None,
        error: Some(r#"{"code":"x"}"#.to_owned()),
        logs: Vec::new(),
        ..run(200, 0)
    };
    world.catalog.record(vec![whole.clone(), never_ran.clone()]).await.unwrap();
    for expected in [whole, never_ran] {
        assert_eq!(world.catalog.run(expected.id).await.unwrap(), Some(expected.clone()));
        assert_eq!(world.catalog.latest_run_of(expected.job).await.unwrap(), Some(expected));
    }
    assert_eq!(world.catalog.run(RunId::new(Millis(1))).await.unwrap(), None);
    assert_eq!(world.catalog.latest_run_of(JobId::new(Millis(1))).await.unwrap(), None);
}

#[tokio::test]
async fn every_outcome_and_every_cause_comes_back() {
    let world = World::new().await;
    let outcomes = Outcome::ALL.iter().map(|outcome| RunRecord { outcome: *outcome, ..run(5, 0) });
    let causes = Cause::ALL.iter().map(|(cause, _)| RunRecord { cause: *cause, ..run(6, 0) });
    let runs: Vec<_> = outcomes.chain(causes).collect();
    world.catalog.record(runs.clone()).await.unwrap();
    for expected in runs {
        assert_eq!(world.catalog.run(expected.id).await.unwrap(), Some(expected));
    }
}

#[tokio::test]
async fn the_latest_run_of_a_job_is_the_one_that_finished_last() {
    let world = World::new().await;
    let job = JobId::new(Millis(1));
    let attempts = [(1, 30), (2, 50), (0, 60)].map(|(attempt, at)| RunRecord { job, attempt, ..run(at, 0) });
    // The last to finish has the least id: clocks go back.
    let mut last = attempts[2].clone();
    last.id = RunId::new(Millis(2));
    world.catalog.record(vec![attempts[0].clone(), attempts[1].clone(), last.clone()]).await.unwrap();
    assert_eq!(world.catalog.latest_run_of(job).await.unwrap(), Some(last));
}

#[tokio::test]
async fn recording_again_changes_nothing() {
    let world = World::new().await;
    let kept = run(100, 10);
    world.catalog.record(vec![kept.clone()]).await.unwrap();
    let totals = world.catalog.run_totals().await.unwrap();
    let other = RunRecord { outcome: Outcome::Dead, ..RunRecord { id: kept.id, ..run(900, 99) } };
    world.catalog.record(vec![kept.clone(), other]).await.unwrap();
    assert_eq!(world.catalog.run(kept.id).await.unwrap(), Some(kept.clone()));
    assert_eq!(world.catalog.run_totals().await.unwrap(), totals);
    // Twice in one batch: the first stays.
    let twice = run(200, 1);
    let again = RunRecord { outcome: Outcome::Dead, ..twice.clone() };
    world.catalog.record(vec![twice.clone(), again]).await.unwrap();
    assert_eq!(world.catalog.run(twice.id).await.unwrap(), Some(twice));
    assert_eq!(world.catalog.run_totals().await.unwrap().runs, 2);
}

#[tokio::test]
async fn a_batch_is_bounded_and_may_be_empty() {
    let world = World::new().await;
    world.catalog.record(Vec::new()).await.unwrap();
    let most: Vec<_> = (0..MAX_BATCH).map(|_| run(5, 1)).collect();
    world.catalog.record(most.clone()).await.unwrap();
    assert_eq!(world.catalog.run_totals().await.unwrap().runs, MAX_BATCH as u64);
    let more = most.into_iter().chain([run(6, 1)]).collect();
    let error = world.catalog.record(more).await.unwrap_err();
    assert!(matches!(error, Error::TooMany { limit: MAX_BATCH, .. }), "{error}");
    assert_eq!(world.catalog.run_totals().await.unwrap().runs, MAX_BATCH as u64);
}

#[tokio::test]
async fn runs_outlive_their_integration() {
    let world = World::new().await;
    let integration = world.integration("a").await.id;
    let recorded = RunRecord { integration, ..run(5, 1) };
    world.catalog.record(vec![recorded.clone()]).await.unwrap();
    world.catalog.delete_integration(integration).await.unwrap();
    let filter = RunFilter { integration: Some(integration), ..RunFilter::default() };
    let page = world.catalog.list_runs("w", filter, first(10)).await.unwrap();
    assert_eq!(page.items, [without_logs(&recorded)]);
}

/// One of few ids, so that filters hit.
fn few(n: u8) -> ulid::Ulid {
    ulid::Ulid::from_parts(u64::from(n) + 1, 0)
}

fn some_run() -> impl Strategy<Value = RunRecord> {
    (0..40_u64, 0..3_u8, 0..4_u8, 0..3_usize, 0..30_i64, 0..2_u8).prop_map(|(at, integration, job, outcome, end, w)| {
        RunRecord {
            id: RunId(ulid::Ulid::from_parts(at, rand::random())),
            integration: IntegrationId(few(integration)),
            job: JobId(few(job)),
            outcome: Outcome::ALL[outcome],
            workspace: if w == 0 { "w" } else { "other" }.to_owned(),
            ..run(end, 0)
        }
    })
}

fn some_filter() -> impl Strategy<Value = RunFilter> {
    let parts = (
        prop::option::of(0..3_u8),
        prop::option::of(0..3_usize),
        prop::option::of(0..4_u8),
        prop::option::of(0..30_i64),
        prop::option::of(0..30_i64),
    );
    parts.prop_map(|(integration, outcome, job, from, to)| RunFilter {
        integration: integration.map(|n| IntegrationId(few(n))),
        outcome: outcome.map(|n| Outcome::ALL[n]),
        job: job.map(|n| JobId(few(n))),
        from: from.map(Millis),
        to: to.map(Millis),
    })
}

fn passes(run: &RunRecord, filter: &RunFilter) -> bool {
    run.workspace == "w"
        && filter.integration.is_none_or(|id| run.integration == id)
        && filter.outcome.is_none_or(|outcome| run.outcome == outcome)
        && filter.job.is_none_or(|id| run.job == id)
        && filter.from.is_none_or(|from| run.finished >= from)
        && filter.to.is_none_or(|to| run.finished < to)
}

async fn check_filters(runs: Vec<RunRecord>, filters: Vec<RunFilter>) {
    let world = World::new().await;
    world.catalog.record(runs.clone()).await.unwrap();
    for filter in filters {
        let mut expected: Vec<_> = runs.iter().filter(|run| passes(run, &filter)).map(without_logs).collect();
        expected.sort_by_key(|run| std::cmp::Reverse(run.id));
        let page = world.catalog.list_runs("w", filter.clone(), first(100)).await.unwrap();
        assert_eq!(page.total, expected.len() as u64, "{filter:?}");
        assert_eq!(page.items, expected, "{filter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_filter_shows_what_it_names_and_nothing_else(
        runs in prop::collection::vec(some_run(), 0..80),
        filters in prop::collection::vec(some_filter(), 30),
    ) {
        block_on(check_filters(runs, filters));
    }
}

#[tokio::test]
async fn what_is_stored_and_cannot_be_read_is_corrupt() {
    async fn check(column: &str, value: &str) {
        let world = World::new().await;
        let recorded = run(5, 1);
        world.catalog.record(vec![recorded.clone()]).await.unwrap();
        let file = rusqlite::Connection::open(world.path()).unwrap();
        file.execute(&format!("UPDATE runs SET {column} = $1"), [value]).unwrap();
        let error = world.catalog.run(recorded.id).await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt(text) if text.contains(column)), "{column}: {error}");
    }
    check("outcome", "exploded").await;
    check("logs", "{").await;
    check("job", "not-an-id").await;
    check("attempt", "-1").await;
    check("attempt", "many").await;
}

#[tokio::test]
async fn two_handles_see_each_others_runs_at_once() {
    let world = World::new().await;
    let other = Catalog::open(&world.path()).await.unwrap();
    for n in 0..20 {
        let recorded = run(n, 1);
        let (writer, reader) = if n % 2 == 0 { (&world.catalog, &other) } else { (&other, &world.catalog) };
        writer.record(vec![recorded.clone()]).await.unwrap();
        assert_eq!(reader.run(recorded.id).await.unwrap(), Some(recorded));
    }
}
