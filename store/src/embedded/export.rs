//! export: what the file holds, kind by kind in the order of its tables' keys, a part at a time.

use rusqlite::{Connection, Row};
use schedules::Millis;
use schedules::rate::Hold;

use super::{bucket, control, outbox, row, survey};
use crate::queue::{Control, Cursor, Idempotency, Kind, Mark, Record, ScheduleRef, State, Stored};
use crate::{Error, IntegrationId, Result, ScheduleId};

/// About how many bytes of jobs a part has at most.
const MOST_BYTES: usize = 4 << 20;

/// The records after a mark, all of one kind, and the mark after them.
pub(super) fn export(
    connection: &Connection,
    after: Option<&Mark>,
    limit: usize,
    now: Millis,
) -> Result<(Vec<Record>, Option<Mark>)> {
    let (kind, place) = Mark::read(after)?;
    let part = Part { connection, place, limit: limit.max(1), now };
    let (records, next) = match kind {
        Kind::Control => part.controls()?,
        Kind::Cursor => part.cursors()?,
        Kind::Tick => part.ticks()?,
        Kind::Idempotency => part.idempotency()?,
        Kind::Hold => part.holds()?,
        Kind::Bucket => part.buckets()?,
        Kind::Job => part.jobs()?,
    };
    let next = match next {
        Some(place) => Some(Mark::at(kind, &place)),
        None => kind.next().map(|kind| Mark::at(kind, "")),
    };
    Ok((records, next))
}

/// A part of the records of one kind: those after `place`, which is the key of the row before them.
struct Part<'a> {
    connection: &'a Connection,
    place: &'a str,
    limit: usize,
    now: Millis,
}

/// Records, and the place after them; `None` after the last of their kind.
type Found = (Vec<Record>, Option<String>);

