//! A schedule in plain English.

use super::pattern::Pattern;
use super::{Recurrence, cron_words};
use crate::calendar::{DAY_MS, HOUR_MS, MINUTE_MS, time_of_day, time_text};
use crate::days::Days;
use crate::{Millis, Zone, duration};

pub(super) fn recurrence(recurrence: &Recurrence) -> String {
    let zone = &recurrence.zone;
    let rhythm = match &recurrence.pattern {
        Pattern::Interval { every_ms, anchor } => interval(*every_ms, *anchor, zone),
        Pattern::Daily { days, time_ms } if *days == Days::ALL => {
            format!("every day at {} ({})", time_text(*time_ms), zone.name())
        }
        Pattern::Daily { days, time_ms } => {
            format!("every week on {} at {} ({})", days.to_text(), time_text(*time_ms), zone.name())
        }
        Pattern::Cron(cron) => format!("{} ({})", cron_words::cron(cron), zone.name()),
    };
    let from = (recurrence.first > Millis::EARLIEST).then(|| format!(", from {}", recurrence.first.to_rfc3339()));
    let until = recurrence.spec.end.map(|end| format!(", until {}", end.to_rfc3339()));
    rhythm + &from.unwrap_or_default() + &until.unwrap_or_default()
}

/// How a schedule of even intervals reads, with the place of its ticks when that repeats every hour or day.
fn interval(every_ms: i64, anchor: Millis, zone: &Zone) -> String {
    let every = match duration::to_text(every_ms) {
        text if text.starts_with("1 ") => format!("every {}", &text[2..]),
        text => format!("every {text}"),
    };
    let time_ms = time_of_day(zone.local(anchor));
    match every_ms {
        MINUTE_MS if time_ms % MINUTE_MS == 0 => every,
        MINUTE_MS => format!("{every} at {}", units(time_ms % MINUTE_MS / 1000, "second")),
        HOUR_MS if time_ms % HOUR_MS == 0 => format!("{every} on the hour ({})", zone.name()),
        HOUR_MS => format!("{every} at {} ({})", past_the_hour(time_ms % HOUR_MS), zone.name()),
        _ if DAY_MS % every_ms == 0 => format!("{every}, counted from {} ({})", time_text(time_ms), zone.name()),
        _ => format!("{every}, counted from {}", anchor.to_rfc3339()),
    }
}

fn past_the_hour(ms: i64) -> String {
    let seconds = ms % MINUTE_MS / 1000;
    let minutes = units(ms / MINUTE_MS, "minute");
    match seconds {
        0 => format!("{minutes} past"),
        _ => format!("{minutes} and {} past", units(seconds, "second")),
    }
}

fn units(count: i64, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}
