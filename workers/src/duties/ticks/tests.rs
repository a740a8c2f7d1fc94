//! Tables of what is due.

use serde_json::{Value, json};
use store::IntegrationId;
use ulid::Ulid;

use super::*;

const MINUTE: i64 = 60_000;

fn schedule(written: Value) -> Schedule {
    Schedule::parse(written).expect("valid")
}

fn minutely(rest: Value) -> Schedule {
    let mut written = json!({"every": "minute", "overlap": "allow"});
    let fields = rest.as_object().expect("an object").clone();
    written.as_object_mut().expect("an object").extend(fields);
    schedule(written)
}

fn id() -> IntegrationId {
    IntegrationId(Ulid::from_parts(1, 1))
}

fn cursor(minute: i64) -> Cursor {
    Cursor::at(Millis(minute * MINUTE))
}

/// Ten milliseconds past a full minute.
fn now(minute: i64) -> Millis {
    Millis(minute * MINUTE + 10)
}

/// What a firing says of each tick: minute or minutes, and what became of them.
fn told(records: &[TickRecord]) -> Vec<String> {
    let word = |record: &TickRecord| {
        let minutes = match (record.first.0 / MINUTE, record.last.0 / MINUTE) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}x{}", record.count.map_or("?".into(), |count| count.to_string())),
        };
        match (record.verdict.words(), record.cause) {
            (("fired", _), Some(cause)) => format!("{minutes} {cause}"),
            ((_, why), _) => format!("{minutes} {why}"),
        }
    };
    records.iter().map(word).collect()
}

fn look(of: &Of<'_>, cursor: Cursor, now: Millis) -> Option<Due> {
    let mut number = 0;
    due(of, Some(cursor), now, || {
        number += 1;
        JobId(Ulid::from_parts(1, number))
    })
}

#[track_caller]
fn check(rest: Value, from: i64, at: i64, expected: &[&str]) {
    let schedule = minutely(rest.clone());
    let due = look(&Of::settings(id(), &schedule), cursor(from), now(at));
    let found = due.map(|due| told(&due.firing.records)).unwrap_or_default();
    assert_eq!(found, expected, "{rest} {from} {at}");
}

#[test]
fn a_tick_on_time_fires_whatever_the_rule() {
    for catchup in ["last", "none", "all"] {
        check(json!({"catchup": catchup}), 99, 100, &["100 schedule"]);
    }
}

#[test]
fn nothing_is_due_twice() {
    check(json!({"catchup": "all"}), 100, 100, &[]);
}

#[test]
fn missed_ticks_follow_the_rule_and_each_is_told_of() {
    let (all, last, none) = (json!({"catchup": "all"}), json!({"catchup": "last"}), json!({"catchup": "none"}));
    check(all.clone(), 97, 100, &["98 catchup", "99 catchup", "100 schedule"]);
    check(last, 90, 100, &["91-99x9 superseded", "100 schedule"]);
    check(none, 90, 100, &["91-99x9 catchup_none", "100 schedule"]);
    let expected = ["91-98x8 window", "99 catchup", "100 schedule"];
    check(json!({"catchup": "all", "catchupWindow": "2m"}), 90, 100, &expected);
    let expected = ["91-97x7 cap", "98 catchup", "99 catchup", "100 schedule"];
    check(json!({"catchup": "all", "catchupCap": 2}), 90, 100, &expected);
    let expected = ["91-95x5 window", "96-97x2 cap", "98 catchup", "99 catchup", "100 schedule"];
    check(json!({"catchup": "all", "catchupCap": 2, "catchupWindow": "5m"}), 90, 100, &expected);
}

#[test]
fn without_one_on_time_the_last_is_made_up_for() {
    let check = |rest: Value, expected: &[&str]| {
        let mut written = json!({"every": "hour"});
        written.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        let schedule = schedule(written);
        let due = look(&Of::settings(id(), &schedule), cursor(60), Millis(310 * MINUTE));
        assert_eq!(due.map(|due| told(&due.firing.records)).unwrap_or_default(), expected, "{rest}");
    };
    check(json!({"catchup": "last"}), &["120-240x3 superseded", "300 catchup"]);
    check(json!({"catchup": "none"}), &["120-300x4 catchup_none"]);
    check(json!({"catchup": "last", "catchupWindow": "5m"}), &["120-300x4 window"]);
    check(json!({"catchup": "last", "catchupWindow": "2h"}), &["120-180x2 window", "240 superseded", "300 catchup"]);
}

