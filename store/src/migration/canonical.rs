//! A record as bytes that are the same whichever engine held it.
//!
//! What an engine cannot keep is left out of them: times before 1970 or after the year 10889, more than 255 attempts.

use schedules::Millis;
use schedules::rate::{Algorithm, Limit, OnExceed, OnMissing, State};

use crate::body;
use crate::queue::{Control, Idempotency, Record, ScheduleRef, Stored};
use crate::{IntegrationId, JobId, Result};

const LAST_TIME: i64 = (1 << 48) - 1;
const MOST_ATTEMPTS: u32 = 255;
const MOST_PRIORITY: u8 = 9;

/// The bytes of a record: its kind, its parts in a fixed order, each of which says how long it is.
pub(super) fn encode(record: &Record) -> Result<Vec<u8>> {
    let mut out = Bytes(Vec::with_capacity(256));
    match record {
        Record::Control { integration, control } => out.byte(1).id(integration.to_bytes()).control(control),
        Record::Cursor { schedule, cursor } => out.byte(2).schedule(*schedule).text(cursor.to_text().as_bytes()),
        Record::Tick(record) => out.byte(6).text(&record.name_bytes()).text(&record.encode()?),
        Record::Idempotency { integration, asked, first, due, replaced } => {
            out.byte(3).answer(*integration, asked, (*first, *due, *replaced))
        }
        Record::Bucket { integration, name, state, .. } => {
            out.byte(4).id(integration.to_bytes()).text(name.as_bytes()).state(state)
        }
        Record::Hold { integration, name, hold } => {
            out.byte(6).id(integration.to_bytes()).text(name.as_bytes()).flag(hold.paused).time(hold.until)
        }
        Record::Job(stored) => out.byte(5).job(stored)?,
    };
    Ok(out.0)
}

struct Bytes(Vec<u8>);

impl Bytes {
    fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    fn flag(&mut self, flag: bool) -> &mut Self {
        self.byte(u8::from(flag))
    }

    fn id(&mut self, id: [u8; 16]) -> &mut Self {
        self.0.extend(id);
        self
    }

    fn schedule(&mut self, schedule: ScheduleRef) -> &mut Self {
        self.id(schedule.integration.to_bytes()).id(schedule.schedule.to_bytes())
    }

    fn number(&mut self, number: i64) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn count(&mut self, count: u32) -> &mut Self {
        self.number(count.into())
    }

    fn time(&mut self, at: Millis) -> &mut Self {
        self.number(at.0.clamp(0, LAST_TIME))
    }

    fn text(&mut self, text: &[u8]) -> &mut Self {
        self.0.extend((text.len() as u64).to_be_bytes());
        self.0.extend(text);
        self
    }

    fn optional<T>(&mut self, part: Option<T>, write: impl FnOnce(&mut Self, T) -> &mut Self) -> &mut Self {
        self.flag(part.is_some());
        if let Some(part) = part {
            write(self, part);
        }
        self
    }

    fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        self.optional(text, |out, text| out.text(text.as_bytes()))
    }

    fn job(&mut self, stored: &Stored) -> Result<&mut Self> {
        let Stored { job, .. } = stored;
        self.id(job.id.to_bytes()).id(job.integration.to_bytes());
        self.text(job.cause.to_string().as_bytes());
        self.time(job.due).optional(job.closes, Self::time);
        self.byte(job.priority.min(MOST_PRIORITY)).count(job.weight);
        self.optional_text(job.lane.as_deref());
        self.optional_text(job.key.as_ref().map(schedules::Key::canonical));
        self.text(&body::encode(job)?);
        self.0.extend(stored.arrival.to_be_bytes());
        self.0.extend(stored.attempts.min(MOST_ATTEMPTS).to_be_bytes());
        self.0.extend(stored.lost.min(MOST_ATTEMPTS).to_be_bytes());
        self.flag(stored.charged).flag(stored.keyed).flag(stored.detached);
        self.optional(stored.died, Self::time).optional_text(stored.error.as_deref());
        Ok(self)
    }

    fn control(&mut self, control: &Control) -> &mut Self {
        self.flag(control.paused).optional(control.concurrency, Self::count);
        self.optional(control.lane_concurrency, Self::count).optional(control.lane_backlog, Self::count);
        self.flag(control.lane_fifo);
        self.number(control.limits.len() as i64);
        for limit in &control.limits {
            self.limit(limit);
        }
        self
    }

    fn limit(&mut self, limit: &Limit) {
        let rule = &limit.rule;
        self.number(rule.limit.into()).number(i64::try_from(rule.interval_ms).unwrap_or(i64::MAX));
        self.optional(rule.burst, Self::count);
        self.flag(rule.algorithm == Algorithm::SlidingWindow);
        self.optional(limit.limiter, |out, limiter| out.id(limiter.0.to_be_bytes())).flag(limit.back_pressure);
        self.flag(limit.on_exceed == OnExceed::Delay).flag(limit.on_missing == OnMissing::Reject);
        let mut fields = limit.fields.clone();
        fields.dedup();
        self.number(fields.len() as i64);
        for field in &fields {
            self.text(field.as_bytes());
        }
    }

    fn answer(
        &mut self,
        integration: IntegrationId,
        asked: &Idempotency,
        (first, due, replaced): (JobId, Millis, bool),
    ) -> &mut Self {
        self.id(integration.to_bytes()).text(asked.key.as_bytes()).text(&asked.fingerprint);
        self.time(asked.until).id(first.to_bytes()).time(due).flag(replaced)
    }

    fn state(&mut self, state: &State) -> &mut Self {
        match state {
            State::LeakyBucket(tat) => self.byte(1).optional(*tat, |out, tat| out.number(tat.ms).count(tat.part)),
            State::SlidingWindow(log) => {
                self.byte(2).number(log.len() as i64);
                log.iter().fold(self, |out, at| out.number(at.0))
            }
        }
    }
}
