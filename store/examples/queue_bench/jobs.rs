//! The jobs that are measured, and a clock that is finer than the engine's.

use std::sync::LazyLock;

use schedules::{Clock, Key, Millis, Stopwatch, SystemClock};
use serde_json::json;
use store::queue::{Cause, IfExists, Job, NewJob};
use store::{IntegrationId, JobId};

/// Bytes of JSON that every job carries, here and at the peer.
pub const PAYLOAD_BYTES: usize = 200;

/// A job of an integration, due at once.
pub fn job(of: u64, number: u64) -> NewJob {
    at(SystemClock.now(), of, number, now_us())
}

/// A job due at `due`, whose payload carries a time.
pub fn at(due: Millis, of: u64, number: u64, time_us: u64) -> NewJob {
    let now = SystemClock.now();
    let job = Job {
        id: JobId::new(now),
        integration: integration(of),
        cause: Cause::Manual,
        release: None,
        payload: payload(number, time_us).into(),
        key: None,
        due,
        closes: None,
        window: None,
        jitter_ms: 0,
        priority: 5,
        weight: 1,
        lane: None,
        awaited: false,
        tick: None,
        debounce: None,
        attempts: None,
        context: None,
        created: now,
    };
    NewJob { job, if_exists: IfExists::Replace, idempotency: None }
}

pub fn integration(number: u64) -> IntegrationId {
    IntegrationId::from_bytes((u128::from(number) + (7 << 80)).to_be_bytes())
}

pub fn customer(number: u64) -> Key {
    Key::parse(&json!({ "id": format!("customer-{number:06}") })).unwrap_or_else(|error| panic!("{error}"))
}

fn payload(number: u64, time_us: u64) -> String {
    let mut text =
        format!("{{\"t\":{time_us:016},\"email\":\"customer-{:06}@example.com\",\"data\":\"", number % 1_000_000);
    text.extend(std::iter::repeat_n('x', PAYLOAD_BYTES - 2 - text.len()));
    text + "\"}"
}

/// The time that a payload carries.
pub fn time_in(job: &Job) -> u64 {
    job.payload.get(5..21).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Microseconds since 1970.
pub fn now_us() -> u64 {
    static START: LazyLock<(Millis, Stopwatch)> = LazyLock::new(|| {
        // A moment at which the clock has just moved on: what is below its milliseconds is zero.
        let before = SystemClock.now();
        loop {
            let now = SystemClock.now();
            if now > before {
                return (now, Stopwatch::start());
            }
        }
    });
    START.0.0.unsigned_abs() * 1_000 + u64::try_from(START.1.elapsed().as_micros()).unwrap_or(0)
}

/// Milliseconds from a time in microseconds to now.
pub fn ms_since(time_us: u64) -> f64 {
    (now_us() as f64 - time_us as f64) / 1_000.0
}
