//! A simulation as lines: a table for readers, JSON for programs, totals for both.

use std::collections::VecDeque;
use std::time::Duration;

use ::schedules::{Millis, Zone, duration};
use indicatif::FormattedDuration;
use serde_json::{Value, json};
use workers::settings::in_words;
use workers::simulate::{Change, Difference, Name, Plan, Row, What};

use super::say_more;
use crate::cli::terminal;

/// How a simulation is told.
pub struct Story<'a> {
    pub plan: &'a Plan,
    /// The zone of the second column; `None`: each schedule's own.
    pub zone: Option<Zone>,
    pub json: bool,
    /// Lines at most; 0 is all.
    pub most: usize,
}

/// A simulation that is being told.
pub struct Telling<'a> {
    story: &'a Story<'a>,
    changes: VecDeque<Change>,
    shown: usize,
    hidden: usize,
}

impl<'a> Story<'a> {
    /// Begins with the changes of clocks, which are told among what happens.
    pub fn begin(&'a self, changes: Vec<Change>) -> Telling<'a> {
        Telling { story: self, changes: changes.into(), shown: 0, hidden: 0 }
    }

    /// What two simulations have not in common.
    pub fn differences(&self, differences: &[Difference], summary: bool) {
        let added = differences.iter().filter(|difference| difference.added).count();
        let most = if self.most == 0 { usize::MAX } else { self.most };
        for difference in differences.iter().take(if summary { 0 } else { most }) {
            let Difference { integration, added, row } = difference;
            if self.json {
                let mut line = self.to_json(row);
                line["integration"] = json!(integration);
                line["change"] = json!(if *added { "added" } else { "removed" });
                terminal::out(&line.to_string());
                continue;
            }
            let line = format!("{} {}", if *added { '+' } else { '-' }, self.line(row, integration));
            terminal::out(&if *added { terminal::good(&line) } else { terminal::bad(&line) });
        }
        if !summary && differences.len() > most {
            say_more(differences.len() - most);
        }
        if !self.json {
            let removed = differences.len() - added;
            terminal::say(&match differences.len() {
                0 => "nothing is different".to_owned(),
                _ => format!("{added} more, {removed} no longer"),
            });
        }
    }

    fn name(&self, row: &Row) -> &str {
        self.plan.subjects.get(row.subject).map_or("", |subject| &subject.name)
    }

    fn zone_of(&self, subject: usize) -> Zone {
        let schedule = self.plan.subjects.get(subject).and_then(|subject| subject.settings.schedule.as_ref());
        let own = schedule.and_then(|schedule| schedule.recurrence.spec().timezone.clone());
        let own = own.and_then(|name| Zone::parse("timezone", "invalid_timezone", &name).ok());
        self.zone.or(own).unwrap_or(Zone::UTC)
    }

    fn line(&self, row: &Row, integration: &str) -> String {
        let zone = self.zone_of(row.subject);
        let job = match &row.job {
            Name::Tick(nominal) => local(*nominal, zone),
            Name::Key(key) => key.to_string(),
            Name::Call(number) => format!("call {number}"),
        };
        let detail = self.detail(row, zone);
        format!(
            "{:<24}  {:<25}  {integration:<20}  {:<15}  {job}{}{detail}",
            row.at.to_rfc3339(),
            local(row.at, zone),
            row.what.name(),
            if detail.is_empty() { "" } else { "  " }
        )
    }

    fn detail(&self, row: &Row, zone: Zone) -> String {
        let limit = |limit: usize| self.limit(row.subject, limit);
        match &row.what {
            What::Fired { due, .. } | What::Queued { due, replaced: false } if *due == row.at => String::new(),
            What::Fired { due, .. } | What::Moved { due } | What::Rescheduled { due } => {
                format!("due {}", local(*due, zone))
            }
            What::Queued { due, replaced } => {
                format!("due {}{}", local(*due, zone), if *replaced { ", replaces the pending one" } else { "" })
            }
            What::Refused(reason) => (*reason).to_owned(),
            What::Limited { limit: place, until } => format!("{}, room at {}", limit(*place), local(*until, zone)),
            What::Held { limit: place, until } => format!("{}, held until {}", limit(*place), local(*until, zone)),
            What::RateLimited { limit: place } | What::LimitPaused { limit: place } => limit(*place),
            What::Turned { limit: place, key, .. } => format!("{} {key}", limit(*place)),
            What::Started { late_ms, attempt } => started(*late_ms, *attempt),
            What::Retried { due, attempt } => format!("attempt {attempt} due {}", local(*due, zone)),
            What::Dead { attempts } => format!("after {attempts} attempts"),
            _ => String::new(),
        }
    }

    fn limit(&self, subject: usize, place: usize) -> String {
        let limits = self.plan.subjects.get(subject).map(|subject| self.plan.limits(subject)).unwrap_or_default();
        limits.get(place).map(in_words).unwrap_or_default()
    }

    fn to_json(&self, row: &Row) -> Value {
        let job = match &row.job {
            Name::Tick(nominal) => json!({ "tick": nominal.to_rfc3339() }),
            Name::Key(key) => json!({ "key": serde_json::from_str::<Value>(key).unwrap_or_default() }),
            Name::Call(number) => json!({ "call": number }),
        };
        let mut line = json!({
            "at": row.at.to_rfc3339(),
            "integration": self.name(row),
            "what": row.what.name(),
            "job": job,
        });
        match &row.what {
            What::Fired { due, cause } => {
                line["due"] = json!(due.to_rfc3339());
                line["cause"] = json!(cause.to_string());
            }
            What::Queued { due, replaced } => {
                line["due"] = json!(due.to_rfc3339());
                line["replaced"] = json!(replaced);
            }
            What::Rescheduled { due } | What::Moved { due } => line["due"] = json!(due.to_rfc3339()),
            What::Refused(reason) => line["reason"] = json!(reason),
            What::Limited { limit, until } => {
                line["rule"] = json!(self.limit(row.subject, *limit));
                line["until"] = json!(until.to_rfc3339());
            }
            What::Held { limit, until } => {
                line["rule"] = json!(self.limit(row.subject, *limit));
                line["until"] = json!(until.to_rfc3339());
            }
            What::RateLimited { limit } | What::LimitPaused { limit } => {
                line["rule"] = json!(self.limit(row.subject, *limit));
            }
            What::Turned { limit, key, .. } => {
                line["rule"] = json!(self.limit(row.subject, *limit));
                line["limitKey"] = serde_json::from_str(key).unwrap_or_default();
            }
            What::Started { late_ms, attempt } => {
                line["lateMs"] = json!(late_ms);
                line["attempt"] = json!(attempt);
            }
            What::Retried { due, attempt } => {
                line["due"] = json!(due.to_rfc3339());
                line["attempt"] = json!(attempt);
            }
            What::Dead { attempts } => line["attempts"] = json!(attempts),
            _ => {}
        }
        line
    }
}

impl Telling<'_> {
    /// Tells one row. In the table a start at its due time goes without saying.
    pub fn tell(&mut self, row: &Row) {
        while let Some(change) = self.changes.pop_front_if(|change| change.at <= row.at) {
            self.clocks(&change);
        }
        let story = self.story;
        if story.json {
            terminal::out(&story.to_json(row).to_string());
        } else if !matches!(row.what, What::Started { late_ms: 0, .. }) {
            self.show(|| story.line(row, story.name(row)));
        }
    }

