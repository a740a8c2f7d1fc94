//! How many runs there are and how much they hold, kept exactly by the transactions that add and remove runs.

use std::collections::BTreeMap;

use super::open::{Change, Row};
use super::row::{Columns, signed};
use super::{Catalog, Outcome};
use crate::{IntegrationId, Result};

/// The size of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunTotals {
    /// Runs.
    pub runs: u64,
    /// Their bytes: the texts they carry, and [`super::RunRecord::OVERHEAD_BYTES`] each.
    pub bytes: u64,
}

/// How many runs of the history ended in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The workspace.
    pub workspace: String,
    /// The integration; it may be deleted.
    pub integration: IntegrationId,
    /// How they ended.
    pub outcome: Outcome,
    /// How many, and how much they hold.
    pub totals: RunTotals,
}

/// What one transaction changes, by workspace, integration and outcome; sorted, so that two transactions take the
/// counters' rows in the same order and cannot wait for each other.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<(String, String, String), RunTotals>);

/// The columns a [`Tally`] is made of.
macro_rules! tallied {
    () => {
        "workspace, integration, outcome, bytes"
    };
}
pub(super) use tallied;

impl Tally {
    /// Counts rows of `runs` that have the `tallied` columns.
    pub fn count(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            let counter = (row.text("workspace")?, row.text("integration")?, row.text("outcome")?);
            let totals = self.0.entry(counter).or_default();
            totals.runs += 1;
            totals.bytes += row.number::<u64>("bytes")?;
        }
        Ok(())
    }
}

const ADD: &str = "INSERT INTO run_counters (workspace, integration, outcome, runs, bytes) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (workspace, integration, outcome) DO UPDATE SET \
                   runs = run_counters.runs + excluded.runs, bytes = run_counters.bytes + excluded.bytes";

/// Adds runs that were recorded.
pub(super) async fn add(change: &mut Change, tally: &Tally) -> Result<()> {
    for ((workspace, integration, outcome), totals) in &tally.0 {
        sqlx::query(ADD)
            .bind(workspace)
            .bind(integration)
            .bind(outcome)
            .bind(signed(totals.runs))
            .bind(signed(totals.bytes))
            .execute(&mut **change)
            .await?;
    }
    Ok(())
}

const SUBTRACT: &str = "UPDATE run_counters SET runs = runs - $4, bytes = bytes - $5 \
                        WHERE workspace = $1 AND integration = $2 AND outcome = $3";
const DROP_EMPTY: &str = "DELETE FROM run_counters \
                          WHERE workspace = $1 AND integration = $2 AND outcome = $3 AND runs = 0";

/// Subtracts runs that were deleted; a counter that comes to nothing goes.
pub(super) async fn subtract(change: &mut Change, tally: &Tally) -> Result<()> {
    for ((workspace, integration, outcome), totals) in &tally.0 {
        sqlx::query(SUBTRACT)
            .bind(workspace)
            .bind(integration)
            .bind(outcome)
            .bind(signed(totals.runs))
            .bind(signed(totals.bytes))
            .execute(&mut **change)
            .await?;
        sqlx::query(DROP_EMPTY).bind(workspace).bind(integration).bind(outcome).execute(&mut **change).await?;
    }
    Ok(())
}

// A sum of BIGINTs is a NUMERIC in PostgreSQL, hence the casts.
const TOTALS: &str = "SELECT CAST(COALESCE(SUM(runs), 0) AS BIGINT) AS runs, \
                      CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM run_counters";
const ALL: &str = "SELECT workspace, integration, outcome, runs, bytes FROM run_counters \
                   ORDER BY workspace, integration, outcome";

/// The totals as the change sees them.
pub(super) async fn totals(change: &mut Change) -> Result<RunTotals> {
    run_totals(&sqlx::query(TOTALS).fetch_one(&mut **change).await?)
}

impl Catalog {
    /// The size of the whole history.
    pub async fn run_totals(&self) -> Result<RunTotals> {
        run_totals(&sqlx::query(TOTALS).fetch_one(self.reader()).await?)
    }

    /// The size of the history by workspace, integration and outcome; what is not there is 0.
    pub async fn outcome_counts(&self) -> Result<Vec<OutcomeCount>> {
        let rows = sqlx::query(ALL).fetch_all(self.reader()).await?;
        rows.iter().map(outcome_count).collect()
    }
}

fn outcome_count(row: &Row) -> Result<OutcomeCount> {
    Ok(OutcomeCount {
        workspace: row.text("workspace")?,
        integration: row.parsed("integration")?,
        outcome: row.parsed("outcome")?,
        totals: run_totals(row)?,
    })
}

fn run_totals(row: &Row) -> Result<RunTotals> {
    Ok(RunTotals { runs: row.number("runs")?, bytes: row.number("bytes")? })
}
