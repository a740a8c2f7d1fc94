//! settle: write what becomes of claimed jobs.

use super::row;
use super::step::{Place, Step};
use crate::Result;
use crate::queue::{Lease, Next, Settled, Settlement};

/// Whether another pending job has the key of the row that is being updated.
macro_rules! key_is_taken {
    () => {
        "key IS NOT NULL AND EXISTS (
             SELECT 1 FROM jobs AS other
             WHERE other.state = 0 AND other.detached = 0 AND other.key IS NOT NULL
               AND other.integration = jobs.integration AND other.key = jobs.key)"
    };
}
pub(super) use key_is_taken;

const REMOVE: &str = "DELETE FROM jobs WHERE id = ?1 AND state = 1 AND token = ?2 RETURNING integration, lane, gate";

const RETRY: &str = concat!(
    "UPDATE jobs SET state = 0, token = NULL, lease_until = NULL, due = ?3, closes = ?4, error = ?5, detached = ",
    key_is_taken!(),
    " WHERE id = ?1 AND state = 1 AND token = ?2 RETURNING integration, lane, gate"
);

const RETURN: &str = concat!(
    "UPDATE jobs SET state = 0, token = NULL, lease_until = NULL, due = ?3, closes = ?4, attempt = max(attempt - counted, 0), detached = ",
    key_is_taken!(),
    " WHERE id = ?1 AND state = 1 AND token = ?2 RETURNING integration, lane, gate"
);

const BURY: &str = "UPDATE jobs SET state = 2, token = NULL, lease_until = NULL, died = ?3, error = ?4
    WHERE id = ?1 AND state = 1 AND token = ?2 RETURNING integration, lane, gate";

/// Writes each settlement whose lease is held.
pub(super) fn settle(step: &mut Step<'_>, settlements: &[Settlement]) -> Result<Vec<Settled>> {
    settlements.iter().map(|settlement| settle_one(step, settlement)).collect()
}

fn settle_one(step: &mut Step<'_>, settlement: &Settlement) -> Result<Settled> {
    let Lease { job, token } = settlement.lease;
    let token = token.cast_signed();
    let place = match &settlement.next {
        Next::Remove => write(step, REMOVE, (job, token))?,
        Next::Retry { due, closes, error } => write(step, RETRY, (job, token, due.0, closes.map(|it| it.0), &**error))?,
        Next::Return { due, closes } => write(step, RETURN, (job, token, due.0, closes.map(|it| it.0)))?,
        Next::Bury { error } => write(step, BURY, (job, token, step.now.0, &**error))?,
    };
    let Some(place) = place else {
        return Ok(Settled::Stale);
    };
    match settlement.next {
        Next::Remove => {
            step.shrink(1);
            step.free_slot(place);
        }
        Next::Bury { .. } => step.free_slot(place),
        Next::Retry { .. } | Next::Return { .. } => step.touch(place),
    }
    Ok(Settled::Applied)
}

/// Runs a statement; the place of the job it changed, or `None` if the lease is not held.
fn write(step: &Step<'_>, statement: &str, params: impl rusqlite::Params) -> Result<Option<Place>> {
    let mut statement = step.connection.prepare_cached(statement)?;
    row::one(&mut statement, params, row::short_place)
}
