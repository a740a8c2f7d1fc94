//! Semantics §6: leaky bucket, sliding window, several rules, all or none.

use proptest::prelude::*;
use schedules::Millis;
use schedules::rate::gcra::{self, Tat};
use schedules::rate::{Admission, Algorithm, Bucket, Rule, State, admit, sliding};

fn leaky(limit: u32, interval_ms: u64, burst: Option<u32>) -> Rule {
    Rule { limit, interval_ms, burst, algorithm: Algorithm::LeakyBucket }
}

fn sliding_rule(limit: u32, interval_ms: u64) -> Rule {
    Rule { algorithm: Algorithm::SlidingWindow, ..leaky(limit, interval_ms, None) }
}

/// Which of the requests (ascending instants) are admitted.
fn admitted(rule: Rule, requests: &[i64]) -> Vec<i64> {
    let mut state = State::empty(rule.algorithm);
    let mut admitted = Vec::new();
    for now in requests {
        let bucket = Bucket::new(rule, state.clone());
        if let Admission::Admit { mut states } = admit(Millis(*now), &[bucket]) {
            state = states.remove(0);
            admitted.push(*now);
        }
    }
    admitted
}

/// The most of the (ascending) instants that lie in any one interval.
fn most_in_any(interval_ms: u64, instants: &[i64]) -> usize {
    let length = i64::try_from(interval_ms).unwrap();
    let count = |from: &i64| instants.iter().filter(|at| (*from..from + length).contains(*at)).count();
    instants.iter().map(count).max().unwrap_or(0)
}

#[test]
fn a_full_bucket_admits_the_burst_and_then_one_per_drained_slot() {
    let rule = leaky(2, 1000, None);
    assert_eq!(admitted(rule, &[0, 0, 0, 499, 500, 501, 1000, 1499, 1500]), [0, 0, 500, 1000, 1500]);
}

#[test]
fn the_leaky_bound_is_reached_and_not_passed() {
    // Semantics: at most limit + burst − 1 in any one interval; limit 10 reaches 19.
    let requests: Vec<i64> = (0..4000).collect();
    assert_eq!(most_in_any(1000, &admitted(leaky(10, 1000, None), &requests)), 19);
    assert_eq!(most_in_any(1000, &admitted(leaky(2, 1000, None), &requests)), 3);
    assert_eq!(most_in_any(1000, &admitted(leaky(1, 1000, None), &requests)), 1);
    assert_eq!(most_in_any(1000, &admitted(leaky(10, 1000, Some(5)), &requests)), 14);
}

#[test]
fn burst_one_spaces_evenly() {
    let requests: Vec<i64> = (0..3000).collect();
    assert_eq!(admitted(leaky(4, 1000, Some(1)), &requests)[..5], [0, 250, 500, 750, 1000]);
    // 1000 / 3 is no whole number: each waits for the first millisecond at or after its slot, without drift.
    assert_eq!(admitted(leaky(3, 1000, Some(1)), &requests)[..4], [0, 334, 668, 1002]);
}

#[test]
fn the_sliding_window_admits_exactly_the_limit() {
    let requests: Vec<i64> = (0..4000).collect();
    let found = admitted(sliding_rule(10, 1000), &requests);
    assert_eq!(most_in_any(1000, &found), 10);
    assert_eq!(found.len(), 40);
    let log: Vec<Millis> = [0, 400].map(Millis).to_vec();
    let rule = sliding_rule(2, 1000);
    assert_eq!(sliding::decide(&log, Millis(999), &rule), sliding::Decision::Wait { until: Millis(1000) });
    assert_eq!(sliding::decide(&log, Millis(1000), &rule), sliding::Decision::Admit);
}

