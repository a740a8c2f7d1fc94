//! Tests that the lists of runs are read from the indexes made for them, whatever the filter, without a sort.

use schedules::Millis;
use sqlx::Row as _;

use super::page::Seek;
use super::runs::Filtered;
use super::{Catalog, Outcome, RunFilter};
use crate::{IntegrationId, JobId, RunId};

/// A filter with the named parts in force.
fn filter(parts: &str) -> RunFilter {
    let has = |part: &str| parts.split(' ').any(|name| name == part);
    RunFilter {
        integration: has("integration").then(|| IntegrationId::new(Millis(1))),
        outcome: has("outcome").then_some(Outcome::Dead),
        job: has("job").then(|| JobId::new(Millis(1))),
        from: has("from").then_some(Millis(1)),
        to: has("to").then_some(Millis(2)),
    }
}

/// Asserts that the database answers `sql` in one step, a search of `index`.
async fn check_one(list: &Filtered<'_>, sql: String, index: &str) {
    let query = list.query(format!("EXPLAIN QUERY PLAN {sql}")).bind("Z").bind("").bind(21);
    let rows = query.fetch_all(list.catalog.reader()).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    assert_eq!(steps.len(), 1, "no sort: {steps:?} of {sql}");
    assert!(steps[0].starts_with("SEARCH") && steps[0].contains(index), "{steps:?} of {sql}");
}

async fn check(parts: &str, list_index: &str, total_index: &str) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&folder.path().join("catalog.db")).await.unwrap();
    let list = Filtered { catalog: &catalog, workspace: "w", filter: filter(parts) };
    let cursor = Some(RunId::new(Millis(1)));
    for (after, before) in [(None, None), (cursor, None), (None, cursor), (cursor, cursor)] {
        let seek = Seek { after, before, backwards: before.is_some(), limit: 21 };
        check_one(&list, list.list_sql(&seek), list_index).await;
    }
    check_one(&list, list.total_sql(), total_index).await;
}

#[tokio::test]
async fn every_list_and_its_total_search_the_index_of_the_narrowest_filter() {
    let (all, age) = ("runs_by_workspace (workspace=?", "COVERING INDEX runs_by_age (finished>");
    check("", all, "run_counters").await;
    check("from to", all, age).await;
    let integration = "runs_by_integration (workspace=? AND integration=?";
    check("integration", integration, "run_counters").await;
    check("integration outcome", integration, "run_counters").await;
    check("integration from", integration, age).await;
    check("integration outcome to", integration, "COVERING INDEX runs_by_age (finished<").await;
    let outcome = "runs_by_outcome (workspace=? AND outcome=?";
    check("outcome", outcome, "run_counters").await;
    check("outcome from to", outcome, age).await;
    let job = "runs_by_job (job=?";
    check("job", job, job).await;
    check("job integration outcome from to", job, job).await;
}
