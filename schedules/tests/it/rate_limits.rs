//! Semantics §6: what a limit counts by, which bucket that is, and what all limits say of one job.

use proptest::prelude::*;
use schedules::rate::{
    Algorithm, Bucket, Limit, OnExceed, OnMissing, Rule, State, Verdict, admit, decide, names, subject,
};
use schedules::{Key, Millis};
use serde_json::{Value, json};

const NOW: Millis = Millis(1_777_000_000_000);

fn rule(algorithm: Algorithm, limit: u32) -> Rule {
    Rule { limit, interval_ms: 1_000, burst: None, algorithm }
}

fn limit(algorithm: Algorithm, fields: &[&str]) -> Limit {
    Limit {
        rule: rule(algorithm, 1),
        fields: fields.iter().map(ToString::to_string).collect(),
        on_exceed: OnExceed::Reject,
        on_missing: OnMissing::Skip,
        limiter: None,
        back_pressure: false,
    }
}

fn key(json: Value) -> Key {
    Key::parse(&json).expect("a good key")
}

#[test]
fn a_subject_is_the_named_fields() {
    let check = |fields: &[&str], json: Option<Value>, wanted: Option<&str>| {
        let found = limit(Algorithm::LeakyBucket, fields).subject(json.clone().map(key).as_ref());
        assert_eq!(found.as_deref(), wanted, "{fields:?} of {json:?}");
    };
    check(&[], None, Some("{}"));
    check(&[], Some(json!({"a": 1})), Some("{}"));
    check(&["a"], None, None);
    check(&["a"], Some(json!({"b": 1})), None);
    check(&["a", "b"], Some(json!({"b": 1})), None);
    check(&["a"], Some(json!({"b": 1, "a": "x"})), Some(r#"{"a":"x"}"#));
    check(&["b", "a"], Some(json!({"a": 1.0, "b": true, "c": 2})), Some(r#"{"a":1,"b":true}"#));
    check(&["a"], Some(json!({"a": "1"})), Some(r#"{"a":"1"}"#));
    check(&["a"], Some(json!({"a": null})), Some(r#"{"a":null}"#));
    check(&["a", "a"], Some(json!({"a": 1})), Some(r#"{"a":1}"#));
}

#[test]
fn names_tell_buckets_apart() {
    use Algorithm::{LeakyBucket, SlidingWindow};
    let check = |limits: &[(Algorithm, &[&str])], wanted: &[&str]| {
        let limits: Vec<_> = limits.iter().map(|(algorithm, fields)| limit(*algorithm, fields)).collect();
        assert_eq!(names(&limits), wanted);
    };
    check(&[], &[]);
    check(&[(LeakyBucket, &[]), (LeakyBucket, &["a"]), (SlidingWindow, &["a"])], &["l0", "l0", "s0"]);
    check(&[(LeakyBucket, &["a"]), (LeakyBucket, &["a"]), (LeakyBucket, &["a"])], &["l0", "l1", "l2"]);
    check(&[(SlidingWindow, &["a", "b"]), (SlidingWindow, &["b", "a"]), (SlidingWindow, &["b"])], &["s0", "s1", "s0"]);
    // Naming a field twice is naming it.
    check(&[(LeakyBucket, &["a"]), (LeakyBucket, &["a", "a"])], &["l0", "l1"]);
}

#[test]
fn editing_numbers_keeps_the_names() {
    let before = [limit(Algorithm::LeakyBucket, &["a"]), limit(Algorithm::SlidingWindow, &[])];
    let mut after = before.clone();
    after[0].rule = Rule { limit: 77, interval_ms: 9, burst: Some(3), ..after[0].rule };
    after[1].on_exceed = OnExceed::Delay;
    after[1].on_missing = OnMissing::Reject;
    assert_eq!(names(&before), names(&after));
}

/// A bucket that is full until `ms` after now; 0 is one with room.
fn full(ms: i64, on_exceed: OnExceed) -> (Bucket, OnExceed) {
    let log = if ms == 0 { vec![] } else { vec![NOW.after(ms - 1_000)] };
    (Bucket::new(rule(Algorithm::SlidingWindow, 1), State::SlidingWindow(log)), on_exceed)
}

#[test]
fn refuse_goes_before_wait_and_wait_before_start() {
    use OnExceed::{Delay, Reject};
    let check = |buckets: &[(i64, OnExceed)], wanted: Result<usize, (usize, usize, i64)>| {
        let buckets: Vec<_> = buckets.iter().map(|(ms, on_exceed)| full(*ms, *on_exceed)).collect();
        let verdict = decide(NOW, &buckets);
        let wanted = match wanted {
            Ok(count) => Verdict::Start { states: vec![State::SlidingWindow(vec![NOW]); count] },
            Err((0, place, ms)) => Verdict::Refuse { place, until: NOW.after(ms) },
            Err((_, place, ms)) => Verdict::Wait { place, until: NOW.after(ms) },
        };
        assert_eq!(verdict, wanted);
    };
    let (refuse, wait) = (|place, ms| Err((0, place, ms)), |place, ms| Err((1, place, ms)));
    check(&[], Ok(0));
    check(&[(0, Reject), (0, Delay)], Ok(2));
    check(&[(0, Reject), (5, Reject)], refuse(1, 5));
    check(&[(5, Reject), (9, Reject)], refuse(0, 5));
    check(&[(9, Delay), (5, Reject)], refuse(1, 5));
    check(&[(5, Delay)], wait(0, 5));
    check(&[(5, Delay), (0, Reject)], wait(0, 5));
    check(&[(5, Delay), (9, Delay), (7, Delay)], wait(1, 9));
    check(&[(0, Delay), (9, Delay), (9, Delay)], wait(1, 9));
}

fn buckets() -> impl Strategy<Value = Vec<(Bucket, OnExceed)>> {
    let one = (1_u32..4, any::<bool>(), any::<bool>(), prop::collection::vec(0_i64..2_000, 0..5));
    let bucket = one.prop_map(|(limit, slides, delays, admissions)| {
        let algorithm = if slides { Algorithm::SlidingWindow } else { Algorithm::LeakyBucket };
        let mut bucket = Bucket::new(rule(algorithm, limit), State::empty(algorithm));
        let mut admissions = admissions;
        admissions.sort_unstable();
        for ago in admissions.into_iter().rev() {
            if let schedules::rate::Admission::Admit { mut states } = admit(NOW.after(-ago), &[bucket.clone()]) {
                bucket.state = states.remove(0);
            }
        }
        (bucket, if delays { OnExceed::Delay } else { OnExceed::Reject })
    });
    prop::collection::vec(bucket, 0..5)
}

fn room(bucket: &Bucket, at: Millis) -> bool {
    matches!(admit(at, std::slice::from_ref(bucket)), schedules::rate::Admission::Admit { .. })
}

proptest! {
    #[test]
    fn a_verdict_is_what_the_single_buckets_say(buckets in buckets()) {
        let full: Vec<_> = (0..buckets.len()).filter(|place| !room(&buckets[*place].0, NOW)).collect();
        let refusing = full.iter().copied().find(|place| buckets[*place].1 == OnExceed::Reject);
        match decide(NOW, &buckets) {
            Verdict::Start { states } => {
                prop_assert!(full.is_empty());
                for ((bucket, _), state) in buckets.iter().zip(states) {
                    let alone = admit(NOW, std::slice::from_ref(bucket));
                    prop_assert_eq!(alone, schedules::rate::Admission::Admit { states: vec![state] });
                }
            }
            Verdict::Refuse { place, until } => {
                prop_assert_eq!(Some(place), refusing);
                prop_assert!(room(&buckets[place].0, until) && !room(&buckets[place].0, until.after(-1)));
            }
            Verdict::Wait { place, until } => {
                prop_assert!(refusing.is_none() && full.contains(&place));
                prop_assert!(!room(&buckets[place].0, until.after(-1)));
                prop_assert!(full.iter().all(|place| room(&buckets[*place].0, until)), "it is full longest");
            }
        }
    }

    #[test]
    fn a_subject_names_what_it_counts(
        fields in prop::collection::btree_set("[a-d]", 0..4),
        values in prop::collection::btree_map("[a-d]", 0_i64..3, 1..4),
    ) {
        let fields: Vec<_> = fields.into_iter().collect();
        let found = subject(&fields, Some(&key(json!(values))));
        let wanted: Option<Vec<_>> = fields.iter().map(|name| values.get(name)).collect();
        prop_assert_eq!(found.is_some(), wanted.is_some());
        if let Some(found) = found {
            let read: std::collections::BTreeMap<String, i64> = serde_json::from_str(&found).expect("it is JSON");
            prop_assert_eq!(read.keys().cloned().collect::<Vec<_>>(), fields);
            prop_assert!(read.iter().all(|(name, value)| values[name] == *value));
        }
    }
}
