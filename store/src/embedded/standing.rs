//! standing: where a pending job stands, and what is around it.

use rusqlite::{Connection, OptionalExtension};
use schedules::Millis;

use super::row::{self, NO_LANE};
use super::{bucket, find, hold};
use crate::queue::{JobView, Line, Standing, State, owner_of};
use crate::{JobId, Result};

/// Looks.
pub(super) fn standing(
    connection: &Connection,
    id: JobId,
    buckets: &[String],
    now: Millis,
) -> Result<Option<Standing>> {
    let Some(view) = find::get(connection, id)?.filter(|view| view.state == State::Pending) else { return Ok(None) };
    let integration = view.job.integration;
    let lane = view.job.lane.as_deref().unwrap_or(NO_LANE);
    let count = |query: &str, params: &[&dyn rusqlite::ToSql]| -> Result<u64> {
        let count: i64 = connection.prepare_cached(query)?.query_row(params, |row| row.get(0))?;
        Ok(count.unsigned_abs())
    };
    let asked = buckets.iter().map(|name| {
        let place = (owner_of(integration, name), name.as_str());
        Ok((bucket::load(connection, place)?, hold::read(connection, place)?))
    });
    Ok(Some(Standing {
        now,
        line: line(connection, &view)?,
        buckets: asked.collect::<Result<_>>()?,
        running: count(
            "SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1",
            &[&integration],
        )?,
        running_in_lane: count(
            "SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1 AND lane = ?2",
            &[&integration, &lane],
        )?,
        ahead_in_lane: ahead_in_lane(connection, &view, now)?,
        turns_ahead: count(
            "SELECT count(*) FROM integrations WHERE ready = 1 AND served <
                 (SELECT served FROM integrations WHERE integration = ?1 AND ready = 1)",
            &[&integration],
        )?,
    }))
}

/// The place in line of a job that stands in one.
fn line(connection: &Connection, view: &JobView) -> Result<Option<Line>> {
    let mut statement =
        connection.prepare_cached("SELECT gate, seq, priority, due FROM jobs WHERE id = ?1 AND in_line = 1")?;
    let place = statement.query_row((view.job.id,), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
    });
    let Some((bucket, seq, priority, due)) = place.optional()? else { return Ok(None) };
    // Those of other integrations take turns with it at a limiter: its own line is what is certain.
    let mut ahead = connection.prepare_cached(
        "SELECT weight FROM jobs INDEXED BY jobs_line
         WHERE gate IS NOT NULL AND integration = ?1 AND gate = ?2 AND charged = 0 AND
               (in_line = 0 OR (due, -priority, seq) < (?3, -?4, ?5))
         ORDER BY in_line, due, priority DESC, seq LIMIT ?6",
    )?;
    let params = (view.job.integration, &bucket, due, priority, seq, row::count(Line::MOST));
    let ahead = row::all(&mut ahead, params, |row| Ok(row.get::<_, u32>(0)?))?;
    Ok(Some(Line { bucket, ahead }))
}

fn ahead_in_lane(connection: &Connection, view: &JobView, now: Millis) -> Result<u64> {
    let lane = view.job.lane.as_deref().unwrap_or(NO_LANE);
    let seq = "(SELECT seq FROM jobs WHERE id = ?6)";
    let query = format!(
        "SELECT count(*) FROM jobs INDEXED BY jobs_queue
         WHERE state = 0 AND integration = ?1 AND lane = ?2 AND in_line = 0 AND priority >= ?3 AND due <= ?4
           AND (priority > ?3 OR (due, seq) < (?5, {seq}))"
    );
    let due = view.job.due;
    let params = (view.job.integration, lane, view.job.priority, due.max(now).0, due.0, view.job.id);
    let count: i64 = connection.prepare_cached(&query)?.query_row(params, |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
