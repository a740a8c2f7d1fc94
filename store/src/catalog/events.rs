//! The event log: events are written in batches, each id once in a day, and then only read until they are pruned.

use std::collections::BTreeMap;

use schedules::Millis;

use super::Catalog;
use super::event_model::{EventFilter, EventRetention, EventTypes, LoggedEvent};
use super::open::{Change, Db, Row};
use super::page::{self, Listing, Seek};
use super::row::{Columns, signed};
use crate::queue::{MAX_BATCH, Page, PageRequest};
use crate::{Error, EventPlace, Result};

/// A query with values bound to it.
type Query<'q> = sqlx::query::Query<'q, Db, <Db as sqlx::Database>::Arguments>;

impl LoggedEvent {
    /// What an event is taken to occupy beside its texts: its other columns and its places in the indexes.
    pub const OVERHEAD_BYTES: u64 = 512;

    /// What it is taken to occupy.
    pub fn bytes(&self) -> u64 {
        let texts = [&self.event, &self.kind, &self.body, &self.verdict].map(|text| text.len() as u64);
        Self::OVERHEAD_BYTES + texts.iter().sum::<u64>() + self.source.as_ref().map_or(0, |text| text.len() as u64)
    }
}

const INSERT: &str = "INSERT INTO events (place, workspace, event, type, source, occurred, received, via, matched, \
                      body, verdict, bytes) SELECT $1, $2, $3, $4, $5, CAST($6 AS BIGINT), CAST($7 AS BIGINT), $8, \
                      CAST($9 AS BIGINT), $10, $11, CAST($12 AS BIGINT) \
                      WHERE NOT EXISTS (SELECT 1 FROM events WHERE workspace = $2 AND event = $3 AND received > $13)";
const COUNT_IN: &str = "INSERT INTO event_totals (workspace, events, bytes) VALUES ($1, $2, $3) \
                        ON CONFLICT (workspace) DO UPDATE SET events = event_totals.events + $2, \
                        bytes = event_totals.bytes + $3";

impl Catalog {
    /// Writes events down, at most [`MAX_BATCH`]; `false` for one whose id is in the log since `since`: it is left out.
    pub async fn log_events(&self, events: &[LoggedEvent], since: Millis) -> Result<Vec<bool>> {
        if events.len() > MAX_BATCH {
            return Err(Error::TooMany { what: "writing events", limit: MAX_BATCH });
        }
        let mut change = self.begin().await?;
        let (mut new, mut tally) = (Vec::with_capacity(events.len()), Tally::default());
        for event in events {
            let written = insert(event, since).execute(&mut *change).await?.rows_affected() > 0;
            if written {
                tally.count(&event.workspace, signed(event.bytes()));
            }
            new.push(written);
        }
        tally.add(&mut change, 1).await?;
        change.commit().await?;
        Ok(new)
    }
}

fn insert(event: &LoggedEvent, since: Millis) -> Query<'_> {
    sqlx::query(INSERT)
        .bind(event.place.to_string())
        .bind(&event.workspace)
        .bind(&event.event)
        .bind(&event.kind)
        .bind(&event.source)
        .bind(event.occurred.0)
        .bind(event.received.0)
        .bind(event.via.name())
        .bind(signed(event.matched))
        .bind(&event.body)
        .bind(&event.verdict)
        .bind(signed(event.bytes()))
        .bind(since.0)
}

/// Events and bytes of each workspace.
#[derive(Default)]
struct Tally(BTreeMap<String, (i64, i64)>);

impl Tally {
    fn count(&mut self, workspace: &str, bytes: i64) {
        let (events, sum) = self.0.entry(workspace.to_owned()).or_default();
        *events += 1;
        *sum += bytes;
    }

    /// Adds them to the totals, or takes them away with a `sign` of -1.
    async fn add(&self, change: &mut Change, sign: i64) -> Result<()> {
        for (workspace, (events, bytes)) in &self.0 {
            let query = sqlx::query(COUNT_IN).bind(workspace).bind(sign * events).bind(sign * bytes);
            query.execute(&mut **change).await?;
        }
        Ok(())
    }
}

macro_rules! head {
    () => {
        "SELECT place, workspace, event, type, source, occurred, received, via, matched, verdict, "
    };
}

const NEWEST_OF: &str =
    concat!(head!(), "body FROM events WHERE workspace = $1 AND event = $2 ORDER BY place DESC LIMIT 1");
/// Ids of one statement.
const IDS: usize = 250;

