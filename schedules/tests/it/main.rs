//! What the semantics say about keys and time, sentence by sentence, and properties over all of it.

mod backoff;
mod cron;
mod delay;
mod due;
mod key;
mod rate;
mod rate_limits;
mod rate_weights;
mod recurrence;
mod recurrence_parts;
mod remarks;
mod transitions;
mod window;
mod window_oracle;
mod window_parts;
mod zone;

use schedules::Millis;

/// The instant of an RFC 3339 text.
fn t(text: &str) -> Millis {
    Millis::parse_rfc3339(text).unwrap()
}
