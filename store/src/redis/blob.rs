//! A job as bytes: the header that the scripts read (`lua/include/blob.lua` says what is where), then the body.

use schedules::{Key, Millis};

use crate::body::{self, Columns};
use crate::queue::{Cause, Debounce, IfExists, Job, NewJob, Stored};
use crate::{Error, IntegrationId, JobId, Result, ScheduleId};

const KEYED: u8 = 1;
const DETACHED: u8 = 2;
const CHARGED: u8 = 4;
const TICK: u8 = 8;
const AWAITED: u8 = 16;
const HAS_ERROR: u8 = 32;
const HAS_LANE: u8 = 64;
const HAS_CLOSES: u8 = 128;
const IN_LINE: u8 = 1;
const LET_OUT: u8 = 2;
const HAS_KEY: u8 = 4;
const HAS_MORE: u8 = 8;
/// What more there is, in this order: how much it weighs, the id of its schedule, how it is debounced.
const HAS_WEIGHT: u8 = 4;
const HAS_SCHEDULE: u8 = 1;
const DEBOUNCED: u8 = 2;
/// Times are stored in six bytes without a sign.
const LAST: i64 = (1 << 48) - 1;
/// Numbers of arrival are stored in five.
const LAST_ARRIVAL: u64 = (1 << 40) - 1;

/// What a header says beside the job.
pub(super) struct Header {
    pub(super) arrival: u64,
    pub(super) keyed: bool,
    pub(super) detached: bool,
    pub(super) charged: bool,
    pub(super) in_line: bool,
    pub(super) attempts: u32,
    pub(super) lost: u32,
}

/// A time as the scripts take it.
pub(super) fn time(at: Millis) -> i64 {
    at.0.clamp(0, LAST)
}

/// Where a cause stands in [`Cause::ALL`]: the first byte of a body.
pub(super) fn cause_byte(cause: Cause) -> u8 {
    Cause::ALL.iter().position(|(known, _)| *known == cause).and_then(|place| u8::try_from(place).ok()).unwrap_or(0)
}

/// The text that names a job among the pending ones of its integration; empty if none does.
pub(super) fn naming_key(new: &NewJob) -> &str {
    match &new.job.key {
        Some(key) if new.if_exists != IfExists::Beside => key.canonical(),
        _ => "",
    }
}

/// The id of the schedule of a tick, where that is not the one of the integration's settings.
fn own_schedule(job: &Job) -> Option<ScheduleId> {
    Some(job.schedule()).filter(|schedule| job.is_tick() && !schedule.is_own()).map(|schedule| schedule.schedule)
}

/// Bytes of the number of arrival, which a script puts before the blob of a new job.
const ARRIVAL: usize = 5;

/// Adds the bytes of a new job, without its number of arrival.
pub(super) fn write(new: &NewJob, bytes: &mut Vec<u8>) -> Result<()> {
    let keyed = if naming_key(new).is_empty() { 0 } else { KEYED };
    lay_out(&new.job, keyed, [0, 0], bytes)
}

/// The bytes of a job that another queue held, which is to wait in its lane or to be dead.
pub(super) fn encode_stored(stored: &Stored) -> Result<Vec<u8>> {
    let mut flags = 0;
    let mut set = |on: bool, flag: u8| flags |= if on { flag } else { 0 };
    set(stored.keyed, KEYED);
    set(stored.detached, DETACHED);
    set(stored.charged, CHARGED);
    set(stored.error.is_some(), HAS_ERROR);
    if stored.arrival >= LAST_ARRIVAL {
        let (id, arrival) = (stored.job.id, stored.arrival);
        return Err(Error::Corrupt(format!(
            "job {id}: its number of arrival, {arrival}, is more than Redis can count"
        )));
    }
    let counted = |count: u32| u8::try_from(count).unwrap_or(u8::MAX);
    let [_, _, _, arrival @ ..] = stored.arrival.to_be_bytes();
    let mut bytes = arrival.to_vec();
    lay_out(&stored.job, flags, [counted(stored.attempts), counted(stored.lost)], &mut bytes)?;
    Ok(bytes)
}

