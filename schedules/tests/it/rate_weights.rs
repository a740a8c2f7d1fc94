//! Jobs that weigh more than one unit, buckets that are shut, and the names of shared ones.

use proptest::prelude::*;
use schedules::Millis;
use schedules::rate::{
    Admission, Algorithm, Bucket, Hold, Limit, LimiterId, NEVER, OnExceed, OnMissing, Rule, State, Verdict, admit,
    decide, limiter_of, names,
};

const NOW: Millis = Millis(1_777_000_000_000);

fn leaky(limit: u32, interval_ms: u64, burst: Option<u32>) -> Rule {
    Rule { limit, interval_ms, burst, algorithm: Algorithm::LeakyBucket }
}

fn rules() -> impl Strategy<Value = Rule> {
    (1_u32..12, 1_u64..3_000, prop::option::of(1_u32..15), any::<bool>()).prop_map(
        |(limit, interval_ms, burst, slides)| match slides {
            true => Rule { algorithm: Algorithm::SlidingWindow, ..leaky(limit, interval_ms, None) },
            false => leaky(limit, interval_ms, burst),
        },
    )
}

fn requests() -> impl Strategy<Value = Vec<(i64, u32)>> {
    let gap = prop_oneof![3 => Just(0_i64), 5 => 0_i64..50, 1 => 0_i64..4_000];
    prop::collection::vec((gap, 1_u32..18), 1..150).prop_map(|gaps| {
        let at = |at: &mut i64, (gap, weight): (i64, u32)| {
            *at += gap;
            Some((*at, weight))
        };
        gaps.into_iter().scan(NOW.0, at).collect()
    })
}

fn bucket(rule: Rule, state: &State, weight: u32) -> Bucket {
    Bucket { weight, ..Bucket::new(rule, state.clone()) }
}

/// What is admitted of requests in order of time: when, and how many units.
fn admitted(rule: Rule, requests: &[(i64, u32)]) -> Vec<(i64, u32)> {
    let (mut state, mut admitted) = (State::empty(rule.algorithm), Vec::new());
    for (now, weight) in requests {
        if let Admission::Admit { mut states } = admit(Millis(*now), &[bucket(rule, &state, *weight)]) {
            state = states.remove(0);
            admitted.push((*now, (*weight).min(rule.capacity())));
        }
    }
    admitted
}

/// The same as a meter in exact fractions: one unit is `interval` parts, and a millisecond drains `limit` of them.
fn meter(rule: Rule, requests: &[(i64, u32)]) -> Vec<(i64, u32)> {
    let (unit, drain) = (i128::from(rule.interval_ms), i128::from(rule.limit));
    let (mut level, mut last, mut admitted) = (0_i128, NOW.0, Vec::new());
    for (now, weight) in requests {
        level = (level - i128::from(now - last) * drain).max(0);
        last = *now;
        let units = (*weight).min(rule.burst());
        if level + i128::from(units) * unit <= i128::from(rule.burst()) * unit {
            level += i128::from(units) * unit;
            admitted.push((*now, units));
        }
    }
    admitted
}

proptest! {
    #[test]
    fn never_more_units_than_the_bound_in_any_interval(rule in rules(), requests in requests()) {
        let bound = match rule.algorithm {
            Algorithm::LeakyBucket => rule.limit + rule.burst() - 1,
            Algorithm::SlidingWindow => rule.limit,
        };
        let admitted = admitted(rule, &requests);
        let length = i64::try_from(rule.interval_ms).expect("it is short");
        for (from, _) in &admitted {
            let within = admitted.iter().filter(|(at, _)| (*from..from + length).contains(at));
            prop_assert!(within.map(|(_, units)| units).sum::<u32>() <= bound);
        }
    }

    #[test]
    fn weighed_gcra_is_the_meter(rule in rules(), requests in requests()) {
        let rule = Rule { algorithm: Algorithm::LeakyBucket, ..rule };
        prop_assert_eq!(admitted(rule, &requests), meter(rule, &requests));
    }

    #[test]
    fn the_named_instant_is_enough_and_necessary(rule in rules(), requests in requests()) {
        let mut state = State::empty(rule.algorithm);
        for (now, weight) in requests {
            match admit(Millis(now), &[bucket(rule, &state, weight)]) {
                Admission::Admit { mut states } => state = states.remove(0),
                Admission::Wait { until, .. } => {
                    let works = |at| matches!(admit(at, &[bucket(rule, &state, weight)]), Admission::Admit { .. });
                    prop_assert!(works(until) && !works(until.after(-1)));
                }
            }
        }
    }

    #[test]
    fn the_level_says_how_heavy_a_job_there_is_room_for(rule in rules(), requests in requests()) {
        let mut state = State::empty(rule.algorithm);
        for (now, weight) in requests {
            if let Admission::Admit { mut states } = admit(Millis(now), &[bucket(rule, &state, weight)]) {
                state = states.remove(0);
            }
            let level = bucket(rule, &state, 1).level(Millis(now));
            prop_assert!(level <= rule.capacity());
            let fits = |weight| matches!(admit(Millis(now), &[bucket(rule, &state, weight)]), Admission::Admit { .. });
            let room = rule.capacity() - level;
            prop_assert!(room == 0 || fits(room));
            prop_assert!(room == rule.capacity() || !fits(room + 1));
        }
    }
}

#[test]
fn a_hold_shuts_a_bucket_and_a_pause_refuses_nobody() {
    let rule = leaky(5, 1_000, None);
    let held = |paused, until| {
        let hold = Hold { paused, until: Millis(until) };
        Bucket { hold, ..Bucket::new(rule, State::LeakyBucket(None)) }
    };
    let check = |bucket: Bucket, on_exceed, wanted: Verdict| assert_eq!(decide(NOW, &[(bucket, on_exceed)]), wanted);
    let until = NOW.after(700);
    check(held(false, until.0), OnExceed::Delay, Verdict::Wait { place: 0, until });
    check(held(false, until.0), OnExceed::Reject, Verdict::Refuse { place: 0, until });
    check(held(true, 0), OnExceed::Reject, Verdict::Wait { place: 0, until: NEVER });
    let states = vec![held(false, 0).charged(NOW)];
    check(held(false, NOW.0), OnExceed::Reject, Verdict::Start { states });
}

#[test]
fn shared_buckets_are_named_by_their_limiter_alone() {
    let limit = |fields: &[&str], limiter: Option<u128>| Limit {
        rule: leaky(1, 1_000, None),
        fields: fields.iter().map(ToString::to_string).collect(),
        on_exceed: OnExceed::Delay,
        on_missing: OnMissing::Skip,
        limiter: limiter.map(LimiterId),
        back_pressure: false,
    };
    let shared = "@000000000000000000000000000000ffl0";
    assert_eq!(names(&[limit(&[], None), limit(&[], Some(255)), limit(&[], None)]), ["l0", shared, "l1"]);
    assert_eq!(names(&[limit(&["a"], Some(255))]), [shared]);
    assert_eq!(limiter_of(&format!("{shared}{{}}")), Some(LimiterId(255)));
    assert_eq!((limiter_of("l0{}"), limiter_of("@ff")), (None, None));
}
