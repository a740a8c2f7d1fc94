//! Cron expressions: our reading of the text, croner's search on the wall clock, our rule for changes of the clocks.

use std::str::FromStr;

use super::cron_field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, SECOND};
use crate::calendar::to_naive;
use crate::{Millis, Zone};

const MAX_CHARS: usize = 200;

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A cron expression that was read and that fires sooner or later.
#[derive(Clone, Debug)]
pub(super) struct Cron {
    inner: croner::Cron,
    pub second: Field,
    pub minute: Field,
    pub hour: Field,
    pub day_of_month: Field,
    pub month: Field,
    pub day_of_week: Field,
}

impl Cron {
    /// Reads 5 fields, or 6 with seconds first, or a nickname such as `@daily`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_CHARS {
            return Err(format!("must be at most {MAX_CHARS} characters"));
        }
        let text = expand_nickname(text.trim())?.to_ascii_uppercase();
        let mut parts: Vec<&str> = text.split_whitespace().collect();
        if parts.len() == 5 {
            parts.insert(0, "0");
        }
        let [second, minute, hour, day_of_month, month, day_of_week] = parts[..] else {
            return Err(format!(
                "must have 5 fields (minute hour day-of-month month day-of-week) or 6 (seconds first), has {}",
                parts.len()
            ));
        };
        let mut fields = [
            Field::parse(&SECOND, second)?,
            Field::parse(&MINUTE, minute)?,
            Field::parse(&HOUR, hour)?,
            Field::parse(&DAY_OF_MONTH, day_of_month)?,
            Field::parse(&MONTH, month)?,
            Field::parse(&DAY_OF_WEEK, day_of_week)?,
        ];
        let normal = fields.iter().map(Field::normal).collect::<Vec<_>>().join(" ");
        let inner = croner::Cron::from_str(&normal).map_err(|error| format!("cannot be read: {error}"))?;
        let [second, minute, hour, day_of_month, month, day_of_week] = fields.each_mut().map(std::mem::take);
        let cron = Self { inner, second, minute, hour, day_of_month, month, day_of_week };
        match cron.next_local(0) {
            Some(_) => Ok(cron),
            None => Err("never fires: no month has such a day".into()),
        }
    }

    /// Whether it names times of day, rather than repeating through hours or minutes.
    pub fn is_fixed(&self) -> bool {
        ![&self.second, &self.minute, &self.hour].iter().any(|field| field.repeats())
    }

    /// The first tick strictly later than `after`.
    pub fn next(&self, after: Millis, zone: &Zone) -> Option<Millis> {
        if self.is_fixed() { self.next_fixed(after, zone) } else { self.next_repeating(after, zone) }
    }

    /// Each time of day fires at the first instant that shows it, or after it if none does.
    ///
    /// Later times of day never mean earlier instants, so the first that lies after `after` is the answer.
    fn next_fixed(&self, after: Millis, zone: &Zone) -> Option<Millis> {
        let mut local_ms = zone.local(after);
        loop {
            local_ms = self.next_local(local_ms)?;
            let tick = zone.first(local_ms);
            if tick > after {
                return Some(tick);
            }
            // In the second pass of a repeated hour: whatever else that hour shows has fired in the first pass too.
            if let Some(change) = zone.next_change(tick, after) {
                local_ms = local_ms.max(change.0 + zone.offset_ms(tick) - 1);
            }
        }
    }

    /// Every instant whose wall-clock time matches, one stretch of unchanged clocks after the other.
    fn next_repeating(&self, after: Millis, zone: &Zone) -> Option<Millis> {
        let mut cursor = after;
        loop {
            let offset_ms = zone.offset_ms(cursor.after(1));
            let tick = Millis(self.next_local(cursor.0 + offset_ms)?).after(-offset_ms);
            match zone.next_change(cursor.after(1), tick) {
                // What the clocks show at the change itself may match, so the search resumes just before it.
                Some(change) => cursor = change.after(-1),
                None => return Some(tick),
            }
        }
    }

    /// The first matching local time strictly later than another.
    fn next_local(&self, after_ms: i64) -> Option<i64> {
        let found = self.inner.find_next_occurrence(&to_naive(after_ms)?, false).ok()?;
        Some(found.and_utc().timestamp_millis())
    }
}

fn expand_nickname(text: &str) -> Result<&str, String> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    known.map(|(_, expression)| *expression).ok_or_else(|| {
        let names: Vec<&str> = NICKNAMES.iter().map(|(name, _)| *name).collect();
        format!("{text:?} is not known; there are {}", names.join(", "))
    })
}
