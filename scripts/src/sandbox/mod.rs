//! One evaluation of a bundle: a fresh runtime and context under limits, and the loop that drives them to an end.

mod bytecode;
mod desk;
mod ending;
mod engine;
mod engines;
mod evaluation;
mod heap;
mod host;
mod kept;
mod link;
mod log;
mod memory;
mod modules;
mod pace;
mod program;
mod stack;
mod timers;
mod trace;

pub(crate) use bytecode::{Script, Style};
pub(crate) use desk::Desk;
pub(crate) use ending::Finished;
pub(crate) use engines::Engines;
pub(crate) use evaluation::{Task, execute};
pub(crate) use host::{Host, Ties};
pub(crate) use link::{Inbox, Incoming, Letter, Outbox};
pub(crate) use pace::gives_way;
pub(crate) use program::Program;
