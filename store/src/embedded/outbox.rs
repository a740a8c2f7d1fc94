//! The outbox: records of ticks, until they are in the ledger.

use rusqlite::{Connection, Row};

use super::row;
use super::step::Step;
use crate::Result;
use crate::queue::TickRecord;

/// Adds a record; `false` if it is there.
pub(super) fn add(connection: &Connection, record: &TickRecord) -> Result<bool> {
    let mut statement =
        connection.prepare_cached("INSERT INTO outbox (name, record) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    Ok(statement.execute((record.name_bytes(), record.encode()?))? == 1)
}

/// Some of the records.
pub(super) fn some(connection: &Connection, limit: usize) -> Result<Vec<TickRecord>> {
    let mut statement = connection.prepare_cached("SELECT name, record FROM outbox LIMIT ?1")?;
    row::all(&mut statement, (row::count(limit),), read)
}

/// Forgets records.
pub(super) fn clear(step: &mut Step<'_>, records: &[TickRecord]) -> Result<()> {
    let mut statement = step.connection.prepare_cached("DELETE FROM outbox WHERE name = ?1")?;
    for record in records {
        statement.execute((record.name_bytes(),))?;
    }
    Ok(())
}

/// The record of a row of `name, record`.
pub(super) fn read(row: &Row<'_>) -> Result<TickRecord> {
    let (name, bytes): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
    TickRecord::decode(&name, &bytes)
}

/// The place of a record in an export.
pub(super) fn place(record: &TickRecord) -> String {
    record.name_bytes().iter().map(|byte| format!("{byte:02X}")).collect()
}