impl Catalog {
    /// The newest event with that id, whole.
    pub async fn event(&self, workspace: &str, event: &str) -> Result<Option<LoggedEvent>> {
        let row = sqlx::query(NEWEST_OF).bind(workspace).bind(event).fetch_optional(self.reader()).await?;
        row.as_ref().map(logged).transpose()
    }

    /// Those of these ids that are in the log since `since`; their bodies are left out.
    pub async fn known_events(&self, workspace: &str, ids: &[&str], since: Millis) -> Result<Vec<LoggedEvent>> {
        let mut found = Vec::new();
        for ids in ids.chunks(IDS) {
            let numbers: Vec<String> = (3..ids.len() + 3).map(|n| format!("${n}")).collect();
            // The text is made of constants and numbers alone.
            let sql = sqlx::AssertSqlSafe(format!(
                "{}'' AS body FROM events WHERE workspace = $1 AND received > $2 AND event IN ({})",
                head!(),
                numbers.join(", ")
            ));
            let query = ids.iter().fold(sqlx::query(sql).bind(workspace).bind(since.0), |query, id| query.bind(*id));
            for row in query.fetch_all(self.reader()).await? {
                found.push(logged(&row)?);
            }
        }
        Ok(found)
    }

    /// A page of the log, the newest event first; their bodies are left out.
    pub async fn list_events(
        &self,
        workspace: &str,
        filter: EventFilter,
        request: PageRequest<EventPlace>,
    ) -> Result<Page<LoggedEvent>> {
        page::page(&Filtered { catalog: self, workspace, filter: &filter, bodies: false }, request).await
    }

    /// The oldest events after a place and up to another that pass a filter, whole, at most `limit` (and [`MAX_BATCH`]).
    pub async fn next_events(
        &self,
        workspace: &str,
        filter: &EventFilter,
        (after, until): (EventPlace, EventPlace),
        limit: usize,
    ) -> Result<Vec<LoggedEvent>> {
        let upto = until.0.0.checked_add(1).map(|next| EventPlace(ulid::Ulid(next)));
        let seek = Seek { after: upto, before: Some(after), backwards: true, limit: limit.min(MAX_BATCH) };
        Filtered { catalog: self, workspace, filter, bodies: true }.read(seek).await
    }

    /// How many events pass a filter, after a place and up to another.
    pub async fn count_events(
        &self,
        workspace: &str,
        filter: &EventFilter,
        (after, until): (EventPlace, EventPlace),
    ) -> Result<u64> {
        let filtered = Filtered { catalog: self, workspace, filter, bodies: false };
        let sql = format!("SELECT COUNT(*) FROM events WHERE {} AND place > $7 AND place <= $8", filtered.conditions());
        let row = filtered.query(sql).bind(after.to_string()).bind(until.to_string()).fetch_one(self.reader()).await?;
        let total: i64 = sqlx::Row::try_get(&row, 0)?;
        Ok(total.unsigned_abs())
    }
}

/// The events of a workspace that pass a filter, from the newest down.
struct Filtered<'a> {
    catalog: &'a Catalog,
    workspace: &'a str,
    filter: &'a EventFilter,
    bodies: bool,
}

const TOTAL: &str = "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) FROM event_totals WHERE workspace = $1";
const COUNT: &str = "SELECT COUNT(*) FROM events WHERE ";

impl Filtered<'_> {
    fn conditions(&self) -> String {
        let EventFilter { types, source, from, to, matched } = self.filter;
        let types = match types {
            None => "",
            Some(EventTypes::Exact(_)) => " AND type = $2",
            Some(EventTypes::Below(_)) => " AND type >= $2 AND type < $3",
        };
        let matched = match matched {
            None => "",
            Some(true) => " AND matched > 0",
            Some(false) => " AND matched = 0",
        };
        let when = |wanted: bool, sql: &'static str| if wanted { sql } else { "" };
        [
            "workspace = $1",
            types,
            when(source.is_some(), " AND source = $4"),
            when(from.is_some(), " AND received >= $5"),
            when(to.is_some(), " AND received < $6"),
            matched,
        ]
        .concat()
    }

    /// A query on constants, with the values of the conditions bound; those not in force are bound and not used.
    fn query(&self, sql: String) -> Query<'static> {
        let EventFilter { types, source, from, to, .. } = self.filter;
        let (low, high) = match types {
            None => (None, None),
            Some(EventTypes::Exact(kind)) => (Some(kind.clone()), None),
            Some(EventTypes::Below(start)) => (Some(start.clone()), Some(format!("{start}\u{10FFFF}"))),
        };
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(self.workspace.to_owned())
            .bind(low)
            .bind(high)
            .bind(source.clone())
            .bind(from.map(|at| at.0))
            .bind(to.map(|at| at.0))
    }
}

