//! Execute, schedule, reschedule, cancel: what the HTTP edge and a script's `integration(name)` call.

mod cancel;
mod end;
mod execute;
mod hook;
mod mode;
mod opening;
pub(crate) mod pending;
mod refused;
pub(crate) mod request;
mod reschedule;
mod schedule;
mod target;

pub use cancel::cancel;
pub(crate) use cancel::take_out;
pub use execute::{ExecuteAnswer, How, execute};
pub(crate) use hook::{HookAnswer, HookCall, hook};
pub use opening::Opening;
pub use pending::lane;
pub use refused::Refused;
pub(crate) use request::{payload, selector};
pub(crate) use reschedule::to_move;
pub use reschedule::{Rescheduled, reschedule, reschedule_job};
pub use schedule::{Scheduled, schedule};
pub use target::Target;
