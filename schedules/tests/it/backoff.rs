//! Semantics §7: retry back-off.

use proptest::prelude::*;
use schedules::{Backoff, Retry};

fn plain(backoff: Backoff) -> Retry {
    Retry { backoff, jitter: 0.0, max_ms: 60_000, ..Retry::DEFAULT }
}

#[test]
fn pauses_grow_as_named() {
    let check = |backoff, expected: [u64; 8]| {
        let retry = plain(backoff);
        let pauses: Vec<u64> = (1..=8).map(|attempt| retry.delay_ms(attempt, 0.7)).collect();
        assert_eq!(pauses, expected);
    };
    check(Backoff::Exponential, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    check(Backoff::Linear, [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]);
    check(Backoff::Fixed, [1000; 8]);
}

#[test]
fn jitter_stretches_and_stays_below_the_longest() {
    let check = |attempt, roll, expected| assert_eq!(Retry::DEFAULT.delay_ms(attempt, roll), expected);
    check(1, 0.0, 1000);
    check(1, 0.5, 1250);
    check(1, 1.0, 1500);
    check(3, 0.0, 4000);
    check(30, 0.0, 2_400_000);
    check(30, 1.0, 3_600_000);
    check(0, 0.0, 1000);
    check(1, f64::NAN, 1000);
}

#[test]
fn ends_after_the_last_attempt_or_the_time_to_give_up() {
    let retry = Retry { jitter: 0.0, give_up_after_ms: Some(10_000), attempts: 5, ..Retry::DEFAULT };
    let check = |attempt, elapsed, expected| assert_eq!(retry.next_ms(attempt, elapsed, 0.0), expected);
    check(1, 0, Some(1000));
    check(4, 2000, Some(8000));
    check(4, 2001, None);
    check(5, 0, None);
    check(1, u64::MAX, None);
    assert_eq!(Retry::DEFAULT.next_ms(2, u64::MAX, 0.0), Some(2000));
    assert_eq!(Retry::DEFAULT.next_ms(3, 0, 0.0), None);
}

#[test]
fn refuses_numbers_that_make_no_sense() {
    let check = |change: fn(&mut Retry), field: Option<&str>| {
        let mut retry = Retry::DEFAULT;
        change(&mut retry);
        let error = retry.validate("settings.retry").err();
        assert_eq!(error.as_ref().map(|error| error.field.as_str()), field);
        assert!(error.is_none_or(|error| error.code == "invalid_retry"));
    };
    check(|_| (), None);
    check(|retry| retry.attempts = 1, None);
    check(|retry| retry.attempts = 0, Some("settings.retry.attempts"));
    check(|retry| retry.attempts = 101, Some("settings.retry.attempts"));
    check(|retry| retry.min_ms = retry.max_ms + 1, Some("settings.retry.min"));
    check(|retry| retry.max_ms = u64::MAX, Some("settings.retry.max"));
    check(|retry| retry.factor = 0.5, Some("settings.retry.factor"));
    check(|retry| retry.factor = f64::NAN, Some("settings.retry.factor"));
    check(|retry| retry.factor = f64::INFINITY, Some("settings.retry.factor"));
    check(|retry| retry.jitter = 1.1, Some("settings.retry.jitter"));
    check(|retry| retry.jitter = -0.1, Some("settings.retry.jitter"));
    check(|retry| retry.jitter = f64::NAN, Some("settings.retry.jitter"));
    check(|retry| retry.give_up_after_ms = Some(0), Some("settings.retry.giveUpAfter"));
    check(|retry| retry.give_up_after_ms = Some(1), None);
}

proptest! {
    #[test]
    fn always_between_min_and_max_and_never_shrinking(
        min_ms in 0u64..100_000, more in 0u64..10_000_000_000, factor in 1.0f64..100.0, jitter in 0.0f64..=1.0,
        attempt in any::<u32>(), roll in 0.0f64..1.0, kind in 0usize..3
    ) {
        let backoff = [Backoff::Exponential, Backoff::Linear, Backoff::Fixed][kind];
        let max_ms = min_ms + more;
        let retry = Retry { backoff, min_ms, max_ms, factor, jitter, ..Retry::DEFAULT };
        let pause = retry.delay_ms(attempt, roll);
        prop_assert!((min_ms..=max_ms).contains(&pause), "{pause}");
        prop_assert!(retry.delay_ms(attempt.saturating_add(1), roll) >= pause);
    }

    #[test]
    fn never_panics(
        min_ms in any::<u64>(), max_ms in any::<u64>(), factor in any::<f64>(), jitter in any::<f64>(),
        attempt in any::<u32>(), roll in any::<f64>()
    ) {
        let retry = Retry { min_ms, max_ms, factor, jitter, ..Retry::DEFAULT };
        let _ = retry.delay_ms(attempt, roll);
    }
}
