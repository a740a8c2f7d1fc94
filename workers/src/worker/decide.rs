//! What becomes of a job after an attempt: a pure function of what happened.

use schedules::Millis;
use schedules::backoff::Retry;
use scripts::protocol::ScriptError;
use store::catalog::Outcome;

use super::attempt::UNREADABLE;
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
    /// Another attempt, not before this time.
    Retry(Millis),
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

/// Decides, given everything that matters; `roll` (0 to 1) is the chance in the pause's jitter.
pub(crate) fn decide(ending: Ending, attempts: Attempts, retry: &Retry, now: Millis, roll: f64) -> Verdict {
    let pause_ms = match ending {
        Ending::Returned => return Verdict::Done,
        Ending::Hopeless => return Verdict::Dead,
        Ending::Lost { times } if times >= MAX_LOST => return Verdict::Dead,
        // The first time it was most likely not the job's fault: no pause.
        Ending::Lost { times: 1 } => 0,
        Ending::Threw { retry_after_ms: Some(pause_ms) } => pause_ms,
        Ending::Lost { .. } | Ending::Threw { .. } | Ending::TimedOut => retry.delay_ms(attempts.made, roll),
    };
    let due = now.after(i64::try_from(pause_ms).unwrap_or(i64::MAX));
    let late = retry
        .give_up_after_ms
        .is_some_and(|limit| u64::try_from(due.since(attempts.created)).is_ok_and(|age_ms| age_ms > limit));
    if attempts.made >= attempts.allowed || late { Verdict::Dead } else { Verdict::Retry(due) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn retry() -> Retry {
        Retry { attempts: 3, min_ms: 1_000, max_ms: 60_000, factor: 2.0, jitter: 0.0, ..Retry::DEFAULT }
    }

    fn check(ending: Ending, made: u32, expected: Verdict) {
        let attempts = Attempts { made, allowed: 3, created: Millis(0) };
        assert_eq!(decide(ending, attempts, &retry(), NOW, 0.5), expected, "{ending:?} {made}");
    }

    #[test]
    fn failures_are_repeated_until_attempts_run_out() {
        let threw = Ending::Threw { retry_after_ms: None };
        check(Ending::Returned, 1, Verdict::Done);
        check(threw, 1, Verdict::Retry(NOW.after(1_000)));
        check(threw, 2, Verdict::Retry(NOW.after(2_000)));
        check(threw, 3, Verdict::Dead);
        check(Ending::TimedOut, 1, Verdict::Retry(NOW.after(1_000)));
        check(Ending::TimedOut, 3, Verdict::Dead);
    }

    #[test]
    fn the_script_may_name_the_pause_or_say_no() {
        check(Ending::Threw { retry_after_ms: Some(5_000) }, 1, Verdict::Retry(NOW.after(5_000)));
        check(Ending::Threw { retry_after_ms: Some(u64::MAX) }, 1, Verdict::Retry(Millis(i64::MAX)));
        check(Ending::Hopeless, 1, Verdict::Dead);
    }

    #[test]
    fn a_lost_lease_returns_the_job_until_it_is_poison() {
        check(Ending::Lost { times: 1 }, 1, Verdict::Retry(NOW));
        check(Ending::Lost { times: 2 }, 2, Verdict::Retry(NOW.after(2_000)));
        check(Ending::Lost { times: 3 }, 1, Verdict::Dead);
    }

    #[test]
    fn giving_up_counts_from_acceptance() {
        let retry = Retry { give_up_after_ms: Some(1_000_500), ..retry() };
        let attempts = Attempts { made: 1, allowed: 10, created: Millis(0) };
        let threw = Ending::Threw { retry_after_ms: None };
        assert_eq!(decide(threw, attempts, &retry, NOW, 0.5), Verdict::Dead);
        let young = Attempts { created: Millis(500), ..attempts };
        assert_eq!(decide(threw, young, &retry, NOW, 0.5), Verdict::Retry(NOW.after(1_000)));
    }
}
