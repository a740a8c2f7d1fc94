//! One rule of a rate limit, and what it may say.

use crate::Error;
use crate::calendar::YEAR_MS;

const CODE: &str = "invalid_rate_limit";
/// The most admissions per interval, and the largest burst.
pub const MAX_LIMIT: u32 = 1_000_000;
/// The most admissions of a sliding window, which remembers every one of them.
pub const MAX_SLIDING_LIMIT: u32 = 10_000;
const MAX_INTERVAL_MS: u64 = YEAR_MS.unsigned_abs();
/// How long a full bucket may take to drain; keeps every sum far below 2^53.
const MAX_DRAIN_MS: u64 = 10 * MAX_INTERVAL_MS;

/// How admissions are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// A bucket of `burst` that drains `limit` per interval; at most `limit + burst − 1` in any interval.
    #[default]
    LeakyBucket,
    /// Remembers each admission; at most `limit` in any interval.
    SlidingWindow,
}

/// `limit` admissions per `interval_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Admissions per interval.
    pub limit: u32,
    /// The interval, in milliseconds.
    pub interval_ms: u64,
    /// How many may start at once; `limit` if absent, 1 spaces admissions evenly. Leaky bucket only.
    pub burst: Option<u32>,
    /// How admissions are counted.
    pub algorithm: Algorithm,
}

impl Rule {
    /// How many may start at once.
    pub fn burst(&self) -> u32 {
        self.burst.unwrap_or(self.limit).max(1)
    }

    /// How many units it holds: as much as one job may weigh.
    pub fn capacity(&self) -> u32 {
        match self.algorithm {
            Algorithm::LeakyBucket => self.burst(),
            Algorithm::SlidingWindow => self.limit.max(1),
        }
    }

    /// Checks the numbers. Errors: `<field>.<part>`, code `invalid_rate_limit`.
    pub fn validate(&self, field: &str) -> Result<(), Error> {
        let refuse = |part: &str, message: String| Err(Error::new(format!("{field}.{part}"), CODE, message));
        let most = match self.algorithm {
            Algorithm::LeakyBucket => MAX_LIMIT,
            Algorithm::SlidingWindow => MAX_SLIDING_LIMIT,
        };
        if !(1..=most).contains(&self.limit) {
            return refuse("limit", format!("must be 1 to {most}, is {}", self.limit));
        }
        if !(1..=MAX_INTERVAL_MS).contains(&self.interval_ms) {
            return refuse("interval", "must be at least 1 ms and at most one year".into());
        }
        match (self.burst, self.algorithm) {
            (None, _) => Ok(()),
            (Some(_), Algorithm::SlidingWindow) => {
                refuse("burst", "belongs to a leaky bucket; a sliding window has none".into())
            }
            (Some(burst), Algorithm::LeakyBucket) if !(1..=MAX_LIMIT).contains(&burst) => {
                refuse("burst", format!("must be 1 to {MAX_LIMIT}, is {burst}"))
            }
            (Some(burst), Algorithm::LeakyBucket) if self.drain_ms(burst) > u128::from(MAX_DRAIN_MS) => {
                refuse("burst", "would take more than 10 years to drain; lower it".into())
            }
            (Some(_), Algorithm::LeakyBucket) => Ok(()),
        }
    }

    fn drain_ms(&self, burst: u32) -> u128 {
        u128::from(burst) * u128::from(self.interval_ms) / u128::from(self.limit.max(1))
    }
}
