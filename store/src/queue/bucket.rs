//! Single buckets of rate limits, as an operator sees and turns them.

use schedules::Millis;
use schedules::rate::{Hold, State};

use crate::IntegrationId;

/// Stands for the owner of limiters' buckets, which belong to no integration.
pub const SHARED: IntegrationId = IntegrationId(ulid::Ulid(0));
/// The most buckets that may be shut at a time, in one partition.
pub const MAX_HOLDS: u64 = 10_000;
/// Of one integration, or one limiter, as many keys have their refusals of a day counted one by one.
pub const MAX_REFUSED_KEYS: u64 = 10_000;

/// Whose a bucket of this name is, which a job of an integration is charged to.
pub fn owner_of(integration: IntegrationId, name: &str) -> IntegrationId {
    if schedules::rate::is_shared(name) { SHARED } else { integration }
}

/// The day of a time, by which refusals are counted: days since 1970, in UTC.
pub(crate) fn day_of(at: Millis) -> i64 {
    at.0.div_euclid(86_400_000)
}

/// What an operator, or another server, does to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjustment {
    /// Nothing that counts for it starts until it is resumed; nothing is refused for that.
    Pause,
    /// It is not paused any more.
    Resume,
    /// It counts as full until then, if it does not already for longer.
    Hold {
        /// Until when.
        until: Millis,
    },
    /// It is empty, and nothing but a pause shuts it.
    Reset,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketView {
    /// Its name: its rule's (`schedules::rate::names`), then the subject.
    pub name: String,
    /// How many units are in it, rounded up.
    pub level: u32,
    /// From when on it has room for one unit more.
    pub opens: Millis,
    /// What shuts it.
    pub hold: Hold,
    /// How many jobs wait in line at it.
    pub waiting: u64,
    /// How many jobs it refused today, in UTC.
    pub refused: u64,
}

/// Where a pending job stands, and what is around it: all of one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The store's time.
    pub now: Millis,
    /// The line it stands in.
    pub line: Option<Line>,
    /// Of each bucket that was asked for, what is in it and what shuts it; `None` is empty.
    pub buckets: Vec<(Option<State>, Hold)>,
    /// How many jobs of its integration run, if that is limited.
    pub running: u64,
    /// How many of its lane do, if that is limited.
    pub running_in_lane: u64,
    /// How many pending jobs of its lane go first among those that are due with it or before.
    pub ahead_in_lane: u64,
    /// How many integrations that are ready have their turn before its own.
    pub turns_ahead: u64,
}

/// A place in line at a full bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bucket.
    pub bucket: String,
    /// What those weigh that stand before it, the first of them first; at most [`Line::MOST`].
    pub ahead: Vec<u32>,
}

impl Line {
    /// As many of those before a job are told one by one.
    pub const MOST: usize = 10_000;
}
