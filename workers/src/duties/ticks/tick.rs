//! The job that a tick is.

use schedules::Millis;
use schedules::recurrence::Recurrence;
use serde_json::{Map, Value, json};
use store::JobId;
use store::queue::{Cause, IfExists, Job, NewJob, ScheduleRef, Tick};

use super::MadeOf;

/// The fields of a tick's payload that the engine writes.
pub(crate) const RESERVED: [&str; 5] = ["scheduledAt", "nominal", "previous", "upcoming", "schedule"];

/// What the ticks of one schedule have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks<'a> {
    pub of: ScheduleRef,
    pub recurrence: &'a Recurrence,
    pub made_of: MadeOf<'a>,
    pub now: Millis,
}

impl Ticks<'_> {
    /// The tick of a nominal time.
    pub fn tick(&self, id: JobId, nominal: Millis, cause: Cause) -> NewJob {
        let previous = self.recurrence.previous(nominal.after(-1), Millis(0));
        let upcoming = self.recurrence.next(nominal);
        let due = self.effective(nominal);
        let job = Job {
            id,
            integration: self.of.integration,
            cause,
            release: None,
            payload: self.payload((nominal, due), previous, upcoming).to_string().into(),
            key: self.made_of.key.cloned(),
            due,
            closes: None,
            window: None,
            jitter_ms: 0,
            priority: 0,
            weight: 1,
            lane: self.made_of.lane.map(Into::into),
            awaited: false,
            tick: Some(Tick { schedule: self.of.schedule, nominal, previous, upcoming }),
            debounce: None,
            attempts: None,
            context: None,
            created: self.now,
        };
        // A key says what a tick is about; it must not replace another job.
        NewJob { job, if_exists: IfExists::Beside, idempotency: None }
    }

    /// When a tick is due: the jitter is the same for all ticks of a schedule.
    pub fn effective(&self, nominal: Millis) -> Millis {
        self.recurrence.jittered(nominal, &self.of.schedule.to_bytes())
    }

    fn payload(&self, (nominal, due): (Millis, Millis), previous: Option<Millis>, upcoming: Option<Millis>) -> Value {
        let mut payload: Map<String, Value> = self.made_of.payload.cloned().unwrap_or_default();
        payload.insert("scheduledAt".into(), json!(due.to_rfc3339()));
        payload.insert("nominal".into(), json!(nominal.to_rfc3339()));
        payload.insert("previous".into(), json!(previous.map(Millis::to_rfc3339)));
        payload.insert("upcoming".into(), json!(upcoming.map(Millis::to_rfc3339)));
        if let Some(name) = self.made_of.name {
            payload.insert("schedule".into(), json!(name));
        }
        Value::Object(payload)
    }
}
