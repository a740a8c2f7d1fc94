//! A schedule as it is kept in memory.

use schedules::Key;
use schedules::recurrence::Recurrence;
use serde_json::{Map, Value};
use store::catalog::StoredSchedule;
use store::queue::{Cursor, ScheduleRef};

use super::OWN;
use crate::duties::ticks::{MadeOf, Of};
use crate::settings::Schedule;
use crate::{Error, Result, Services};

/// A stored schedule, read and understood.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub stored: StoredSchedule,
    pub schedule: Schedule,
    key: Option<Key>,
    payload: Option<Map<String, Value>>,
    /// The recurrence that was in force before, once it is asked for.
    before: Option<Recurrence>,
}

impl Known {
    pub fn read(stored: StoredSchedule) -> Result<Self> {
        let corrupt = |what: &str| Error::Unavailable(format!("the {what} of schedule {} cannot be read", stored.name));
        let key = stored.key.as_deref().map(|text| {
            let value: Value = serde_json::from_str(text).map_err(|_| corrupt("key"))?;
            Key::parse(&value).map_err(Error::from)
        });
        let payload = stored.payload.as_deref().map(|text| serde_json::from_str(text).map_err(|_| corrupt("payload")));
        let (key, payload) = (key.transpose()?, payload.transpose()?);
        let schedule = parse(&stored.spec)?;
        Ok(Self { schedule, key, payload, before: None, stored })
    }

    pub fn id(&self) -> ScheduleRef {
        self.stored.id
    }

    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// It, with what counts for the next tick.
    pub fn of<'a>(&'a self, lane: Option<&'a str>) -> Of<'a> {
        Of {
            id: self.id(),
            schedule: &self.schedule,
            revision: self.stored.revision,
            since: self.stored.since,
            before: self.before.as_ref(),
            resumed: self.stored.resumed,
            made_of: MadeOf {
                name: Some(&*self.stored.name).filter(|name| *name != OWN),
                payload: self.payload.as_ref(),
                key: self.key.as_ref(),
                lane,
            },
        }
    }

    /// Looks up what was in force at a cursor of another revision.
    pub async fn look_back(&mut self, services: &Services, cursor: Option<Cursor>) -> Result<()> {
        let Some(before) = cursor.map(|cursor| cursor.revision).filter(|revision| *revision != self.stored.revision)
        else {
            return Ok(());
        };
        let found = services.catalog.revision(self.id().schedule, before).await?;
        self.before = found.and_then(|found| parse(&found.spec).ok()).map(|schedule| schedule.recurrence);
        Ok(())
    }
}

/// A schedule as the catalog has it.
pub(super) fn parse(spec: &str) -> Result<Schedule> {
    Schedule::parse(serde_json::from_str(spec).unwrap_or_default())
}
