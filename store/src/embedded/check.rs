//! check: does the file contradict itself, or do the writer's books contradict the file?
//!
//! A question sees the file as it was after one commit, where everything derived is up to date; nothing changes meanwhile.

use rusqlite::Connection;
use ulid::Ulid;

use super::step::Step;
use super::{bucket, limits, outbox, row};
use crate::queue::{Cursor, Violation};
use crate::{Error, Result};

/// At most this many of each kind are reported.
const MOST: i64 = 100;

/// What must not be found: the rule, and a query for the ids and the details of what breaks it.
const RULES: [(&str, &str); 12] = [
    ("job_in_no_state", "SELECT id, state FROM jobs NOT INDEXED WHERE state NOT IN (0, 1, 2)"),
    (
        "lease_and_state_disagree",
        "SELECT id, state FROM jobs NOT INDEXED
         WHERE (state = 1) <> (token IS NOT NULL) OR (state = 1) <> (lease_until IS NOT NULL)",
    ),
    ("death_and_state_disagree", "SELECT id, state FROM jobs NOT INDEXED WHERE (state = 2) <> (died IS NOT NULL)"),
    (
        "key_held_twice",
        "SELECT max(id), key_text FROM jobs NOT INDEXED WHERE state = 0 AND detached = 0 AND key IS NOT NULL
         GROUP BY integration, key HAVING count(*) > 1",
    ),
    ("gate_of_a_job_that_does_not_wait", "SELECT id, gate FROM jobs NOT INDEXED WHERE gate IS NOT NULL AND state <> 0"),
    (
        "line_without_gate",
        "SELECT id, gate FROM jobs NOT INDEXED WHERE (in_line = 1 AND gate IS NULL) OR gate IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM gates WHERE gates.integration = jobs.integration AND name = gate)",
    ),
    (
        "gate_and_line_disagree",
        "SELECT integration, name FROM gates
         LEFT JOIN (SELECT integration, gate AS name, sum(in_line) AS line FROM jobs WHERE gate IS NOT NULL
                    GROUP BY integration, gate) USING (integration, name)
         WHERE line IS NULL OR is_empty <> (line = 0)",
    ),
    (
        // Only what is shut, or was until its gate opened a moment ago, keeps one that was charged before.
        "charged_job_in_line",
        "SELECT id, gate FROM jobs NOT INDEXED WHERE in_line = 1 AND charged = 1
           AND NOT EXISTS (SELECT 1 FROM holds WHERE name = gate AND holds.integration IN (jobs.integration, zeroblob(16)))
           AND EXISTS (SELECT 1 FROM gates WHERE gates.integration = jobs.integration AND name = gate AND at > 0)",
    ),
    (
        "lane_without_job",
        "SELECT integration, lane FROM lanes WHERE NOT EXISTS
             (SELECT 1 FROM jobs WHERE state = 0 AND in_line = 0
              AND jobs.integration = lanes.integration AND jobs.lane = lanes.lane)",
    ),
    (
        "lane_and_jobs_disagree",
        "SELECT waiting.integration, printf('%s: %s, not %s', waiting.lane, lanes.head, first)
         FROM (SELECT integration, lane, min(due) AS first FROM jobs NOT INDEXED WHERE state = 0 AND in_line = 0
               GROUP BY integration, lane) AS waiting
         LEFT JOIN integrations USING (integration) LEFT JOIN lanes USING (integration, lane)
         WHERE lanes.ready IS NULL OR (lanes.ready = 1 AND lanes.head IS NULL)
            OR lanes.head IS NOT iif(waiting.lane <> '' AND lane_concurrency <=
                   (SELECT count(*) FROM jobs WHERE state = 1 AND jobs.integration = waiting.integration
                    AND jobs.lane = waiting.lane), NULL,
                   ifnull((SELECT min(due) FROM jobs WHERE lane_fifo AND waiting.lane <> '' AND state = 0 AND attempt > 0
                           AND jobs.integration = waiting.integration AND jobs.lane = waiting.lane), first))",
    ),
    (
        "integration_and_lanes_disagree",
        "SELECT integration, printf('%s, not %s', head, first)
         FROM (SELECT integration, min(first) AS first FROM
                   (SELECT integration, head AS first FROM lanes UNION ALL SELECT integration, at FROM gates WHERE is_empty = 0
                    UNION ALL SELECT integration, NULL FROM integrations) GROUP BY integration)
         LEFT JOIN integrations USING (integration)
         WHERE ready IS NULL OR (ready = 1 AND head IS NULL)
            OR head IS NOT iif(paused OR concurrency <= (SELECT count(*) FROM jobs
                   WHERE state = 1 AND jobs.integration = integrations.integration), NULL, first)",
    ),
    (
        "bucket_of_no_kind",
        "SELECT integration, name FROM buckets WHERE (ms IS NULL) = (log IS NULL) OR (ms IS NULL) <> (part IS NULL)",
    ),
];