impl Listing for Filtered<'_> {
    type Item = LoggedEvent;
    type Cursor = EventPlace;

    fn cursor(item: &LoggedEvent) -> EventPlace {
        item.place
    }

    async fn read(&self, seek: Seek<EventPlace>) -> Result<Vec<LoggedEvent>> {
        let body = if self.bodies { "body" } else { "'' AS body" };
        let after = if seek.after.is_some() { " AND place < $7" } else { "" };
        let before = if seek.before.is_some() { " AND place > $8" } else { "" };
        let order = if seek.backwards { "place" } else { "place DESC" };
        let conditions = self.conditions();
        let sql = format!("{}{body} FROM events WHERE {conditions}{after}{before} ORDER BY {order} LIMIT $9", head!());
        let query = self.query(sql).bind(seek.after.map(|place| place.to_string()));
        let query = query.bind(seek.before.map(|place| place.to_string())).bind(signed(seek.limit));
        query.fetch_all(self.catalog.reader()).await?.iter().map(logged).collect()
    }

    async fn total(&self) -> Result<u64> {
        let EventFilter { types, source, from, to, matched } = self.filter;
        let all = types.is_none() && source.is_none() && from.is_none() && to.is_none() && matched.is_none();
        let sql = if all { TOTAL.to_owned() } else { format!("{COUNT}{}", self.conditions()) };
        let row = self.query(sql).fetch_one(self.catalog.reader()).await?;
        let total: i64 = sqlx::Row::try_get(&row, 0)?;
        Ok(total.unsigned_abs())
    }
}

fn logged(row: &Row) -> Result<LoggedEvent> {
    Ok(LoggedEvent {
        place: row.parsed("place")?,
        workspace: row.text("workspace")?,
        event: row.text("event")?,
        kind: row.text("type")?,
        source: row.value("source")?,
        occurred: row.millis("occurred")?,
        received: row.millis("received")?,
        via: row.parsed("via")?,
        matched: row.number("matched")?,
        body: row.text("body")?,
        verdict: row.text("verdict")?,
    })
}

const TOTAL_BYTES: &str = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM event_totals";
const OLDEST: &str = "SELECT place, received, bytes FROM events ORDER BY place LIMIT $1";
const DELETE: &str = "DELETE FROM events WHERE place <= $1 RETURNING workspace, bytes";

impl Catalog {
    /// Deletes events beyond `retention`, oldest first, at most `limit` (and [`MAX_BATCH`]) of them; returns how many. As
    /// many as that mean that there may be more, and the caller comes again.
    pub async fn prune_events(&self, retention: EventRetention, now: Millis, limit: usize) -> Result<u64> {
        let mut change = self.begin().await?;
        let mut left: i64 = sqlx::query_scalar(TOTAL_BYTES).fetch_one(&mut *change).await?;
        let rows = sqlx::query(OLDEST).bind(signed(limit.min(MAX_BATCH))).fetch_all(&mut *change).await?;
        let mut last: Option<EventPlace> = None;
        for row in &rows {
            let age = u64::try_from(now.since(row.millis("received")?)).unwrap_or(0);
            if age <= retention.max_age_ms && left <= signed(retention.max_bytes) {
                break;
            }
            left -= row.number::<i64>("bytes")?;
            last = Some(row.parsed("place")?);
        }
        let Some(last) = last else { return Ok(0) };
        let mut tally = Tally::default();
        let gone = sqlx::query(DELETE).bind(last.to_string()).fetch_all(&mut *change).await?;
        for row in &gone {
            tally.count(&row.text("workspace")?, row.number("bytes")?);
        }
        tally.add(&mut change, -1).await?;
        change.commit().await?;
        Ok(gone.len() as u64)
    }

    /// How many events are in the log of a workspace, and how many bytes they are taken to occupy.
    pub async fn event_totals(&self, workspace: &str) -> Result<(u64, u64)> {
        let sql = "SELECT events, bytes FROM event_totals WHERE workspace = $1";
        let row = sqlx::query(sql).bind(workspace).fetch_optional(self.reader()).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.number("events")?, row.number("bytes")?)))
    }
}
