//! The buckets of an integration's rate limits, as one turn sees them: read once, written back at its end.

use std::collections::HashMap;

use rusqlite::{Connection, Row};
use schedules::Millis;
use schedules::rate::gcra::Tat;
use schedules::rate::{Algorithm, Hold, Rule, State};

use super::{hold, row};
use crate::queue::owner_of;
use crate::{Error, IntegrationId, Result};

/// Those that were looked at so far.
pub(super) struct Buckets {
    pub(super) integration: IntegrationId,
    known: HashMap<String, Known>,
}

struct Known {
    state: State,
    hold: Hold,
    /// The rule it was charged by, if it was.
    charged: Option<Rule>,
}

impl Buckets {
    /// None yet.
    pub(super) fn new(integration: IntegrationId) -> Self {
        Self { integration, known: HashMap::new() }
    }

    /// The state of one, and what shuts it.
    pub(super) fn state(&mut self, connection: &Connection, name: &str, algorithm: Algorithm) -> Result<(State, Hold)> {
        if let Some(known) = self.known.get(name) {
            return Ok((known.state.clone(), known.hold));
        }
        let place = (owner_of(self.integration, name), name);
        let state = load(connection, place)?.unwrap_or_else(|| State::empty(algorithm));
        let hold = hold::read(connection, place)?;
        self.known.insert(name.to_owned(), Known { state: state.clone(), hold, charged: None });
        Ok((state, hold))
    }

    /// Charges one.
    pub(super) fn charge(&mut self, name: String, state: State, rule: Rule) {
        let hold = self.known.get(&name).map(|known| known.hold).unwrap_or_default();
        self.known.insert(name, Known { state, hold, charged: Some(rule) });
    }

    /// Writes those that were charged.
    pub(super) fn write(self, connection: &Connection) -> Result<()> {
        for (name, known) in self.known {
            let Some(rule) = known.charged else { continue };
            let until = empty_from(&known.state, &rule);
            let place = (owner_of(self.integration, &name), name.as_str());
            write(connection, "INSERT OR REPLACE INTO", place, &known.state, until)?;
        }
        Ok(())
    }
}

/// The state of one that somebody has used.
pub(super) fn load(connection: &Connection, bucket: (IntegrationId, &str)) -> Result<Option<State>> {
    let mut statement =
        connection.prepare_cached("SELECT ms, part, log FROM buckets WHERE integration = ?1 AND name = ?2")?;
    row::one(&mut statement, bucket, read)
}

/// Adds one as it is, unless it is there; whether it was not.
pub(super) fn add(
    connection: &Connection,
    bucket: (IntegrationId, &str),
    state: &State,
    until: Millis,
) -> Result<bool> {
    Ok(write(connection, "INSERT OR IGNORE INTO", bucket, state, until)? == 1)
}

fn write(
    connection: &Connection,
    insert: &str,
    (integration, name): (IntegrationId, &str),
    state: &State,
    until: Millis,
) -> Result<usize> {
    let (tat, log) = match state {
        State::LeakyBucket(tat) => (*tat, None),
        State::SlidingWindow(log) => (None, Some(bytes_of(log))),
    };
    let statement =
        format!("{insert} buckets (integration, name, ms, part, log, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    let params = (integration, name, tat.map(|tat| tat.ms), tat.map(|tat| tat.part), log, until.0);
    Ok(connection.prepare_cached(&statement)?.execute(params)?)
}

/// The state of a row of `ms, part, log`.
pub(super) fn read(row: &Row<'_>) -> Result<State> {
    match row.get_ref(2)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
        Some(log) => log_of(log).map(State::SlidingWindow),
        None => Ok(State::LeakyBucket(Some(Tat { ms: row.get(0)?, part: row.get(1)? }))),
    }
}

/// From when on a state says no more than an empty bucket's.
fn empty_from(state: &State, rule: &Rule) -> Millis {
    match state {
        State::LeakyBucket(tat) => tat.map_or(Millis(i64::MIN), Tat::empty_at),
        State::SlidingWindow(log) => {
            let interval = i64::try_from(rule.interval_ms).unwrap_or(i64::MAX);
            log.last().map_or(Millis(i64::MIN), |newest| newest.after(interval))
        }
    }
}

fn bytes_of(log: &[Millis]) -> Vec<u8> {
    log.iter().flat_map(|at| at.0.to_le_bytes()).collect()
}

fn log_of(bytes: &[u8]) -> Result<Vec<Millis>> {
    let (whole, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(Error::Corrupt("a rate limit's admissions are cut off".into()));
    }
    Ok(whole.iter().map(|at| Millis(i64::from_le_bytes(*at))).collect())
}