/// What of the file contradicts itself.
pub(super) fn file(connection: &Connection) -> Result<Vec<Violation>> {
    let mut found = damages(connection)?;
    for (rule, query) in RULES {
        let mut statement = connection.prepare(&format!("SELECT * FROM ({query}) LIMIT {MOST}"))?;
        let broken = row::all(&mut statement, (), |row| {
            let id = row.get_ref(0)?.as_blob().ok().and_then(|bytes| bytes.try_into().ok()).map(Ulid::from_bytes);
            Ok(Violation { rule, what: format!("{} {:?}", id.unwrap_or_default(), row.get_ref(1)?) })
        })?;
        found.extend(broken);
    }
    unreadable(connection, &mut found)?;
    Ok(found)
}

/// What SQLite itself finds: pages, and indexes that do not agree with their table.
fn damages(connection: &Connection) -> Result<Vec<Violation>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let lines = row::all(&mut statement, (), |row| Ok(row.get::<_, String>(0)?))?;
    let damage = |what| Violation { rule: "damaged_file", what };
    Ok(lines.into_iter().filter(|line| line != "ok").map(damage).collect())
}

/// Rows whose bytes this program does not understand.
fn unreadable(connection: &Connection, found: &mut Vec<Violation>) -> Result<()> {
    let jobs = concat!("SELECT ", row::columns!(), " FROM jobs");
    let limits = "SELECT limits FROM integrations WHERE limits IS NOT NULL";
    scan(connection, jobs, found, |row| row::view(row).map(drop))?;
    scan(connection, "SELECT ms, part, log FROM buckets", found, |row| bucket::read(row).map(drop))?;
    let cursors = "SELECT cursor FROM cursors";
    scan(connection, cursors, found, |row| Cursor::parse(&row.get::<_, String>(0)?).map(drop))?;
    scan(connection, "SELECT name, record FROM outbox", found, |row| outbox::read(row).map(drop))?;
    scan(connection, limits, found, |row| limits::decode(row.get_ref(0)?.as_blob().ok()).map(drop))
}

fn scan(
    connection: &Connection,
    query: &str,
    found: &mut Vec<Violation>,
    read: impl Fn(&rusqlite::Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare(query)?;
    let errors = row::all(&mut statement, (), |row| Ok(read(row).err()))?;
    let broken = |error: Error| Violation { rule: "unreadable", what: error.to_string() };
    found.extend(errors.into_iter().flatten().take(MOST.unsigned_abs() as usize).map(broken));
    Ok(())
}

/// Where the writer's books contradict the file.
pub(super) fn books(step: &Step<'_>) -> Result<Vec<Violation>> {
    let jobs: i64 = step.connection.query_row("SELECT count(*) FROM jobs", (), |row| row.get(0))?;
    let books = step.books.jobs;
    if books == jobs.unsigned_abs() {
        return Ok(Vec::new());
    }
    Ok(vec![Violation {
        rule: "books_and_jobs_disagree",
        what: format!("{books} jobs in the books, {jobs} in the file"),
    }])
}