fn lay_out(job: &Job, mut flags: u8, [attempts, lost]: [u8; 2], bytes: &mut Vec<u8>) -> Result<()> {
    let mut set = |on: bool, flag: u8| flags |= if on { flag } else { 0 };
    set(job.is_tick(), TICK);
    set(job.awaited, AWAITED);
    set(job.lane.is_some(), HAS_LANE);
    set(job.closes.is_some(), HAS_CLOSES);
    let schedule = own_schedule(job);
    let mut more = job.priority.min(9) << 4;
    more |= if job.key.is_some() { HAS_KEY } else { 0 };
    let weighs = job.weight > 1;
    let parts = [(weighs, HAS_WEIGHT), (schedule.is_some(), HAS_SCHEDULE), (job.debounce.is_some(), DEBOUNCED)];
    let parts = parts.iter().filter(|(has, _)| *has).fold(0, |parts, (_, flag)| parts | flag);
    more |= if parts == 0 { 0 } else { HAS_MORE };
    bytes.extend([flags, more, attempts, lost]);
    bytes.extend(six(time(job.due)));
    bytes.extend(job.integration.to_bytes());
    if let Some(closes) = job.closes {
        bytes.extend(six(time(closes)));
    }
    if let Some(lane) = &job.lane {
        add_text(bytes, lane);
    }
    if let Some(key) = &job.key {
        add_text(bytes, key.canonical());
    }
    if parts != 0 {
        bytes.push(parts);
    }
    if weighs {
        bytes.extend(job.weight.to_be_bytes());
    }
    if let Some(schedule) = schedule {
        bytes.extend(schedule.to_bytes());
    }
    if let Some(Debounce { latest, pushes }) = job.debounce {
        bytes.extend(six(time(latest)));
        bytes.extend(pushes.to_be_bytes());
    }
    write_body(job, bytes)
}

/// The part of a blob that no script reads.
pub(super) fn body(job: &Job) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_body(job, &mut bytes)?;
    Ok(bytes)
}

fn write_body(job: &Job, bytes: &mut Vec<u8>) -> Result<()> {
    bytes.push(cause_byte(job.cause));
    body::write(job, bytes)
}

/// The job of a blob.
pub(super) fn decode(id: JobId, blob: &[u8]) -> Result<(Job, Header)> {
    let cut = || Error::Corrupt(format!("job {id}: its bytes end early"));
    let mut rest = Reader(blob);
    let [a, b, c, d, e] = rest.array::<ARRIVAL>().ok_or_else(cut)?;
    let arrival = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    let [flags, more, attempts, lost] = rest.array().ok_or_else(cut)?;
    let due = rest.time().ok_or_else(cut)?;
    let integration = IntegrationId::from_bytes(rest.array().ok_or_else(cut)?);
    let closes = if flags & HAS_CLOSES == 0 { None } else { Some(rest.time().ok_or_else(cut)?) };
    let lane = if flags & HAS_LANE == 0 { None } else { Some(rest.text().ok_or_else(cut)?) };
    let key = if more & HAS_KEY == 0 { None } else { Some(rest.text().ok_or_else(cut)?) };
    let More { weight, debounce, .. } = rest.more(more).ok_or_else(cut)?;
    let in_line = more & IN_LINE != 0;
    if more & (IN_LINE | LET_OUT) != 0 {
        rest.text().ok_or_else(cut)?;
    }
    let [cause] = rest.array().ok_or_else(cut)?;
    let cause = Cause::ALL.get(usize::from(cause)).map(|(cause, _)| *cause);
    let columns = Columns {
        id,
        integration,
        cause: cause.ok_or_else(|| Error::Corrupt(format!("job {id}: its cause is unknown")))?,
        due,
        closes,
        priority: more >> 4,
        weight,
        lane: lane.map(|lane| String::from_utf8_lossy(lane).into()),
        debounce,
    };
    let key = key.map(String::from_utf8_lossy);
    let job = body::decode(columns, key.as_deref(), rest.0)?;
    let header = Header {
        arrival,
        keyed: flags & KEYED != 0,
        detached: flags & DETACHED != 0,
        charged: flags & CHARGED != 0,
        in_line,
        attempts: attempts.into(),
        lost: lost.into(),
    };
    Ok((job, header))
}

/// What the header of a blob says, for the checks.
pub(super) struct Parts {
    flags: u8,
    more: u8,
    attempts: u8,
    arrival: [u8; ARRIVAL],
    pub(super) due: i64,
    pub(super) integration: IntegrationId,
    /// Empty: it has none.
    pub(super) lane: Vec<u8>,
    /// Empty: it has none.
    pub(super) key: Vec<u8>,
    bucket: Vec<u8>,
    /// Empty: it is that of the integration's settings.
    schedule: Vec<u8>,
}

impl Parts {
    /// The lane as the scripts name it.
    pub(super) fn lane_name(&self) -> Vec<u8> {
        [&self.integration.to_bytes()[..], &self.lane].concat()
    }

    /// Its schedule as the scripts name it.
    pub(super) fn schedule(&self) -> Vec<u8> {
        [&self.integration.to_bytes()[..], &self.schedule].concat()
    }

    /// The name of its queue, after the tag.
    pub(super) fn queue(&self) -> Vec<u8> {
        [format!("q{}:", self.more >> 4).as_bytes(), &self.lane_name()].concat()
    }

