//! How long to wait before the next attempt.

use crate::Error;
use crate::calendar::YEAR_MS;

const CODE: &str = "invalid_retry";
const MAX_ATTEMPTS: u32 = 100;
const MAX_FACTOR: f64 = 100.0;
const MAX_PAUSE_MS: u64 = YEAR_MS.unsigned_abs();

/// How the pauses grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Backoff {
    /// `min`, then each one `factor` times the one before.
    #[default]
    Exponential,
    /// `min`, twice `min`, three times `min`.
    Linear,
    /// `min` every time.
    Fixed,
}

/// How often a job is tried, and how long it rests in between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// All attempts, the first one included.
    pub attempts: u32,
    /// How the pauses grow.
    pub backoff: Backoff,
    /// The shortest pause.
    pub min_ms: u64,
    /// The longest pause.
    pub max_ms: u64,
    /// By how much an exponential pause grows.
    pub factor: f64,
    /// How far a pause may be stretched, as a fraction of it: 0 to 1.
    pub jitter: f64,
    /// No attempt starts later than this after the first.
    pub give_up_after_ms: Option<u64>,
}

impl Retry {
    /// 3 attempts; about 1 s, then 2 s apart, doubling up to 1 h; each stretched by up to a half so that jobs which
    /// failed together do not return together; no end.
    pub const DEFAULT: Self = Self {
        attempts: 3,
        backoff: Backoff::Exponential,
        min_ms: 1000,
        max_ms: 3_600_000,
        factor: 2.0,
        jitter: 0.5,
        give_up_after_ms: None,
    };

    /// The pause after the `attempt`th attempt (from 1) failed, for a `roll` of the dice in `0..1`.
    ///
    /// Always between `min_ms` and `max_ms`. A pause of `p` falls between `p` and `p × (1 + jitter)`; at the upper end
    /// the whole span slides down below `max_ms`, so that pauses at their longest are spread as well.
    pub fn delay_ms(&self, attempt: u32, roll: f64) -> u64 {
        let (min, max) = (as_f64(self.min_ms), as_f64(self.max_ms.max(self.min_ms)));
        let retries = attempt.max(1) - 1;
        let pause = match self.backoff {
            Backoff::Exponential => min * self.factor.powf(f64::from(retries)),
            Backoff::Linear => min * (f64::from(retries) + 1.0),
            Backoff::Fixed => min,
        };
        let stretch = 1.0 + self.jitter.clamp(0.0, 1.0);
        // Written so that NaN (0 × ∞) ends as `max`, not as NaN.
        let longest = if pause * stretch < max { pause * stretch } else { max };
        let shortest = pause.min(longest / stretch).max(min).min(longest);
        let chosen = shortest + (longest - shortest) * roll.clamp(0.0, 1.0);
        whole(chosen).clamp(self.min_ms, self.max_ms.max(self.min_ms))
    }

    /// The pause after the `attempt`th attempt failed `elapsed_ms` after the first one started; `None` if it was the last.
    pub fn next_ms(&self, attempt: u32, elapsed_ms: u64, roll: f64) -> Option<u64> {
        let pause_ms = self.delay_ms(attempt, roll);
        let in_time = self.give_up_after_ms.is_none_or(|limit| elapsed_ms.saturating_add(pause_ms) <= limit);
        (attempt < self.attempts && in_time).then_some(pause_ms)
    }

    /// Checks the numbers. Errors: `<field>.<part>`, code `invalid_retry`.
    pub fn validate(&self, field: &str) -> Result<(), Error> {
        let refuse = |part: &str, message: String| Err(Error::new(format!("{field}.{part}"), CODE, message));
        if !(1..=MAX_ATTEMPTS).contains(&self.attempts) {
            return refuse("attempts", format!("must be 1 to {MAX_ATTEMPTS}, is {}", self.attempts));
        }
        if self.max_ms > MAX_PAUSE_MS {
            return refuse("max", "must be at most one year".into());
        }
        if self.min_ms > self.max_ms {
            return refuse("min", format!("must be at most `max` ({} ms), is {} ms", self.max_ms, self.min_ms));
        }
        if !(1.0..=MAX_FACTOR).contains(&self.factor) {
            return refuse("factor", format!("must be 1 to {MAX_FACTOR}, is {}", self.factor));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return refuse("jitter", format!("must be a fraction from 0 to 1, is {}", self.jitter));
        }
        match self.give_up_after_ms {
            Some(limit) if !(1..=10 * MAX_PAUSE_MS).contains(&limit) => {
                refuse("giveUpAfter", "must be at least 1 ms and at most 10 years".into())
            }
            _ => Ok(()),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[expect(clippy::cast_precision_loss, reason = "a pause is at most a year, far below 2^53 ms; more only loses digits")]
fn as_f64(ms: u64) -> f64 {
    ms as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates and turns NaN into 0; the caller clamps"
)]
fn whole(ms: f64) -> u64 {
    ms.round() as u64
}
