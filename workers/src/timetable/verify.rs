//! Whether the ledger has each tick of a period exactly once: the nominal times are computed anew from what was in force,
//! and compared.

use schedules::Millis;
use store::catalog::{Revision, StoredSchedule};
use store::queue::{Cursor, TickRecord, Verdict};
use store::{JobId, ScheduleId};

use super::known;
use super::ledger::write_ledger;
use super::manage::{cursor, find};
use crate::duties::ticks::MISSED_MS;
use crate::settings::Schedule;
use crate::{Error, Result, Services};

/// The most ticks of one call.
const MAX_TICKS: u64 = 500_000;
/// The most findings that are listed.
const MAX_LISTED: usize = 1_000;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The nominal time of the tick.
    pub nominal: Millis,
    /// What is wrong, for a reader.
    pub what: String,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many ticks the period has.
    pub expected: u64,
    /// How many were fired.
    pub fired: u64,
    /// How many were skipped.
    pub skipped: u64,
    /// How many were missed.
    pub missed: u64,
    /// How many wait for their turn, or for the end of a pause.
    pub waiting: u64,
    /// Ticks without a record.
    pub missing: Vec<Finding>,
    /// Ticks that were fired more than once, or have several records.
    pub doubled: Vec<Finding>,
    /// Records of no tick.
    pub unexplained: Vec<Finding>,
    /// How many findings there are; the lists hold the first 1,000 of each kind.
    pub findings: u64,
}

impl Report {
    /// Whether each tick has exactly one record, and each record its tick.
    pub fn is_good(&self) -> bool {
        self.findings == 0
    }

    /// Notes a finding in one of the lists.
    fn note(&mut self, list: fn(&mut Self) -> &mut Vec<Finding>, nominal: Millis, what: String) {
        self.findings += 1;
        let list = list(self);
        if list.len() < MAX_LISTED {
            list.push(Finding { nominal, what });
        }
    }
}

/// Compares the ledger of a schedule in `[from, to]` (now at most) with what was in force.
pub async fn verify(
    services: &Services,
    integration: &str,
    schedule: &str,
    from: Millis,
    to: Millis,
) -> Result<Report> {
    let (entry, stored) = find(services, integration, schedule).await?;
    let to = to.min(services.clock.now());
    if to < from {
        return Err(Error::invalid("to", "out_of_range", "must not be before `from`"));
    }
    // Where it is, before what is told of it: the ledger is at least as far.
    let cursor = cursor(services, stored.id).await?;
    write_ledger(services).await?;
    let revisions = services.catalog.revisions(stored.id.schedule).await?;
    let held = stored.pause.is_some() || entry.paused;
    let open = Open { cursor, now: services.clock.now(), held };
    let spans = spans(&stored, &revisions)?;
    let records = records(services, stored.id.schedule, from, to).await?;
    compare(&spans, &records, (from, to), &open)
}

/// What was in force, and until when.
pub(crate) struct Span {
    pub revision: u32,
    pub schedule: Schedule,
    /// It fires nothing up to here.
    pub after: Millis,
    /// The next revision begins here.
    pub until: Option<Millis>,
}

/// What explains that ticks have no record yet.
pub(crate) struct Open {
    pub cursor: Option<Cursor>,
    pub now: Millis,
    /// The schedule or its integration is paused.
    pub held: bool,
}