    /// The name of the line it stands in, after the tag.
    pub(super) fn line(&self) -> Option<Vec<u8>> {
        (self.more & IN_LINE != 0).then(|| [b"h:", &self.bucket[..]].concat())
    }

    /// The bucket whose line it was let out of.
    pub(super) fn let_out_of(&self) -> Option<&[u8]> {
        (self.more & LET_OUT != 0).then_some(&self.bucket[..])
    }

    /// Its member in a queue or a line.
    pub(super) fn member(&self, id: JobId) -> Vec<u8> {
        [&[9_u8.saturating_sub(self.more >> 4)][..], &self.arrival, &id.to_bytes()].concat()
    }

    /// Whether its key leads to it while it is pending.
    pub(super) fn has_its_key(&self) -> bool {
        self.flags & KEYED != 0 && self.flags & DETACHED == 0
    }

    /// Whether it holds its lane up while it is pending, if that keeps its order; in line at a bucket it does not.
    pub(super) fn is_retried_in_a_lane(&self) -> bool {
        self.attempts > 0 && !self.lane.is_empty() && self.more & IN_LINE == 0
    }

    pub(super) fn is_tick(&self) -> bool {
        self.flags & TICK != 0
    }

    pub(super) fn has_error(&self) -> bool {
        self.flags & HAS_ERROR != 0
    }
}

/// Reads a blob's header.
pub(super) fn parts(id: JobId, blob: &[u8]) -> Result<Parts> {
    let cut = || Error::Corrupt(format!("job {id}: its bytes end early"));
    let mut rest = Reader(blob);
    let arrival = rest.array().ok_or_else(cut)?;
    let [flags, more, attempts, _] = rest.array().ok_or_else(cut)?;
    let due = rest.time().ok_or_else(cut)?.0;
    let integration = IntegrationId::from_bytes(rest.array().ok_or_else(cut)?);
    if flags & HAS_CLOSES != 0 {
        rest.time().ok_or_else(cut)?;
    }
    let mut text = |there: bool| if there { rest.text().map(<[u8]>::to_vec).ok_or_else(cut) } else { Ok(Vec::new()) };
    let lane = text(flags & HAS_LANE != 0)?;
    let key = text(more & HAS_KEY != 0)?;
    let schedule = rest.more(more).ok_or_else(cut)?.schedule.map(Vec::from).unwrap_or_default();
    let mut text = |there: bool| if there { rest.text().map(<[u8]>::to_vec).ok_or_else(cut) } else { Ok(Vec::new()) };
    let bucket = text(more & (IN_LINE | LET_OUT) != 0)?;
    Ok(Parts { flags, more, attempts, arrival, due, integration, lane, key, bucket, schedule })
}

/// The canonical key of a blob's job that a script found.
pub(super) fn key(text: &[u8]) -> Result<Key> {
    body::parse_key(&String::from_utf8_lossy(text))
}

/// A time as the scripts keep it.
pub(super) fn six(at: i64) -> [u8; 6] {
    let [_, _, rest @ ..] = at.to_be_bytes();
    rest
}

fn add_text(bytes: &mut Vec<u8>, text: &str) {
    // A key or a lane is at most 1 KiB.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    match u8::try_from(length) {
        Ok(short) if short < u8::MAX => bytes.push(short),
        _ => {
            bytes.push(u8::MAX);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(&text.as_bytes()[..usize::from(length)]);
}

/// Reads bytes from their beginning.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// What few jobs have.
struct More {
    weight: u32,
    schedule: Option<[u8; 16]>,
    debounce: Option<Debounce>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn time(&mut self) -> Option<Millis> {
        let [a, b, c, d, e, f] = self.array()?;
        Some(Millis(i64::from_be_bytes([0, 0, a, b, c, d, e, f])))
    }

    /// What is announced by these flags.
    fn more(&mut self, flags: u8) -> Option<More> {
        let [parts] = if flags & HAS_MORE == 0 { [0] } else { self.array()? };
        let weight = if parts & HAS_WEIGHT == 0 { 1 } else { u32::from_be_bytes(self.array()?) };
        let schedule = if parts & HAS_SCHEDULE == 0 { None } else { Some(self.array()?) };
        let debounce = if parts & DEBOUNCED == 0 {
            None
        } else {
            Some(Debounce { latest: self.time()?, pushes: u32::from_be_bytes(self.array()?) })
        };
        Some(More { weight, schedule, debounce })
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let [short] = self.array()?;
        let length = if short < u8::MAX { short.into() } else { u16::from_be_bytes(self.array()?).into() };
        self.take(length)
    }
}