impl Part<'_> {
    fn controls(&self) -> Result<Found> {
        let query = concat!(
            "SELECT ",
            control::columns!(),
            ", integration FROM integrations WHERE integration > ?1 ORDER BY integration LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = row::all(&mut statement, (self.integration()?, row::count(self.limit)), |row| {
            Ok((row.get::<_, IntegrationId>(6)?, control::read(row)?))
        })?;
        let next = self.next(rows.len(), || rows.last().map(|(integration, _)| integration.to_string()));
        let is_set = |(_, control): &(IntegrationId, Control)| *control != Control::default();
        let records = rows.into_iter().filter(is_set);
        Ok((records.map(|(integration, control)| Record::Control { integration, control }).collect(), next))
    }

    fn cursors(&self) -> Result<Found> {
        let (integration, schedule) = match self.place.split_once('/') {
            Some((integration, schedule)) => (
                integration.parse().map_err(|()| Mark::unreadable(self.place))?,
                schedule.parse().map_err(|()| Mark::unreadable(self.place))?,
            ),
            None => (IntegrationId::from_bytes([0; 16]), ScheduleId::from_bytes([0; 16])),
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT integration, schedule, cursor FROM cursors WHERE (integration, schedule) > (?1, ?2)
             ORDER BY integration, schedule LIMIT ?3",
        )?;
        let rows = row::all(&mut statement, (integration, schedule, row::count(self.limit)), |row| {
            let schedule = ScheduleRef { integration: row.get(0)?, schedule: row.get(1)? };
            Ok((schedule, Cursor::parse(&row.get::<_, String>(2)?)?))
        })?;
        let place = |(last, _): &(ScheduleRef, Cursor)| format!("{}/{}", last.integration, last.schedule);
        let next = self.next(rows.len(), || rows.last().map(place));
        let records = rows.into_iter().map(|(schedule, cursor)| Record::Cursor { schedule, cursor });
        Ok((records.collect(), next))
    }

    fn ticks(&self) -> Result<Found> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name, record FROM outbox WHERE hex(name) > ?1 ORDER BY hex(name) LIMIT ?2")?;
        let rows = row::all(&mut statement, (self.place, row::count(self.limit)), outbox::read)?;
        let next = self.next(rows.len(), || rows.last().map(outbox::place));
        Ok((rows.into_iter().map(Record::Tick).collect(), next))
    }

    fn idempotency(&self) -> Result<Found> {
        let (integration, key) = self.pair()?;
        let mut statement = self.connection.prepare_cached(
            "SELECT integration, key, fingerprint, until, job, due, replaced FROM idempotency
             WHERE (integration, key) > (?1, ?2) ORDER BY integration, key LIMIT ?3",
        )?;
        let records = row::all(&mut statement, (integration, key, row::count(self.limit)), first_answer)?;
        let next = self.next(records.len(), || match records.last() {
            Some(Record::Idempotency { integration, asked, .. }) => Some(format!("{integration}/{}", asked.key)),
            _ => None,
        });
        Ok((records, next))
    }

    fn holds(&self) -> Result<Found> {
        let (integration, name) = self.pair()?;
        let mut statement = self.connection.prepare_cached(
            "SELECT integration, name, paused, until FROM holds WHERE (integration, name) > (?1, ?2)
             ORDER BY integration, name LIMIT ?3",
        )?;
        let records = row::all(&mut statement, (integration, name, row::count(self.limit)), |row| {
            let hold = Hold { paused: row.get(2)?, until: Millis(row.get(3)?) };
            Ok(Record::Hold { integration: row.get(0)?, name: row.get(1)?, hold })
        })?;
        let next = self.next(records.len(), || match records.last() {
            Some(Record::Hold { integration, name, .. }) => Some(format!("{integration}/{name}")),
            _ => None,
        });
        Ok((records, next))
    }

    fn buckets(&self) -> Result<Found> {
        let (integration, name) = self.pair()?;
        let mut statement = self.connection.prepare_cached(
            "SELECT ms, part, log, integration, name, until FROM buckets
             WHERE (integration, name) > (?1, ?2) AND until > ?3 ORDER BY integration, name LIMIT ?4",
        )?;
        let params = (integration, name, self.now.0, row::count(self.limit));
        let records = row::all(&mut statement, params, |row| {
            let (integration, name, until) = (row.get(3)?, row.get(4)?, Millis(row.get(5)?));
            Ok(Record::Bucket { integration, name, state: bucket::read(row)?, until })
        })?;
        let next = self.next(records.len(), || match records.last() {
            Some(Record::Bucket { integration, name, .. }) => Some(format!("{integration}/{name}")),
            _ => None,
        });
        Ok((records, next))
    }

    fn jobs(&self) -> Result<Found> {
        let place = if self.place.is_empty() { "-1" } else { self.place };
        let mut after: i64 = place.parse().map_err(|_| Mark::unreadable(self.place))?;
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            row::columns!(),
            ", key IS NOT NULL, detached FROM jobs NOT INDEXED WHERE seq > ?1 ORDER BY seq LIMIT ?2"
        ))?;
        let mut rows = statement.query((after, row::count(self.limit)))?;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while bytes < MOST_BYTES {
            let Some(row) = rows.next()? else { break };
            let stored = self.stored(row)?;
            after = row.get(0)?;
            bytes += stored.job.payload.len() + stored.error.as_deref().map_or(0, str::len);
            records.push(Record::Job(Box::new(stored)));
        }
        let is_last = records.len() < self.limit && bytes < MOST_BYTES;
        Ok((records, (!is_last).then(|| after.to_string())))
    }

    /// What a row of [`Self::jobs`] says.
    fn stored(&self, row: &Row<'_>) -> Result<Stored> {
        let seq: i64 = row.get(0)?;
        let view = row::view(row)?;
        let (keyed, detached): (bool, bool) = (row.get(21)?, row.get(22)?);
        let is_overdue = view.state == State::Running;
        if is_overdue && view.lease_until > Some(self.now) {
            return Err(self.busy()?);
        }
        let detached = match view.state {
            State::Pending => detached,
            State::Running => keyed && self.is_key_taken(&view.job, seq)?,
            State::Dead => false,
        };
        Ok(Stored {
            arrival: u64::try_from(seq)
                .map_err(|_| Error::Corrupt(format!("job {}: it is number {seq}", view.job.id)))?,
            attempts: view.attempt,
            lost: view.lost + u32::from(is_overdue),
            charged: view.charged,
            keyed,
            detached: keyed && detached,
            died: view.died,
            error: view.error.filter(|error| !error.is_empty()),
            job: view.job,
        })
    }

    /// Whether a pending job, or one that arrived later and lost its lease too, has the key of this one.
    fn is_key_taken(&self, job: &crate::queue::Job, seq: i64) -> Result<bool> {
        let Some(key) = job.key.as_ref().map(schedules::Key::identity) else { return Ok(false) };
        let mut statement = self.connection.prepare_cached(
            "SELECT 1 FROM jobs INDEXED BY jobs_key
             WHERE state = 0 AND detached = 0 AND key IS NOT NULL AND integration = ?1 AND key = ?2
             UNION ALL
             SELECT 1 FROM jobs INDEXED BY jobs_running WHERE state = 1 AND integration = ?1 AND key = ?2 AND seq > ?3",
        )?;
        Ok(statement.exists((job.integration, &key.0[..], seq))?)
    }

    fn busy(&self) -> Result<Error> {
        let (jobs, end) = survey::running(self.connection, self.now)?;
        let left_ms = end.map_or(0, |end| end.since(self.now)).unsigned_abs();
        Ok(Error::Busy { jobs, left_ms })
    }

    /// The place after so many records.
    fn next(&self, count: usize, last: impl FnOnce() -> Option<String>) -> Option<String> {
        if count < self.limit { None } else { last() }
    }

    /// The place as an integration's id, in bytes; nothing is before every id.
    fn integration(&self) -> Result<Vec<u8>> {
        integration(self.place)
    }

    /// The place as an integration and a name.
    fn pair(&self) -> Result<(Vec<u8>, &str)> {
        let (id, name) = self.place.split_once('/').unwrap_or((self.place, ""));
        Ok((integration(id)?, name))
    }
}

fn integration(text: &str) -> Result<Vec<u8>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.parse::<IntegrationId>().map(|id| id.to_bytes().to_vec()).map_err(|()| Mark::unreadable(text))
}

fn first_answer(row: &Row<'_>) -> Result<Record> {
    let fingerprint: Vec<u8> = row.get(2)?;
    let fingerprint =
        fingerprint.try_into().map_err(|_| Error::Corrupt("a fingerprint is not 32 bytes long".into()))?;
    Ok(Record::Idempotency {
        integration: row.get(0)?,
        asked: Idempotency { key: row.get(1)?, fingerprint, until: Millis(row.get(3)?) },
        first: row.get(4)?,
        due: Millis(row.get(5)?),
        replaced: row.get(6)?,
    })
}