impl Open {
    /// Why a tick needs no record yet, if it does not.
    fn explains(&self, nominal: Millis, schedule: &Schedule) -> Option<Why> {
        let Some(cursor) = self.cursor else {
            return (self.held || nominal.after(MISSED_MS) > self.now).then_some(Why::Waits);
        };
        if nominal <= cursor.nominal {
            return None;
        }
        if schedule.max_runs.is_some_and(|most| cursor.fired >= most) {
            return Some(Why::Over);
        }
        let waits = cursor.seen.is_some_and(|seen| nominal <= seen);
        (self.held || waits || nominal.after(MISSED_MS) > self.now).then_some(Why::Waits)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Its turn comes.
    Waits,
    /// The schedule had fired as often as it may.
    Over,
}

fn spans(stored: &StoredSchedule, revisions: &[Revision]) -> Result<Vec<Span>> {
    let begins = |place: usize| revisions.get(place).map(|revision| revision.since);
    let span = |(place, revision): (usize, &Revision)| {
        let schedule = known::parse(&revision.spec)?;
        Ok(Span { revision: revision.revision, schedule, after: revision.since, until: begins(place + 1) })
    };
    let spans: Vec<Span> = revisions.iter().enumerate().map(span).collect::<Result<_>>()?;
    if spans.is_empty() {
        return Err(Error::Unavailable(format!("nothing is known of what schedule {} was", stored.name)));
    }
    Ok(spans)
}

async fn records(services: &Services, schedule: ScheduleId, from: Millis, to: Millis) -> Result<Vec<TickRecord>> {
    let mut all: Vec<TickRecord> = services.catalog.tick_range_over(schedule, from).await?.into_iter().collect();
    let mut after: (Millis, Option<JobId>) = (from.after(-1), None);
    // Those of the millisecond before were not asked for.
    let belongs = |record: &&TickRecord| record.first >= from;
    loop {
        let page = services.catalog.ticks_between(schedule, after, to).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = (last.first, last.job);
        all.extend(page.iter().filter(belongs));
        if all.len() as u64 > 2 * MAX_TICKS {
            return Err(too_long());
        }
    }
}

fn too_long() -> Error {
    Error::invalid("from", "out_of_range", format!("there are more than {MAX_TICKS} ticks; verify a shorter period"))
}

/// Compares; `records` are in the order of their first tick.
pub(crate) fn compare(
    spans: &[Span],
    records: &[TickRecord],
    (from, to): (Millis, Millis),
    open: &Open,
) -> Result<Report> {
    let mut report = Report::default();
    let mut explained = vec![false; records.len()];
    for span in spans {
        let revision = span.revision;
        // What was written before there were revisions is of the first one.
        let is_of_it = |record: &TickRecord| record.revision.max(1) == revision.max(1);
        let (mut next_record, mut covering): (usize, Vec<usize>) = (0, Vec::new());
        let until = span.until.unwrap_or(to).min(to);
        let recurrence = &span.schedule.recurrence;
        let mut nominal = recurrence.next(span.after.max(from.after(-1)));
        // A scheduler that had not heard of an edit may have gone on for a moment.
        let late_until = span.until.map_or(until, |until| until.after(MISSED_MS)).min(to);
        while let Some(tick) = nominal.filter(|tick| *tick <= late_until) {
            while let Some(record) = records.get(next_record).filter(|record| record.first <= tick) {
                if is_of_it(record) {
                    covering.push(next_record);
                }
                next_record += 1;
            }
            covering.retain(|place| records[*place].last >= tick);
            covering.iter().for_each(|place| explained[*place] = true);
            if tick <= until {
                let found: Vec<&TickRecord> = covering.iter().map(|place| &records[*place]).collect();
                count(&mut report, tick, &found, span, open);
                if report.expected > MAX_TICKS {
                    return Err(too_long());
                }
            }
            nominal = recurrence.next(tick);
        }
    }
    for (record, explained) in records.iter().zip(explained) {
        if !explained {
            let (verdict, why) = record.verdict.words();
            let what = format!("{verdict} {why} (revision {}): the schedule has no tick there", record.revision);
            report.note(|report| &mut report.unexplained, record.first, what);
        }
    }
    Ok(report)
}

/// Counts one tick with the records that cover it.
fn count(report: &mut Report, tick: Millis, found: &[&TickRecord], span: &Span, open: &Open) {
    report.expected += 1;
    match found {
        [] => match open.explains(tick, &span.schedule) {
            Some(Why::Waits) => report.waiting += 1,
            Some(Why::Over) => report.expected -= 1,
            None => report.note(|report| &mut report.missing, tick, "no record".into()),
        },
        [record, rest @ ..] => {
            match (record.verdict, record.verdict.words().0) {
                (Verdict::Fired, _) => report.fired += 1,
                (_, "skipped") => report.skipped += 1,
                _ => report.missed += 1,
            }
            if !rest.is_empty() {
                let all: Vec<String> = found
                    .iter()
                    .map(|record| match record.job {
                        Some(job) => format!("{} (job {job})", record.verdict.words().0),
                        None => record.verdict.words().0.to_owned(),
                    })
                    .collect();
                report.note(|report| &mut report.doubled, tick, all.join(", "));
            }
        }
    }
}

#[cfg(test)]
mod tests;
