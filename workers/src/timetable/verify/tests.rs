//! Tables of what a comparison finds.

use serde_json::{Value, json};
use store::IntegrationId;
use store::queue::Cause;
use ulid::Ulid;

use super::*;

const MINUTE: i64 = 60_000;
/// Nothing is missing, doubled or unexplained.
const NONE: [Vec<i64>; 3] = [Vec::new(), Vec::new(), Vec::new()];

fn minute(n: i64) -> Millis {
    Millis(n * MINUTE)
}

fn record(first: i64, last: i64, verdict: Verdict, revision: u32) -> TickRecord {
    let fired = verdict == Verdict::Fired;
    TickRecord {
        schedule: IntegrationId(Ulid::from_parts(1, 1)).into(),
        first: minute(first),
        last: minute(last),
        count: Some(1),
        verdict,
        job: fired.then(|| JobId(Ulid::from_parts(2, u128::try_from(first).unwrap_or(0)))),
        cause: fired.then_some(Cause::Schedule),
        effective: None,
        revision,
        recorded: minute(last),
    }
}

fn fired(n: i64) -> TickRecord {
    record(n, n, Verdict::Fired, 1)
}

fn span(written: Value, revision: u32, after: i64, until: Option<i64>) -> Span {
    let schedule = Schedule::parse(written).expect("valid");
    Span { revision, schedule, after: minute(after).after(1), until: until.map(|until| minute(until).after(1)) }
}

fn minutely() -> Vec<Span> {
    vec![span(json!({"every": "minute"}), 1, 0, None)]
}

fn open(cursor: i64, now: i64) -> Open {
    Open { cursor: Some(Cursor { revision: 1, ..Cursor::at(minute(cursor)) }), now: minute(now), held: false }
}

/// Minutes of what is missing, doubled and unexplained between minute 1 and `now`.
fn find(spans: &[Span], records: &[TickRecord], open: &Open) -> (Report, [Vec<i64>; 3]) {
    let report = compare(spans, records, (minute(1), open.now), open).expect("a report");
    let minutes = |list: &[Finding]| list.iter().map(|finding| finding.nominal.0 / MINUTE).collect::<Vec<_>>();
    let found = [minutes(&report.missing), minutes(&report.doubled), minutes(&report.unexplained)];
    (report, found)
}

#[test]
fn what_is_whole_is_good() {
    let records = [fired(1), record(2, 5, Verdict::Superseded, 1), fired(6), record(7, 7, Verdict::Overlap, 1)];
    let (report, found) = find(&minutely(), &records, &open(7, 7));
    assert_eq!(found, NONE);
    assert_eq!((report.expected, report.fired, report.missed, report.skipped), (7, 2, 4, 1));
    assert!(report.is_good());
}

#[test]
fn what_is_missing_doubled_or_made_up_is_found() {
    let check = |records: &[TickRecord], expected: [Vec<i64>; 3]| {
        let (report, found) = find(&minutely(), records, &open(5, 5));
        assert_eq!(found, expected, "{records:?}");
        assert_eq!(report.is_good(), expected.iter().all(Vec::is_empty));
    };
    let all: Vec<TickRecord> = (1..=5).map(fired).collect();
    check(&all, [vec![], vec![], vec![]]);
    check(&[&all[..2], &all[3..]].concat(), [vec![3], vec![], vec![]]);
    check(&all[..4], [vec![5], vec![], vec![]]);
    check(&[], [vec![1, 2, 3, 4, 5], vec![], vec![]]);
    let twice = TickRecord { job: Some(JobId(Ulid::from_parts(9, 9))), ..fired(3) };
    check(&[&all[..3], &[twice], &all[3..]].concat(), [vec![], vec![3], vec![]]);
    check(&[&all[..3], &[record(3, 4, Verdict::Cap, 1)], &all[3..]].concat(), [vec![], vec![3, 4], vec![]]);
    let between = TickRecord { first: minute(3).after(7), last: minute(3).after(7), ..fired(3) };
    check(&[&all[..3], &[between], &all[3..]].concat(), [vec![], vec![], vec![3]]);
    let of_another = record(4, 4, Verdict::Fired, 2);
    check(&[&all[..3], &[of_another], &all[4..]].concat(), [vec![4], vec![], vec![4]]);
}

#[test]
fn what_is_to_come_is_not_missing() {
    let all: Vec<TickRecord> = (1..=3).map(fired).collect();
    let (report, found) = find(&minutely(), &all, &open(3, 4));
    assert_eq!((report.waiting, found), (1, NONE), "it may fire at any moment");
    let (_, found) = find(&minutely(), &all, &open(3, 5));
    assert_eq!(found[0], [4], "it should have fired long ago");
    let held = Open { held: true, ..open(3, 9) };
    assert_eq!(find(&minutely(), &all, &held).1[0], Vec::<i64>::new());
    let seen = Cursor { seen: Some(minute(8)), revision: 1, ..Cursor::at(minute(3)) };
    let waits = Open { cursor: Some(seen), ..open(3, 9) };
    assert_eq!(find(&minutely(), &all, &waits).1[0], Vec::<i64>::new());
    let limited = [span(json!({"every": "minute", "maxRuns": 3}), 1, 0, None)];
    let over = Open { cursor: Some(Cursor { fired: 3, revision: 1, ..Cursor::at(minute(3)) }), ..open(3, 9) };
    let (report, found) = find(&limited, &all, &over);
    assert_eq!((report.expected, found), (3, NONE));
}

#[test]
fn each_revision_has_its_time() {
    let spans = [
        span(json!({"every": "minute"}), 1, 0, Some(4)),
        span(json!({"every": "2m"}), 2, 4, Some(8)),
        span(json!({"every": "minute"}), 3, 8, None),
    ];
    let second = record(6, 6, Verdict::Fired, 2);
    let eighth = record(8, 8, Verdict::Fired, 2);
    let ninth = record(9, 9, Verdict::Fired, 3);
    let all = [fired(1), fired(2), fired(3), fired(4), second, eighth, ninth];
    let open = open(9, 9);
    let (report, found) = find(&spans, &all, &open);
    assert_eq!((report.expected, found), (7, NONE));
    // A scheduler that had not heard of the first edit fired one more, and the next revision says so.
    let late = [fired(1), fired(2), fired(3), fired(4), fired(5), second, eighth, ninth];
    assert_eq!(find(&spans, &late, &open).1, NONE);
    let far = [fired(1), fired(2), fired(3), fired(4), second, fired(7), eighth, ninth];
    assert_eq!(find(&spans, &far, &open).1, [vec![], vec![], vec![7]]);
}