#[test]
fn a_long_outage_is_a_few_records() {
    let seconds = schedule(json!({"cron": "* * * * * *", "catchup": "all", "overlap": "allow"}));
    let ten_years = 10 * 366 * 24 * 60;
    let due = look(&Of::settings(id(), &seconds), cursor(0), now(ten_years)).expect("ticks");
    let (records, ticks) = (&due.firing.records, &due.firing.ticks);
    assert_eq!((records[0].count, records[0].verdict), (None, Verdict::Window));
    assert_eq!((records[1].count, records[1].verdict), (Some(86_400 - 60 - 100), Verdict::Cap));
    assert_eq!((records.len(), ticks.len()), (2 + 160, 160));
    let even = schedule(json!({"every": "1s", "catchup": "none", "overlap": "allow"}));
    let due = look(&Of::settings(id(), &even), cursor(0), now(ten_years)).expect("ticks");
    assert_eq!(due.firing.records[0].count, u64::try_from(ten_years * 60 - 60).ok());
}

#[test]
fn the_records_leave_no_tick_out() {
    for overlap in ["skip", "queue", "allow", "cancel_running"] {
        for catchup in ["last", "none", "all"] {
            for (from, at) in [(0, 1), (0, 3), (0, 60), (0, 5_000)] {
                let schedule =
                    minutely(json!({"overlap": overlap, "catchup": catchup, "catchupCap": 3, "catchupWindow": "1h"}));
                let of = Of::settings(id(), &schedule);
                let due = look(&of, cursor(from), now(at)).expect("ticks are due");
                let mut next = from + 1;
                let mut records = due.firing.records.clone();
                records.sort_by_key(|record| record.first);
                for record in &records {
                    assert_eq!(record.first.0, next * MINUTE, "{overlap} {catchup} {at}: {records:?}");
                    next = record.last.0 / MINUTE + 1;
                }
                assert_eq!(due.firing.to.0, (next - 1) * MINUTE, "{overlap} {catchup} {at}");
            }
        }
    }
}

#[test]
fn a_pause_is_told_of_and_not_made_up_for() {
    let schedule = minutely(json!({"catchup": "all"}));
    let of = Of { resumed: Some(now(95)), ..Of::settings(id(), &schedule) };
    let due = look(&of, cursor(90), now(97)).expect("ticks");
    assert_eq!(told(&due.firing.records), ["91-95x5 paused", "96 catchup", "97 schedule"]);
    let due = look(&of, cursor(90), now(95)).expect("ticks");
    assert_eq!((told(&due.firing.records), due.firing.to), (vec!["91-95x5 paused".to_owned()], Millis(95 * MINUTE)));
    assert!(look(&of, cursor(97), now(97)).is_none(), "it is long over");
}

#[test]
fn an_edit_fires_nothing_of_before() {
    let (before, after) = (minutely(json!({})), schedule(json!({"every": "2m", "overlap": "allow"})));
    let made_of = MadeOf::default();
    let of = Of {
        id: id().into(),
        schedule: &after,
        revision: 2,
        since: now(95),
        before: Some(&before.recurrence),
        resumed: None,
        made_of,
    };
    let old = Cursor { revision: 1, fired: 7, ..cursor(90) };
    let due = look(&of, old, now(97)).expect("it begins");
    assert_eq!(told(&due.firing.records), ["91-95x5 changed"]);
    assert!(due.firing.ticks.is_empty() && due.firing.to == now(95));
    let begun = due.firing.cursor_if_queued();
    assert_eq!((begun.revision, begun.fired), (2, 7));
    let due = look(&of, begun, now(96)).expect("a tick");
    assert_eq!(told(&due.firing.records), ["96 schedule"]);
    // A scheduler that had not heard of the edit fired on.
    let late = look(&of, Cursor { nominal: Millis(97 * MINUTE), ..old }, now(98)).expect("it begins");
    assert_eq!(told(&late.firing.records), ["96 changed"]);
    assert_eq!(late.firing.to, Millis(97 * MINUTE), "a cursor never goes back");
}

#[test]
fn who_has_not_heard_of_an_edit_yet_fires_nothing() {
    let schedule = minutely(json!({}));
    let of = Of { revision: 1, ..Of::settings(id(), &schedule) };
    assert!(look(&of, Cursor { revision: 2, ..cursor(90) }, now(95)).is_none());
    assert!(look(&of, Cursor { revision: 1, ..cursor(90) }, now(95)).is_some());
    assert!(look(&of, cursor(90), now(95)).is_some(), "it is from before there were revisions");
}

#[test]
fn it_is_over_after_so_many_ticks() {
    let schedule = minutely(json!({"maxRuns": 10, "catchup": "all"}));
    let of = Of::settings(id(), &schedule);
    let due = look(&of, Cursor { fired: 8, ..cursor(90) }, now(95)).expect("ticks");
    assert_eq!(told(&due.firing.records), ["91 catchup", "92 catchup"]);
    let over = due.firing.cursor_if_queued();
    assert_eq!((over.nominal, over.fired), (Millis(92 * MINUTE), 10));
    assert!(look(&of, over, now(99)).is_none() && of.next(over).is_none());
    assert_eq!(of.next(Cursor { fired: 9, ..over }), Some(Millis(93 * MINUTE)));
}

