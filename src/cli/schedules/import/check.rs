//! What this engine makes of an entry: whether it takes it, how it reads, and when it fires next.

use ::schedules::Millis;
use serde_json::Value;
use workers::settings::Schedule;
use workers::timetable::Written;

use super::clocks::next_touched;
use super::entry::{Entry, Left};

const NEXT: usize = 3;

/// An entry that can be put.
#[derive(Clone, Debug)]
pub struct Ready {
    pub entry: Entry,
    /// The schedule in plain English.
    pub reads: String,
    /// Its next ticks.
    pub next: Vec<Tick>,
}

/// One of the next ticks.
#[derive(Clone, Debug)]
pub struct Tick {
    pub nominal: Millis,
    /// What the wall clock shows in the schedule's zone.
    pub local: String,
    pub remark: Option<String>,
}

/// Reads an entry as the server will. Errors name the field.
pub fn check(mut entry: Entry, now: Millis) -> Result<Ready, Left> {
    let read = Written::parse(entry.body.clone()).and_then(|_| Schedule::parse(spec(&entry.body)));
    let schedule = match read {
        Ok(schedule) => schedule,
        Err(error) => {
            return Err(Left { line: entry.line, entry: entry.name, message: error.to_string() });
        }
    };
    let recurrence = &schedule.recurrence;
    if let (Some(clocks), Some(change)) = (entry.clocks, next_touched(recurrence, now)) {
        entry.remarks.push(format!("{clocks} (next at {})", recurrence.zone().wall_clock(change)));
    }
    let most = schedule.max_runs.and_then(|most| usize::try_from(most).ok()).unwrap_or(NEXT).min(NEXT);
    let tick = |nominal: Millis| Tick {
        nominal,
        local: recurrence.zone().wall_clock(nominal),
        remark: recurrence.remark(nominal),
    };
    let next: Vec<Tick> = recurrence.next_n(now, most).into_iter().map(tick).collect();
    if next.is_empty() {
        entry.remarks.push("it is over: it never fires again".to_owned());
    }
    Ok(Ready { reads: recurrence.describe(), next, entry })
}

/// The recurrence and the rules of a body.
pub fn spec(body: &Value) -> Value {
    let mut spec = body.clone();
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|name, _| !["note", "key", "payload"].contains(&&**name));
    }
    spec
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2026-11-26T12:00:00Z.
    const NOW: Millis = Millis(1_795_694_400_000);

    fn made(body: Value, clocks: Option<&'static str>) -> Result<Ready, String> {
        let entry = Entry { line: 1, name: "x".into(), body, remarks: Vec::new(), clocks };
        check(entry, NOW).map_err(|left| left.message)
    }

    #[test]
    fn the_next_ticks_are_shown_in_the_zone() {
        let ready = made(json!({"cron": "30 5 * * *", "timezone": "Asia/Kolkata"}), None).expect("valid");
        let shown: Vec<(String, &str)> =
            ready.next.iter().map(|tick| (tick.nominal.to_rfc3339(), &*tick.local)).collect();
        assert_eq!(shown.len(), 3);
        assert_eq!(shown[0], ("2026-11-27T00:00:00.000Z".into(), "2026-11-27T05:30:00+05:30"));
        assert!(ready.reads.contains("05:30") && ready.reads.contains("Asia/Kolkata"), "{}", ready.reads);
        let few = made(json!({"every": "1h", "maxRuns": 2}), None).expect("valid");
        assert_eq!(few.next.len(), 2);
        let over = made(json!({"every": "1h", "end": "2020-01-01"}), None).expect("valid");
        assert!(over.next.is_empty() && over.entry.remarks[0].contains("never fires again"));
    }

    #[test]
    fn clocks_are_told_of_only_where_they_matter() {
        let check = |body: Value, told: bool| {
            let ready = made(body.clone(), Some("other rule")).expect("valid");
            assert_eq!(ready.entry.remarks.len(), usize::from(told), "{body}: {:?}", ready.entry.remarks);
        };
        check(json!({"cron": "30 1 * * *", "timezone": "Europe/London"}), true);
        check(json!({"cron": "30 2 * * *", "timezone": "America/New_York"}), true);
        check(json!({"cron": "30 14 * * *", "timezone": "Europe/London"}), false);
        check(json!({"cron": "30 1 * * *", "timezone": "Asia/Tokyo"}), false);
        check(json!({"cron": "30 1 * * *"}), false);
    }

    #[test]
    fn what_the_engine_refuses_names_its_field() {
        let check = |body: Value, part: &str| {
            let message = made(body, None).expect_err(part);
            assert!(message.contains(part), "{message}");
        };
        check(json!({"cron": "61 * * * *"}), "cron: the minute field");
        check(json!({"cron": "0 0 30 2 *"}), "never fires");
        check(json!({"every": "500ms"}), "every: must be 1 second");
        check(json!({"cron": "0 5 * * *", "timezone": "Mars/Base"}), "timezone");
        check(json!({"every": "1h", "payload": {"data": "x".repeat(20_000)}}), "payload: must be at most 16 KiB");
    }
}
