//! The queue's contract: transitions of a job's life, a verb each, the questions one may ask, and moving to another engine.
//!
//! An engine is done when `conformance` passes on it. Times are given by the caller, computed by `schedules`; the
//! one clock an engine reads is its own ([`Queue::now`]), for leases and for what is due.

mod bucket;
mod contract;
mod inspect;
mod job;
mod schedule;
mod transfer;

pub(crate) use bucket::day_of;
pub use bucket::{Adjustment, BucketView, Line, MAX_HOLDS, MAX_REFUSED_KEYS, SHARED, Standing, owner_of};
pub use contract::{
    Cancelled, Claim, Claimed, Control, Edit, Enqueued, Grant, Lease, Leased, Move, Next, Pruned, Pruning, Queue,
    Refusal, Selector, Settled, Settlement,
};
pub use inspect::{Counts, Inspect, JobFilter, JobView, Page, PageRequest, State, Violation};
pub use job::{Cause, Debounce, Idempotency, IfExists, Job, NewJob, Tick};
pub use schedule::{Cursor, Fired, Firing, IfBusy, ScheduleRef, TickRecord, Verdict};
pub(crate) use transfer::Kind;
pub use transfer::{Mark, Record, Stored, Survey, Transfer};

/// The most jobs, leases or settlements one call may carry.
pub const MAX_BATCH: usize = 1_000;

/// The most rate limits of one integration.
pub const MAX_LIMITS: usize = 16;

/// The most ids of one [`Inspect::ids`].
pub const MAX_IDS: usize = 100_001;

/// The most items of a page.
pub const MAX_PAGE: usize = 100;
