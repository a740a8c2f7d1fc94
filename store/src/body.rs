//! The part of a job that no query looks at, as the bytes of one column: a version, then MessagePack.

use schedules::{Key, Millis, Outside, WindowSpec};
use serde::{Deserialize, Serialize};

use crate::queue::{Debounce, Job, ScheduleRef, Tick};
use crate::{Error, Result, ScheduleId};

/// What the first byte says; a reader refuses others.
const VERSION: u8 = 1;

/// The wire form; fields are positional, so new ones go last.
#[derive(Serialize, Deserialize)]
pub(crate) struct Body<'a> {
    payload: &'a str,
    context: Option<&'a str>,
    release: Option<u32>,
    window: Option<Window>,
    jitter_ms: u32,
    tick: Option<(i64, Option<i64>, Option<i64>)>,
    attempts: Option<u32>,
    created: i64,
    /// The key as the caller wrote it, where that is not the canonical text.
    key: Option<String>,
    #[serde(default)]
    awaited: bool,
    /// The schedule of a tick, where that is not the one of the integration's settings.
    #[serde(default)]
    schedule: Option<[u8; 16]>,
    /// Latest due time and pushes. An engine that writes a newer one elsewhere says so in [`Columns::debounce`].
    #[serde(default)]
    debounce: Option<(i64, u32)>,
}

#[derive(Serialize, Deserialize)]
struct Window {
    day: Option<String>,
    time: Option<String>,
    timezone: Option<String>,
    timezone_offset_minutes: Option<i32>,
    holidays: Vec<String>,
    drop: bool,
}

/// The columns a job has beside its body.
pub(crate) struct Columns {
    pub(crate) id: crate::JobId,
    pub(crate) integration: crate::IntegrationId,
    pub(crate) cause: crate::queue::Cause,
    pub(crate) due: Millis,
    pub(crate) closes: Option<Millis>,
    pub(crate) priority: u8,
    pub(crate) weight: u32,
    pub(crate) lane: Option<Box<str>>,
    /// Wins over what the body says.
    pub(crate) debounce: Option<Debounce>,
}

/// The bytes of a job's body.
pub(crate) fn encode(job: &Job) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(64 + job.payload.len());
    write(job, &mut bytes)?;
    Ok(bytes)
}

/// Adds the bytes of a job's body.
pub(crate) fn write(job: &Job, bytes: &mut Vec<u8>) -> Result<()> {
    let body = Body {
        payload: &job.payload,
        context: job.context.as_deref(),
        release: job.release,
        window: job.window.as_ref().map(Window::from),
        jitter_ms: job.jitter_ms,
        tick: job.tick.map(|tick| (tick.nominal.0, tick.previous.map(|at| at.0), tick.upcoming.map(|at| at.0))),
        attempts: job.attempts,
        created: job.created.0,
        key: job.key.as_ref().and_then(as_written),
        awaited: job.awaited,
        schedule: job.tick.map(|_| job.schedule()).filter(|it| !it.is_own()).map(|it| it.schedule.to_bytes()),
        debounce: job.debounce.map(|debounce| (debounce.latest.0, debounce.pushes)),
    };
    bytes.push(VERSION);
    rmp_serde::encode::write(bytes, &body).map_err(|error| Error::Corrupt(error.to_string()))
}

fn as_written(key: &Key) -> Option<String> {
    serde_json::to_string(key.fields()).ok().filter(|text| text != key.canonical())
}

/// The job of a row.
pub(crate) fn decode(columns: Columns, canonical: Option<&str>, bytes: &[u8]) -> Result<Job> {
    let id = columns.id;
    let unreadable = |why: String| Error::Corrupt(format!("job {id}: {why}"));
    let body = match bytes.split_first() {
        Some((&VERSION, rest)) => {
            rmp_serde::from_slice::<Body<'_>>(rest).map_err(|error| unreadable(error.to_string()))?
        }
        Some((version, _)) => {
            return Err(unreadable(format!("its format is {version}, this program reads {VERSION}")));
        }
        None => return Err(unreadable("it is empty".into())),
    };
    let key = match (canonical, &body.key) {
        (Some(_), Some(written)) => Some(parse_key(written)?),
        (canonical, _) => canonical.map(parse_key).transpose()?,
    };
    let own = ScheduleRef::from(columns.integration);
    let schedule = body.schedule.map_or(own, |bytes| ScheduleRef { schedule: ScheduleId::from_bytes(bytes), ..own });
    Ok(Job {
        id,
        integration: columns.integration,
        cause: columns.cause,
        release: body.release,
        payload: body.payload.into(),
        key,
        due: columns.due,
        closes: columns.closes,
        window: body.window.map(WindowSpec::from),
        jitter_ms: body.jitter_ms,
        priority: columns.priority,
        weight: columns.weight,
        lane: columns.lane,
        awaited: body.awaited,
        tick: body.tick.map(|(nominal, previous, upcoming)| Tick {
            schedule: schedule.schedule,
            nominal: Millis(nominal),
            previous: previous.map(Millis),
            upcoming: upcoming.map(Millis),
        }),
        debounce: columns
            .debounce
            .or(body.debounce.map(|(latest, pushes)| Debounce { latest: Millis(latest), pushes })),
        attempts: body.attempts,
        context: body.context.map(Box::from),
        created: Millis(body.created),
    })
}

/// What the bytes of a job's body say of its being pushed back.
pub(crate) fn debounce(bytes: &[u8]) -> Result<Option<Debounce>> {
    let body = bytes.split_first().and_then(|(_, rest)| rmp_serde::from_slice::<Body<'_>>(rest).ok());
    let body = body.ok_or_else(|| Error::Corrupt("the body of a job cannot be read".into()))?;
    Ok(body.debounce.map(|(latest, pushes)| Debounce { latest: Millis(latest), pushes }))
}

/// The key whose JSON text this is.
pub(crate) fn parse_key(text: &str) -> Result<Key> {
    let value = serde_json::from_str(text).map_err(|error| Error::Corrupt(format!("a key: {error}")))?;
    Key::parse(&value).map_err(|error| Error::Corrupt(format!("a key: {error}")))
}

impl From<&WindowSpec> for Window {
    fn from(spec: &WindowSpec) -> Self {
        Self {
            day: spec.day.clone(),
            time: spec.time.clone(),
            timezone: spec.timezone.clone(),
            timezone_offset_minutes: spec.timezone_offset_minutes,
            holidays: spec.holidays.clone(),
            drop: spec.outside == Outside::Drop,
        }
    }
}

impl From<Window> for WindowSpec {
    fn from(window: Window) -> Self {
        Self {
            day: window.day,
            time: window.time,
            timezone: window.timezone,
            timezone_offset_minutes: window.timezone_offset_minutes,
            holidays: window.holidays,
            outside: if window.drop { Outside::Drop } else { Outside::Move },
        }
    }
}
