//! What becomes of a job after an attempt: a pure function of what happened.

use schedules::Millis;
use schedules::backoff::Retry;
use scripts::protocol::ScriptError;
use store::catalog::Outcome;

use super::attempt::UNREADABLE;
use crate::invoke::Opening;
use crate::runners;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The handler returned.
    Returned,
    /// The handler threw, or its runner crashed.
    Threw {
        /// The pause the script or the other side asked for.
        retry_after_ms: Option<u64>,
    },
    /// It ran into its timeout.
    TimedOut,
    /// Trying again cannot help: the script said so, or it broke a limit that it will break again.
    Hopeless,
    /// The lease ran out: its worker is gone.
    Lost {
        /// For the how-many-th time.
        times: u32,
    },
}

/// What becomes of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing more.
    Done,
    /// Another attempt, in this opening of the job's window.
    Retry(Opening),
    /// It is dead.
    Dead,
}

/// A job whose worker was lost this often is poison.
pub const MAX_LOST: u32 = 3;

/// What decides besides the ending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    /// The number of the attempt that ended, from 1.
    pub made: u32,
    /// How many the job has.
    pub allowed: u32,
    /// When the job was accepted.
    pub created: Millis,
}

impl Ending {
    /// Reads a script's error.
    pub(crate) fn of_error(error: &ScriptError) -> Self {
        match error.code.as_str() {
            _ if error.permanent => Self::Hopeless,
            "timeout" => Self::TimedOut,
            "exception" | "runner_crashed" | runners::UNAVAILABLE | UNREADABLE => {
                Self::Threw { retry_after_ms: error.retry_after_ms }
            }
            _ => Self::Hopeless,
        }
    }

    /// The outcome of the attempt.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Returned => Outcome::Succeeded,
            Self::TimedOut => Outcome::TimedOut,
            Self::Threw { .. } | Self::Hopeless | Self::Lost { .. } => Outcome::Failed,
        }
    }
}

/// Decides, given everything that matters; `roll` (0 to 1) is the chance in the pause's jitter. A retry waits for the
/// window as the first attempt did (`opening` says until when), and is not made if it would come after `give_up_after`.
pub(crate) fn decide(
    ending: Ending,
    attempts: Attempts,
    retry: &Retry,
    now: Millis,
    roll: f64,
    opening: impl FnOnce(Millis) -> Opening,
) -> Verdict {
    let pause_ms = match ending {
        Ending::Returned => return Verdict::Done,
        Ending::Hopeless => return Verdict::Dead,
        Ending::Lost { times } if times >= MAX_LOST => return Verdict::Dead,
        // The first time it was most likely not the job's fault: no pause.
        Ending::Lost { times: 1 } => 0,
        Ending::Threw { retry_after_ms: Some(pause_ms) } => pause_ms,
        Ending::Lost { .. } | Ending::Threw { .. } | Ending::TimedOut => retry.delay_ms(attempts.made, roll),
    };
    if attempts.made >= attempts.allowed {
        return Verdict::Dead;
    }
    let opening = opening(now.after(i64::try_from(pause_ms).unwrap_or(i64::MAX)));
    let late = retry
        .give_up_after_ms
        .is_some_and(|limit| u64::try_from(opening.due.since(attempts.created)).is_ok_and(|age_ms| age_ms > limit));
    if late { Verdict::Dead } else { Verdict::Retry(opening) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn retry() -> Retry {
        Retry { attempts: 3, min_ms: 1_000, max_ms: 60_000, factor: 2.0, jitter: 0.0, ..Retry::DEFAULT }
    }

    fn again(in_ms: i64) -> Verdict {
        Verdict::Retry(Opening::always(NOW.after(in_ms)))
    }

    fn check(ending: Ending, made: u32, expected: Verdict) {
        let attempts = Attempts { made, allowed: 3, created: Millis(0) };
        assert_eq!(decide(ending, attempts, &retry(), NOW, 0.5, Opening::always), expected, "{ending:?} {made}");
    }

    #[test]
    fn failures_are_repeated_until_attempts_run_out() {
        let threw = Ending::Threw { retry_after_ms: None };
        check(Ending::Returned, 1, Verdict::Done);
        check(threw, 1, again(1_000));
        check(threw, 2, again(2_000));
        check(threw, 3, Verdict::Dead);
        check(Ending::TimedOut, 1, again(1_000));
        check(Ending::TimedOut, 3, Verdict::Dead);
    }

    #[test]
    fn the_script_may_name_the_pause_or_say_no() {
        check(Ending::Threw { retry_after_ms: Some(5_000) }, 1, again(5_000));
        check(Ending::Threw { retry_after_ms: Some(u64::MAX) }, 1, Verdict::Retry(Opening::always(Millis(i64::MAX))));
        check(Ending::Hopeless, 1, Verdict::Dead);
    }

    #[test]
    fn a_lost_lease_returns_the_job_until_it_is_poison() {
        check(Ending::Lost { times: 1 }, 1, again(0));
        check(Ending::Lost { times: 2 }, 2, again(2_000));
        check(Ending::Lost { times: 3 }, 1, Verdict::Dead);
    }

    #[test]
    fn giving_up_counts_from_acceptance() {
        let retry = Retry { give_up_after_ms: Some(1_000_500), ..retry() };
        let attempts = Attempts { made: 1, allowed: 10, created: Millis(0) };
        let threw = Ending::Threw { retry_after_ms: None };
        assert_eq!(decide(threw, attempts, &retry, NOW, 0.5, Opening::always), Verdict::Dead);
        let young = Attempts { created: Millis(500), ..attempts };
        assert_eq!(decide(threw, young, &retry, NOW, 0.5, Opening::always), again(1_000));
    }

    #[test]
    fn a_retry_waits_for_the_window_and_is_too_late_if_that_opens_too_late() {
        let opens = NOW.after(60_000);
        let opening = |at: Millis| Opening { due: at.max(opens), closes: Some(opens.after(10)) };
        let attempts = Attempts { made: 1, allowed: 10, created: NOW };
        let threw = Ending::Threw { retry_after_ms: None };
        let decided = |retry: &Retry| decide(threw, attempts, retry, NOW, 0.5, opening);
        assert_eq!(decided(&retry()), Verdict::Retry(opening(NOW)));
        let patient = Retry { give_up_after_ms: Some(60_000), ..retry() };
        assert_eq!(decided(&patient), Verdict::Retry(opening(NOW)));
        let impatient = Retry { give_up_after_ms: Some(59_999), ..retry() };
        assert_eq!(decided(&impatient), Verdict::Dead);
    }
}
