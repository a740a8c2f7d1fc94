//! What the catalog knows of an event and of a replay: plain data, no rules.

use std::fmt;
use std::str::FromStr;

use schedules::Millis;

use super::model::names;
use crate::{EventPlace, IntegrationId, ReplayId};

names! {
    /// How an event came in.
    EventVia {
        /// `POST /v1/events`.
        Http = "http",
        /// The same, as a CloudEvent.
        CloudEvents = "cloudevents",
        /// A Redis stream.
        Stream = "stream",
    }
}

/// An event that came in, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its place in the log.
    pub place: EventPlace,
    /// The workspace.
    pub workspace: String,
    /// Its own id.
    pub event: String,
    /// Its type.
    pub kind: String,
    /// Where it came from.
    pub source: Option<String>,
    /// When it happened.
    pub occurred: Millis,
    /// When it came in.
    pub received: Millis,
    /// How it came in.
    pub via: EventVia,
    /// How many integrations it was for.
    pub matched: u64,
    /// The event, as JSON text; empty in lists.
    pub body: String,
    /// The verdict on it, as JSON text.
    pub verdict: String,
}

/// Which types of events are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventTypes {
    /// One.
    Exact(String),
    /// Those that begin with this text.
    Below(String),
}

/// Which events of the log are meant; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Their types.
    pub types: Option<EventTypes>,
    /// Where they came from.
    pub source: Option<String>,
    /// They came in at this time or later.
    pub from: Option<Millis>,
    /// They came in before this time.
    pub to: Option<Millis>,
    /// Whether they were for an integration.
    pub matched: Option<bool>,
}

/// How much of the event log is kept, over all workspaces; the oldest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRetention {
    /// Events that came in longer ago than this go.
    pub max_age_ms: u64,
    /// Of more bytes than this, the oldest events go.
    pub max_bytes: u64,
}

names! {
    /// How far a replay is.
    ReplayState {
        /// It goes on.
        Running = "running",
        /// A caller stopped it.
        Stopped = "stopped",
        /// Every event had its turn.
        Finished = "finished",
    }
}

/// Events of the log that are given to one integration again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventReplay {
    /// Its id.
    pub id: ReplayId,
    /// The workspace.
    pub workspace: String,
    /// The integration.
    pub integration: IntegrationId,
    /// What was asked for, as JSON text.
    pub request: String,
    /// How far it is.
    pub state: ReplayState,
    /// When it was asked for.
    pub created: Millis,
    /// When it came to its end, or was stopped.
    pub finished: Option<Millis>,
    /// Everything up to this place has had its turn.
    pub after: EventPlace,
    /// The last place that may be meant.
    pub until: EventPlace,
    /// When the next job is due.
    pub due: Millis,
    /// How many events it means; some may be pruned before their turn.
    pub total: u64,
    /// How many jobs it made.
    pub done: u64,
    /// How many events it left out, such as those that the filter does not let through.
    pub skipped: u64,
}
