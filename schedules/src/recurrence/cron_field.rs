//! One field of a cron expression: lists, ranges that may wrap, steps, names, and the specials `L`, `W` and `#`.
//!
//! Everything is spelled out as plain numbers before croner sees it, because croner refuses `5/15`, `22-2` and
//! `FRI-MON` and takes `*/90` for `*/60`.

use std::collections::BTreeSet;

use crate::days;

/// What a field may hold.
#[derive(Debug)]
pub(super) struct Kind {
    pub name: &'static str,
    min: u8,
    max: u8,
    names: fn(&str) -> Option<u8>,
    special: fn(&str) -> Result<Option<Special>, String>,
}

pub(super) const SECOND: Kind = plain("second", 0, 59);
pub(super) const MINUTE: Kind = plain("minute", 0, 59);
pub(super) const HOUR: Kind = plain("hour", 0, 23);
pub(super) const DAY_OF_MONTH: Kind = Kind { special: day_of_month, ..plain("day-of-month", 1, 31) };
pub(super) const MONTH: Kind = Kind { names: month, ..plain("month", 1, 12) };
pub(super) const DAY_OF_WEEK: Kind = Kind { names: weekday, special: day_of_week, ..plain("day-of-week", 0, 6) };

const fn plain(name: &'static str, min: u8, max: u8) -> Kind {
    Kind { name, min, max, names: |_| None, special: |_| Ok(None) }
}

/// A day that is not a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// `L`: the last day of the month.
    LastDay,
    /// `LW`: its last day from monday to friday.
    LastWorkday,
    /// `15W`: the day from monday to friday nearest to the 15th.
    NearestWorkday(u8),
    /// `5L`: the month's last friday (sunday is 0).
    LastWeekday(u8),
    /// `1#2`: the month's second monday.
    NthWeekday(u8, u8),
}

/// A field that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    /// `*` or `?` alone.
    pub is_any: bool,
    /// The `n` of `*/n` alone.
    pub step: Option<u8>,
    /// All plain numbers it means; empty for `*`.
    pub values: BTreeSet<u8>,
    pub specials: Vec<Special>,
    has_step: bool,
    is_full: bool,
}

impl Field {
    pub fn parse(kind: &Kind, text: &str) -> Result<Self, String> {
        let mut field = Self::default();
        for item in text.split(',') {
            field.add(kind, item).map_err(|message| format!("the {} field {text:?} {message}", kind.name))?;
        }
        if field.is_any {
            field.values.clear();
            field.specials.clear();
        }
        if field.specials.contains(&Special::LastDay) && field.specials.contains(&Special::LastWorkday) {
            return Err("the day-of-month field cannot hold both L and LW".into());
        }
        field.step = text.strip_prefix("*/").and_then(|step| step.parse().ok());
        field.is_full = field.values.len() == usize::from(kind.max - kind.min) + 1;
        Ok(field)
    }

    fn add(&mut self, kind: &Kind, item: &str) -> Result<(), String> {
        let days = matches!(kind.name, "day-of-month" | "day-of-week");
        if item == "*" || item == "?" && days {
            self.is_any = true;
            return Ok(());
        }
        if let Some(special) = (kind.special)(item)? {
            self.specials.push(special);
            return Ok(());
        }
        let (base, step) = match item.split_once('/') {
            Some((base, step)) => (base, Some(step_of(kind, step)?)),
            None => (item, None),
        };
        self.has_step |= step.is_some();
        let (from, to) = match base.split_once('-') {
            _ if base == "*" => (kind.min, kind.max),
            Some((from, to)) => (value(kind, from)?, value(kind, to)?),
            None if step.is_some() => (value(kind, base)?, kind.max),
            None => (value(kind, base)?, value(kind, base)?),
        };
        let spelled = span(kind, from, to).into_iter().step_by(usize::from(step.unwrap_or(1)));
        self.values.extend(spelled);
        Ok(())
    }