    /// Tells what is left.
    pub fn end(mut self) {
        while let Some(change) = self.changes.pop_front() {
            self.clocks(&change);
        }
        if self.hidden > 0 {
            say_more(self.hidden);
        }
    }

    fn show(&mut self, line: impl FnOnce() -> String) {
        if self.story.most != 0 && self.shown >= self.story.most {
            self.hidden += 1;
            return;
        }
        if self.shown == 0 {
            let head = format!("{:<24}  {:<25}  {:<20}  {:<15}  {}", "UTC", "LOCAL", "INTEGRATION", "WHAT", "JOB");
            terminal::out(&terminal::dim(&head));
        }
        self.shown += 1;
        terminal::out(&line());
    }

    fn clocks(&mut self, change: &Change) {
        let (before, after) = (change.at.after(change.before_ms), change.at.after(change.after_ms));
        let zone = change.zone.name();
        if self.story.json {
            let line = json!({
                "at": change.at.to_rfc3339(), "what": "clocks_change", "zone": zone,
                "from": wall(before), "to": wall(after),
            });
            return terminal::out(&line.to_string());
        }
        let what = if after > before {
            format!("{} to {} does not exist", wall(before), wall(after))
        } else {
            format!("{} to {} comes twice", wall(after), wall(before))
        };
        let shown = change.zone;
        self.show(|| {
            let at = change.at.to_rfc3339();
            terminal::changed(&format!(
                "{at:<24}  {:<25}  {zone:<20}  {:<15}  {what}",
                local(change.at, shown),
                "clocks_change"
            ))
        });
    }
}

