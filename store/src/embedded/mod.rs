//! The engine for one machine: the queue in one SQLite file, written by one thread.
//!
//! A call travels as an operation over a bounded channel to the `writer` thread. The thread applies up to 256 waiting
//! operations in one transaction and answers them after the commit: with `synchronous=FULL` an answer means that the
//! step is on the disk, and many callers share one sync. Each verb is a file: a function from a `step::Step` (the open
//! transaction) and the verb's arguments to its answer. Questions do not wait for the writer: `readers` holds read-only
//! connections for them.
//!
//! A claim gives `turn`s to integrations, and each to its lanes; whose turn it is is the business of `integration` and
//! `lane`. `rules` says whether a job may start, `bucket` what is charged, `gate` who waits in line for room, `hold` what is
//! shut.

mod adjust;
mod bucket;
mod cancel;
mod check;
mod claim;
mod control;
mod counts;
mod discard;
mod enqueue;
mod export;
mod extend;
mod file;
mod find;
mod fire;
mod gate;
mod handle;
mod hold;
mod import;
mod integration;
mod lane;
mod levels;
mod limits;
mod list;
mod outbox;
mod prune;
mod purge;
mod readers;
mod refusals;
mod replay;
mod reschedule;
mod rescue;
mod row;
mod rules;
mod settle;
mod stale;
mod standing;
mod step;
mod survey;
mod take;
mod turn;
mod verbs;
mod writer;

pub use file::{Options, Sync};
pub use handle::Embedded;
