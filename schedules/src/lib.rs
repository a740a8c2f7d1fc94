//! When may something run, and when next: pure functions of their arguments.
//!
//! No IO and no clock: every function that needs the time takes `now`. The one place that reads a clock is
//! [`clock`], for the program to inject.

pub mod backoff;
mod calendar;
pub mod clock;
mod days;
pub mod delay;
pub mod due;
pub mod duration;
mod error;
mod instant;
mod iso;
mod key;
pub mod rate;
pub mod recurrence;
mod spread;
pub mod window;
pub mod zone;

pub use backoff::{Backoff, Retry};
pub use clock::{Clock, ManualClock, Millis, Stopwatch, SystemClock};
pub use error::Error;
pub use key::{Key, KeyId};
pub use recurrence::{Recurrence, RecurrenceSpec};
pub use window::{Outside, Window, WindowSpec};
pub use zone::Zone;