/// What is to be said of a start beside its time.
fn started(late_ms: i64, attempt: u32) -> String {
    let late = (late_ms > 0).then(|| format!("{} after it was due", span(late_ms)));
    let again = (attempt > 1).then(|| format!("attempt {attempt}"));
    again.into_iter().chain(late).collect::<Vec<_>>().join(", ")
}

/// How long, such as `00:03:20`; less than a second in milliseconds.
fn span(ms: i64) -> String {
    match u64::try_from(ms) {
        Ok(ms) if ms >= 1_000 => FormattedDuration(Duration::from_millis(ms)).to_string(),
        _ => duration::to_text(ms),
    }
}

/// What a clock shows, such as `02:30`.
fn wall(local: Millis) -> String {
    let text = local.to_rfc3339();
    let time = text.split_once('T').map_or("", |(_, time)| time.trim_end_matches('Z'));
    time.trim_end_matches(".000").strip_suffix(":00").unwrap_or(time).to_owned()
}

/// The time of a zone's clocks, with how far they are ahead of UTC.
fn local(at: Millis, zone: Zone) -> String {
    let offset_ms = zone.offset_ms(at);
    let text = at.after(offset_ms).to_rfc3339();
    let text = text.trim_end_matches('Z').trim_end_matches(".000").replace('T', " ");
    let minutes = offset_ms.abs() / 60_000;
    let sign = if offset_ms < 0 { '-' } else { '+' };
    format!("{text}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// How often what happens.
pub struct Totals<'a> {
    plan: &'a Plan,
    counts: Vec<Counts>,
}

#[derive(Clone, Default)]
struct Counts {
    ticks: u64,
    calls: u64,
    started: u64,
    skipped: u64,
    refused: u64,
    dropped: u64,
    retried: u64,
    dead: u64,
    late: u64,
    longest_ms: i64,
}

impl<'a> Totals<'a> {
    /// Nothing happened yet.
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, counts: vec![Counts::default(); plan.subjects.len()] }
    }

    /// Counts a row.
    pub fn count(&mut self, row: &Row) {
        let Some(counts) = self.counts.get_mut(row.subject) else { return };
        match &row.what {
            What::Fired { .. } => counts.ticks += 1,
            What::Queued { .. } => counts.calls += 1,
            What::Skipped => counts.skipped += 1,
            What::RateLimited { .. } | What::Refused(_) => counts.refused += 1,
            What::Dropped => counts.dropped += 1,
            What::Retried { .. } => counts.retried += 1,
            What::Dead { .. } | What::Failed => counts.dead += 1,
            What::Started { late_ms, .. } => {
                counts.started += 1;
                counts.late += u64::from(*late_ms > 0);
                counts.longest_ms = counts.longest_ms.max(*late_ms);
            }
            _ => {}
        }
    }

    /// Prints a line for each integration to which anything happened.
    pub fn print(&self, left: usize) {
        let line = |name: &str, cells: [String; 10]| {
            let rest: String = cells.iter().map(|cell| format!("  {cell:>8}")).collect();
            format!("{name:<30}{rest}")
        };
        let head =
            ["TICKS", "CALLS", "STARTED", "LATE", "LONGEST", "RETRIED", "FAILED", "SKIPPED", "REFUSED", "DROPPED"];
        terminal::say("");
        terminal::say(&terminal::dim(&line("INTEGRATION", head.map(str::to_owned))));
        for (subject, counts) in self.plan.subjects.iter().zip(&self.counts) {
            let longest = if counts.late > 0 { span(counts.longest_ms) } else { "-".into() };
            let Counts { ticks, calls, started, late, retried, dead, skipped, refused, dropped, .. } = counts;
            if ticks + calls + skipped + refused == 0 {
                continue;
            }
            let [ticks, calls, started, late] = [ticks, calls, started, late].map(u64::to_string);
            let [retried, dead, skipped, refused, dropped] =
                [retried, dead, skipped, refused, dropped].map(u64::to_string);
            let cells = [ticks, calls, started, late, longest, retried, dead, skipped, refused, dropped];
            terminal::say(&line(&subject.name, cells));
        }
        let (from, to) = (self.plan.from.to_rfc3339(), self.plan.to.to_rfc3339());
        let started: u64 = self.counts.iter().map(|counts| counts.started).sum();
        terminal::say(&format!("from {from} to {to}: {started} runs, {left} jobs still pending at the end"));
    }
}