#[test]
fn waiting_names_the_first_instant_that_works() {
    let rule = leaky(3, 1000, None);
    let mut tat = None;
    for _ in 0..3 {
        let gcra::Decision::Admit { tat: next } = gcra::decide(tat, Millis(10), &rule) else {
            panic!("the burst fits");
        };
        tat = Some(next);
    }
    assert_eq!(tat, Some(Tat { ms: 1010, part: 0 }));
    assert_eq!(gcra::decide(tat, Millis(10), &rule), gcra::Decision::Wait { until: Millis(344) });
    assert_eq!(gcra::decide(tat, Millis(343), &rule), gcra::Decision::Wait { until: Millis(344) });
    assert!(matches!(gcra::decide(tat, Millis(344), &rule), gcra::Decision::Admit { .. }));
}

#[test]
fn all_rules_are_charged_or_none() {
    let bucket = |rule: Rule, state| Bucket::new(rule, state);
    let (wide, narrow) = (leaky(10, 1000, None), sliding_rule(1, 5000));
    let states = [State::empty(wide.algorithm), State::empty(narrow.algorithm)];
    let [first, second] = states;
    let Admission::Admit { states } = admit(Millis(0), &[bucket(wide, first), bucket(narrow, second)]) else {
        panic!("both are empty");
    };
    let buckets = [bucket(wide, states[0].clone()), bucket(narrow, states[1].clone())];
    let wait = Admission::Wait { until: Millis(5000), full: vec![1] };
    assert_eq!(admit(Millis(1), &buckets), wait);
    assert_eq!(admit(Millis(1), &buckets), wait, "nothing was charged");
    assert_eq!(admit(Millis(7), &[]), Admission::Admit { states: vec![] });
}

#[test]
fn edited_rules_take_old_states() {
    let rule = leaky(3, 1000, None);
    let finer = Tat { ms: 1000, part: 999 };
    assert_eq!(
        gcra::decide(Some(finer), Millis(334), &leaky(3, 1000, Some(3))),
        gcra::Decision::Wait { until: Millis(335) }
    );
    for state in [State::SlidingWindow(vec![Millis(5)]), State::LeakyBucket(Some(finer))] {
        for rule in [rule, sliding_rule(1, 1000)] {
            if matches!(state, State::SlidingWindow(_)) == (rule.algorithm == Algorithm::SlidingWindow) {
                continue;
            }
            let bucket = Bucket::new(rule, state.clone());
            assert!(matches!(admit(Millis(6), &[bucket]), Admission::Admit { .. }));
        }
    }
}

#[test]
fn refuses_numbers_that_make_no_sense() {
    let check = |rule: Rule, field: Option<&str>| {
        let error = rule.validate("rateLimits[0]").err();
        assert_eq!(error.as_ref().map(|error| error.field.as_str()), field);
        assert!(error.is_none_or(|error| error.code == "invalid_rate_limit"));
    };
    check(leaky(10, 1000, None), None);
    check(leaky(0, 1000, None), Some("rateLimits[0].limit"));
    check(leaky(1_000_001, 1000, None), Some("rateLimits[0].limit"));
    check(leaky(1, 0, None), Some("rateLimits[0].interval"));
    check(leaky(1, u64::MAX, None), Some("rateLimits[0].interval"));
    check(leaky(1, 1000, Some(0)), Some("rateLimits[0].burst"));
    check(leaky(1, 1000, Some(1_000_001)), Some("rateLimits[0].burst"));
    check(leaky(1, 31_000_000_000, Some(1_000_000)), Some("rateLimits[0].burst"));
    check(sliding_rule(10_000, 1000), None);
    check(sliding_rule(10_001, 1000), Some("rateLimits[0].limit"));
    check(Rule { burst: Some(1), ..sliding_rule(1, 1000) }, Some("rateLimits[0].burst"));
}

