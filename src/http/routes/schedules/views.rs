//! How schedules, their ticks and what was found of them look on the wire.

use serde::Serialize;
use serde_json::value::RawValue;
use store::catalog::Backfill;
use store::queue::TickRecord;
use utoipa::ToSchema;
use workers::timetable::{Finding, Report, Shown, Upcoming};

use crate::http::wire;

/// A schedule, and where it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleView {
    /// Its id.
    id: String,
    /// Its name, unique in the integration; `default` is the schedule of the integration's settings.
    name: String,
    /// What was written of its recurrence and rules.
    #[schema(value_type = Value)]
    schedule: Box<RawValue>,
    /// The key of its jobs.
    #[schema(value_type = Option<Value>)]
    key: Option<Box<RawValue>>,
    /// Fields of the payload of its jobs.
    #[schema(value_type = Option<Value>)]
    payload: Option<Box<RawValue>>,
    /// Its author's words.
    note: String,
    /// How often the recurrence or the rules were changed, and once.
    revision: u32,
    /// Since when they are in force.
    since: String,
    /// Since when, why and by whom it is paused; null while it is not.
    pause: Option<PausedView>,
    /// How many ticks in a row have failed for good.
    failures: u32,
    /// How many ticks it has fired.
    fired: u64,
    /// Up to where each tick has its record; null before it begins.
    cursor: Option<String>,
    /// The nominal time of its next tick; null when it is over or paused.
    next: Option<String>,
    /// When it was made.
    created_at: String,
    /// When it was put last.
    updated_at: String,
}

/// Since when, why and by whom a schedule is paused.
#[derive(Serialize, ToSchema)]
pub struct PausedView {
    /// Why.
    note: String,
    /// Since when.
    at: String,
    /// Who: an API key, or the `engine` after too many failures.
    by: String,
}

impl From<Shown> for ScheduleView {
    fn from(Shown { stored, cursor, next }: Shown) -> Self {
        Self {
            id: stored.id.schedule.to_string(),
            schedule: wire::raw(&stored.spec),
            key: wire::raw_option(stored.key.as_deref()),
            payload: wire::raw_option(stored.payload.as_deref()),
            revision: stored.revision,
            since: wire::time(stored.since),
            pause: stored.pause.map(|(pause, by)| PausedView { note: pause.note, at: wire::time(pause.at), by }),
            failures: stored.failures,
            fired: cursor.map_or(0, |cursor| cursor.fired),
            cursor: cursor.map(|cursor| wire::time(cursor.nominal)),
            next: next.map(wire::time),
            created_at: wire::time(stored.created),
            updated_at: wire::time(stored.updated),
            name: stored.name,
            note: stored.note,
        }
    }
}

/// A job that was queued.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobOf {
    /// Its id.
    pub job_id: String,
}

/// What became of a tick, or of several in a row.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TickView {
    /// The nominal time of the tick, or of the first of several.
    nominal: String,
    /// The nominal time of the last of them.
    last: String,
    /// How many there are; null if there are too many to count.
    count: Option<u64>,
    /// `fired`, `skipped` or `missed`.
    verdict: &'static str,
    /// Why it was skipped (`overlap`, `paused`) or missed (`superseded`, `catchup_none`, `window`, `cap`, `changed`).
    reason: Option<&'static str>,
    /// Why the job exists: `schedule`, `catchup` or `backfill`.
    cause: Option<String>,
    /// The job that the tick is.
    job_id: Option<String>,
    /// When the job is due: the nominal time and the jitter.
    effective: Option<String>,
    /// The revision of the schedule that the tick is of.
    revision: u32,
    /// When this was decided.
    recorded_at: String,
}

impl From<TickRecord> for TickView {
    fn from(record: TickRecord) -> Self {
        let (verdict, reason) = record.verdict.words();
        Self {
            nominal: wire::time(record.first),
            last: wire::time(record.last),
            count: record.count,
            verdict,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            cause: record.cause.map(|cause| cause.to_string()),
            job_id: record.job.map(|job| job.to_string()),
            effective: record.effective.map(wire::time),
            revision: record.revision,
            recorded_at: wire::time(record.recorded),
        }
    }
}

/// A backfill and its progress.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackfillView {
    /// Its id.
    id: String,
    /// The first tick is at or after this time.
    from: String,
    /// The last tick is at or before this time.
    to: String,
    /// `queue`: one tick runs after the other; `allow`: at the same time.
    overlap: String,
    /// How many ticks there are.
    total: u64,
    /// How many are fired.
    fired: u64,
    /// `running`, `done` or `stopped`.
    state: &'static str,
    /// When it was asked for.
    created_at: String,
    /// When it ended.
    ended_at: Option<String>,
}

impl From<Backfill> for BackfillView {
    fn from(backfill: Backfill) -> Self {
        Self {
            id: backfill.id.schedule.to_string(),
            from: wire::time(backfill.from),
            to: wire::time(backfill.to),
            overlap: backfill.overlap,
            total: backfill.total,
            fired: backfill.fired,
            state: backfill.state.name(),
            created_at: wire::time(backfill.created),
            ended_at: backfill.ended.map(wire::time),
        }
    }
}

/// One of the next ticks.
#[derive(Serialize, ToSchema)]
pub struct UpcomingView {
    /// The time that names it.
    nominal: String,
    /// When it fires: the jitter added.
    effective: String,
    /// What the clock on the wall shows when it fires.
    local: String,
    /// What a change of the clocks does to it.
    remark: Option<String>,
}

impl From<Upcoming> for UpcomingView {
    fn from(Upcoming { nominal, effective, local, remark }: Upcoming) -> Self {
        Self { nominal: wire::time(nominal), effective: wire::time(effective), local, remark }
    }
}

/// What a comparison of the ledger with the schedule found.
#[derive(Serialize, ToSchema)]
pub struct ReportView {
    /// Whether each tick has exactly one record, and each record its tick.
    good: bool,
    /// From when.
    from: String,
    /// Until when.
    to: String,
    /// How many ticks the period has.
    expected: u64,
    /// How many were fired.
    fired: u64,
    /// How many were skipped.
    skipped: u64,
    /// How many were missed.
    missed: u64,
    /// How many wait for their turn, or for the end of a pause.
    waiting: u64,
    /// How many findings there are; each list holds the first 1,000 of its kind.
    findings: u64,
    /// Ticks without a record.
    missing: Vec<FindingView>,
    /// Ticks with several records.
    doubled: Vec<FindingView>,
    /// Records of no tick.
    unexplained: Vec<FindingView>,
}

/// A tick that is not as it must be.
#[derive(Serialize, ToSchema)]
pub struct FindingView {
    /// Its nominal time.
    nominal: String,
    /// What is wrong.
    what: String,
}

impl ReportView {
    /// The findings about a period.
    pub fn of(report: Report, from: String, to: String) -> Self {
        let good = report.is_good();
        let list = |findings: Vec<Finding>| {
            let view = |finding: Finding| FindingView { nominal: wire::time(finding.nominal), what: finding.what };
            findings.into_iter().map(view).collect()
        };
        Self {
            good,
            from,
            to,
            expected: report.expected,
            fired: report.fired,
            skipped: report.skipped,
            missed: report.missed,
            waiting: report.waiting,
            findings: report.findings,
            missing: list(report.missing),
            doubled: list(report.doubled),
            unexplained: list(report.unexplained),
        }
    }
}