#[test]
fn ticks_that_wait_are_fired_one_by_one_and_are_not_missed() {
    let schedule = minutely(json!({"overlap": "queue", "catchup": "none"}));
    let of = Of::settings(id(), &schedule);
    let due = look(&of, cursor(90), now(91)).expect("a tick");
    assert_eq!((told(&due.firing.records), due.firing.if_busy), (vec!["91 schedule".to_owned()], IfBusy::Wait));
    let mut at = due.firing.cursor_if_queued();
    for minute in 92..100 {
        let waits = look(&of, at, now(minute)).expect("a tick");
        at = waits.firing.cursor_if_skipped();
        assert_eq!((at.nominal, at.seen), (Millis(91 * MINUTE), Some(now(minute))));
        assert!(waits.firing.records_if_skipped.is_empty());
    }
    // Nothing looked for an hour: what was seen waits still, the rest is missed.
    for minute in 92..100 {
        let due = look(&of, at, now(160)).expect("a tick");
        assert_eq!(told(&due.firing.records), [format!("{minute} schedule")]);
        at = due.firing.cursor_if_queued();
    }
    let due = look(&of, at, now(160)).expect("a tick");
    assert_eq!(told(&due.firing.records), ["100-159x60 catchup_none", "160 schedule"]);
}

#[test]
fn made_up_ticks_that_wait_keep_their_cause() {
    let schedule = minutely(json!({"overlap": "queue", "catchup": "all", "catchupCap": 3}));
    let of = Of::settings(id(), &schedule);
    let (mut at, mut all) = (cursor(90), Vec::new());
    while let Some(due) = look(&of, at, now(100)) {
        all.extend(told(&due.firing.records));
        at = due.firing.cursor_if_queued();
    }
    assert_eq!(all, ["91-96x6 cap", "97 catchup", "98 catchup", "99 catchup", "100 schedule"]);
}

#[test]
fn of_several_on_time_one_runs() {
    for (overlap, expected) in [("skip", vec!["10000", "20000", "30000"]), ("allow", vec![])] {
        let every = schedule(json!({"every": "10s", "overlap": overlap}));
        let due = look(&Of::settings(id(), &every), Cursor::at(Millis(0)), Millis(40_000)).expect("ticks");
        let passed: Vec<String> = due.passed_over.iter().map(|tick| tick.job.due.0.to_string()).collect();
        assert_eq!(passed, expected, "{overlap}");
        assert_eq!(due.firing.ticks.len(), 4 - expected.len());
        assert_eq!(due.firing.records.len(), 4);
    }
}

#[test]
fn a_new_schedule_starts_when_it_was_made() {
    let schedule = minutely(json!({}));
    let of = Of { since: now(5), revision: 1, ..Of::settings(id(), &schedule) };
    let due = due(&of, None, now(9), || JobId(Ulid::from_parts(1, 1))).expect("it starts");
    assert_eq!((due.firing.to, due.firing.revision, due.firing.ticks.len()), (now(5), 1, 0));
    let unknown = Of::settings(id(), &schedule);
    let due = super::due(&unknown, None, now(9), || JobId(Ulid::from_parts(1, 1))).expect("it starts");
    assert_eq!(due.firing.to, now(9));
}

#[test]
fn a_tick_says_what_its_schedule_does() {
    let schedule = schedule(json!({"every": "minute", "jitter": "30s"}));
    let payload = json!({"customer": 7});
    let key = Key::parse(&json!({"customer": 7})).expect("a key");
    let made_of =
        MadeOf { name: Some("customer-7"), payload: payload.as_object(), key: Some(&key), lane: Some("{\"c\":7}") };
    let of = Of { made_of, ..Of::settings(id(), &schedule) };
    let due = look(&of, cursor(90), now(91)).expect("a tick");
    let job = &due.firing.ticks[0].job;
    let payload: Value = serde_json::from_str(&job.payload).expect("JSON");
    let jittered = schedule.recurrence.jittered(Millis(91 * MINUTE), &id().to_bytes());
    assert_eq!(
        payload,
        json!({
            "customer": 7, "schedule": "customer-7", "scheduledAt": jittered.to_rfc3339(),
            "nominal": Millis(91 * MINUTE).to_rfc3339(), "previous": Millis(90 * MINUTE).to_rfc3339(),
            "upcoming": Millis(92 * MINUTE).to_rfc3339(),
        })
    );
    assert_eq!((job.due, job.key.as_ref(), job.lane.as_deref()), (jittered, Some(&key), Some("{\"c\":7}")));
    assert_eq!(due.firing.records[0].effective, Some(jittered));
}