#[test]
fn no_number_passes_what_a_double_holds() {
    let year = 31_557_600_000;
    for rule in [
        leaky(1, year, Some(10)),
        leaky(1_000_000, year, None),
        leaky(999_983, year, Some(1_000_000)),
        leaky(7, 1, Some(1_000_000)),
    ] {
        assert_eq!(rule.validate("r"), Ok(()));
        let (mut tat, mut now) = (None, Millis(4_102_444_800_000));
        for _ in 0..100 {
            // Each at the first instant that has room, as the jobs of a long line start.
            let start = match gcra::decide(tat, now, &rule) {
                gcra::Decision::Wait { until } => until,
                gcra::Decision::Admit { .. } => now,
            };
            let gcra::Decision::Admit { tat: next } = gcra::decide(tat, start, &rule) else {
                panic!("it has room at {start:?}");
            };
            assert!(next.ms < 1 << 53 && next.part < rule.limit && start >= now);
            (tat, now) = (Some(next), start);
        }
    }
}

fn rules() -> impl Strategy<Value = Rule> {
    (1u32..12, 1u64..3000, prop::option::of(1u32..15), any::<bool>()).prop_map(|(limit, interval_ms, burst, slide)| {
        if slide { sliding_rule(limit, interval_ms) } else { leaky(limit, interval_ms, burst) }
    })
}

/// The leaky bucket as a meter in exact fractions: (level × interval) in whole units of 1/limit.
fn meter(rule: Rule, requests: &[i64]) -> Vec<i64> {
    // Level counted in units of 1/(interval) admissions: one admission = interval units, a millisecond drains limit units.
    let (unit, drain) = (i128::from(rule.interval_ms), i128::from(rule.limit));
    let (mut level, mut last, mut admitted) = (0i128, requests.first().copied().unwrap_or(0), Vec::new());
    for now in requests {
        level = (level - i128::from(now - last) * drain).max(0);
        last = *now;
        if level + unit <= i128::from(rule.burst()) * unit {
            level += unit;
            admitted.push(*now);
        }
    }
    admitted
}

fn requests() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![3 => Just(0i64), 5 => 0i64..50, 1 => 0i64..4000], 1..200).prop_map(|gaps| {
        gaps.iter()
            .scan(1_777_000_000_000, |at, gap| {
                *at += gap;
                Some(*at)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn never_admits_more_than_its_bound(rule in rules(), requests in requests()) {
        let bound = match rule.algorithm {
            Algorithm::LeakyBucket => rule.limit + rule.burst() - 1,
            Algorithm::SlidingWindow => rule.limit,
        };
        prop_assert!(most_in_any(rule.interval_ms, &admitted(rule, &requests)) <= usize::try_from(bound).unwrap());
    }

    #[test]
    fn gcra_is_the_meter(rule in rules(), requests in requests()) {
        let rule = Rule { algorithm: Algorithm::LeakyBucket, ..rule };
        prop_assert_eq!(admitted(rule, &requests), meter(rule, &requests));
    }

    #[test]
    fn waiting_until_the_named_instant_is_enough_and_necessary(rule in rules(), requests in requests()) {
        let mut state = State::empty(rule.algorithm);
        for now in requests {
            let bucket = |state: &State| [Bucket::new(rule, state.clone())];
            match admit(Millis(now), &bucket(&state)) {
                Admission::Admit { mut states } => state = states.remove(0),
                Admission::Wait { until, full } => {
                    prop_assert_eq!(full, vec![0]);
                    prop_assert!(until > Millis(now));
                    let works = |at| matches!(admit(at, &bucket(&state)), Admission::Admit { .. });
                    prop_assert!(works(until) && !works(until.after(-1)));
                }
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_never_admits_more(rule in rules(), times in prop::collection::vec(0i64..5000, 1..100)) {
        let mut found = admitted(rule, &times);
        found.sort_unstable();
        let bound = rule.limit + if rule.algorithm == Algorithm::LeakyBucket { rule.burst() - 1 } else { 0 };
        prop_assert!(most_in_any(rule.interval_ms, &found) <= usize::try_from(bound).unwrap());
    }
}