    /// As croner reads it.
    pub fn normal(&self) -> String {
        if self.is_any {
            return "*".into();
        }
        let values = self.values.iter().map(u8::to_string);
        let specials = self.specials.iter().map(|special| match special {
            Special::LastDay => "L".to_owned(),
            Special::LastWorkday => "LW".to_owned(),
            Special::NearestWorkday(day) => format!("{day}W"),
            Special::LastWeekday(day) => format!("{day}L"),
            Special::NthWeekday(day, nth) => format!("{day}#{nth}"),
        });
        values.chain(specials).collect::<Vec<_>>().join(",")
    }

    /// Whether it goes through its numbers evenly, rather than naming some.
    pub fn repeats(&self) -> bool {
        self.is_any || self.has_step || self.is_full
    }
}

/// From one value to another, over the end of the range if need be.
fn span(kind: &Kind, from: u8, to: u8) -> Vec<u8> {
    // Sunday may be 7: `5-7` is friday to sunday, `7-2` sunday to tuesday, `0-7` all of them.
    let week = kind.max == 6;
    let (from, to) = match (from, to) {
        (7, 7) if week => (0, 0),
        (7, to) if week => (0, to),
        (0, 7) if week => (0, 6),
        (from, 7) if week => (from, 0),
        pair => pair,
    };
    if from <= to { (from..=to).collect() } else { (from..=kind.max).chain(kind.min..=to).collect() }
}

fn step_of(kind: &Kind, text: &str) -> Result<u8, String> {
    let most = kind.max - kind.min + 1;
    number(text)
        .filter(|step| (1..=most).contains(step))
        .ok_or_else(|| format!("has the step {text:?}; it must be 1 to {most}"))
}

fn value(kind: &Kind, text: &str) -> Result<u8, String> {
    let most = if kind.max == 6 { 7 } else { kind.max };
    number(text)
        .filter(|number| (kind.min..=most).contains(number))
        .or_else(|| (kind.names)(text))
        .ok_or_else(|| format!("holds {text:?}; it must be {} to {most}", kind.min))
}

fn number(text: &str) -> Option<u8> {
    crate::calendar::digits(text.as_bytes()).and_then(|number| u8::try_from(number).ok())
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The name of a month, from 1.
pub(super) fn month_name(month: u8) -> &'static str {
    MONTHS[usize::from((month + 11) % 12)]
}

fn month(text: &str) -> Option<u8> {
    let text = text.to_ascii_lowercase();
    let index = MONTHS.iter().position(|name| text == *name || text == name[..3])?;
    u8::try_from(index + 1).ok()
}

/// Sunday is 0 in cron, 6 elsewhere in this crate.
fn weekday(text: &str) -> Option<u8> {
    days::find(text).map(|day| (day + 1) % 7)
}

fn day_of_month(text: &str) -> Result<Option<Special>, String> {
    match (text, text.strip_suffix('W')) {
        ("L", _) => Ok(Some(Special::LastDay)),
        ("LW" | "WL", _) => Ok(Some(Special::LastWorkday)),
        (_, Some(day)) => match number(day).filter(|day| (1..=31).contains(day)) {
            Some(day) => Ok(Some(Special::NearestWorkday(day))),
            None => Err(format!("holds {text:?}; before W there must be a day from 1 to 31")),
        },
        _ if text.starts_with("L-") => {
            Err("holds days counted from the end of the month, which are not supported".into())
        }
        _ => Ok(None),
    }
}

fn day_of_week(text: &str) -> Result<Option<Special>, String> {
    if text == "L" {
        return Err("holds L alone; write 5L or FRIL for the month's last friday".into());
    }
    let day = |text: &str| value(&DAY_OF_WEEK, text).map(|day| day % 7);
    if let Some((name, nth)) = text.split_once('#') {
        if nth == "L" {
            return Ok(Some(Special::LastWeekday(day(name)?)));
        }
        let nth = number(nth)
            .filter(|nth| (1..=5).contains(nth))
            .ok_or_else(|| format!("holds {text:?}; after # there must be 1 to 5, or L"))?;
        return Ok(Some(Special::NthWeekday(day(name)?, nth)));
    }
    match text.strip_suffix('L') {
        Some(name) => Ok(Some(Special::LastWeekday(day(name)?))),
        None => Ok(None),
    }
}
