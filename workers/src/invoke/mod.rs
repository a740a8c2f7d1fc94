//! Execute, schedule, reschedule, cancel: what the HTTP edge and a script's `integration(name)` call.

mod cancel;
mod end;
mod execute;
mod opening;
mod pending;
mod refused;
pub(crate) mod request;
mod reschedule;
mod schedule;
mod target;

pub use cancel::cancel;
pub(crate) use cancel::take_out;
pub use execute::{ExecuteAnswer, How, execute};
pub use opening::Opening;
pub use pending::lane;
pub use refused::Refused;
pub(crate) use request::payload;
pub use reschedule::{Rescheduled, reschedule};
pub use schedule::{Scheduled, schedule};
pub use target::Target;
