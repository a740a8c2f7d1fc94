//! What the catalog holds: plain data, no rules.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schedules::Millis;
use schedules::rate::Rule;

use crate::queue::Cause;
use crate::{IntegrationId, JobId, RunId};

/// The code of an integration: file name to text (`integration.js` or `integration.ts`, `package.json`).
pub type Files = BTreeMap<String, String>;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$variant_doc])* $variant),+ }

        impl $type {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire and in storage.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.name()) }
        }

        impl FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

pub(super) use names;

names! {
    /// What makes an integration run; chosen at creation, never changed.
    Trigger {
        /// `execute` and `schedule` calls.
        Experience = "experience",
        /// Requests to its hook URL.
        Http = "http",
        /// Events it subscribes to.
        Event = "event",
        /// Its schedule.
        Recurring = "recurring",
    }
}

names! {
    /// How a job or an attempt ended.
    Outcome {
        /// The handler returned.
        Succeeded = "succeeded",
        /// The handler threw, or broke a limit other than time.
        Failed = "failed",
        /// The handler ran into its timeout.
        TimedOut = "timed_out",
        /// A rate limit refused it.
        RateLimited = "rate_limited",
        /// It was taken out before it started, or its run was ended by a call.
        Cancelled = "cancelled",
        /// An earlier tick was still there.
        SkippedOverlap = "skipped_overlap",
        /// Another job with its key took its place.
        Replaced = "replaced",
        /// Its window was closed and it asked to be dropped then.
        DroppedWindow = "dropped_window",
        /// Its last attempt failed.
        Dead = "dead",
    }
}

names! {
    /// What an API key may do; `admin` includes all others.
    Scope {
        /// Everything.
        Admin = "admin",
        /// Change integrations and release them.
        Deploy = "deploy",
        /// Run integrations.
        Invoke = "invoke",
        /// Look at everything but secrets.
        Read = "read",
    }
}

/// A release's number; `major` is what a caller may pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseNumber {
    /// Raised for changes that callers notice.
    pub major: u32,
    /// Raised for others.
    pub minor: u32,
}

impl fmt::Display for ReleaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ReleaseNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self { major: major.parse().map_err(|_| ())?, minor: minor.parse().map_err(|_| ())? })
    }
}

/// Why and since when an integration is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The operator's words; may be empty.
    pub note: String,
    /// Since when.
    pub at: Millis,
}

/// The saved, editable state of an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The code.
    pub files: Files,
    /// The settings, as JSON text.
    pub settings: String,
    /// The sample payload, as JSON text.
    pub sample: String,
    /// Its packages' exact versions, as JSON text; `None` without packages.
    pub lock: Option<String>,
}

/// What is needed to create an integration.
#[derive(Clone, Debug)]
pub struct NewIntegration {
    /// Its id.
    pub id: IntegrationId,
    /// Its workspace.
    pub workspace: String,
    /// Its name, unique in the workspace.
    pub name: String,
    /// One line on what it does.
    pub description: String,
    /// What makes it run.
    pub trigger: Trigger,
    /// Its first draft.
    pub draft: Draft,
    /// Now.
    pub created: Millis,
}

/// An integration as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Its id.
    pub id: IntegrationId,
    /// Its workspace.
    pub workspace: String,
    /// Its name.
    pub name: String,
    /// One line on what it does.
    pub description: String,
    /// What makes it run.
    pub trigger: Trigger,
    /// Its draft.
    pub draft: Draft,
    /// Set while it is paused.
    pub pause: Option<Pause>,
    /// The highest release, if there is one.
    pub latest: Option<ReleaseNumber>,
    /// When it was created.
    pub created: Millis,
    /// When its draft was saved last.
    pub updated: Millis,
}

/// An immutable version of an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Whose release.
    pub integration: IntegrationId,
    /// Its number.
    pub number: ReleaseNumber,
    /// The code as written.
    pub files: Files,
    /// The settings, as JSON text.
    pub settings: String,
    /// The code as it runs: the script compiler's artifact, as JSON text.
    pub bundle: String,
    /// Its packages' exact versions, as JSON text; `None` without packages.
    pub lock: Option<String>,
    /// The author's words; may be empty.
    pub note: String,
    /// When it was made.
    pub created: Millis,
}

/// An API key; the key itself is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// A ULID in text form.
    pub id: String,
    /// Its workspace.
    pub workspace: String,
    /// What it is for.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// The first characters of the key, to recognise it by.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The integrations it is bound to, by name; empty is all.
    pub integrations: Vec<String>,
    /// The browser origins it may be used from; empty is any.
    pub origins: Vec<String>,
    /// Whether web pages show it to everyone: it then only executes, schedules, reschedules and cancels.
    pub publishable: bool,
    /// Of a publishable key: whether it may name jobs by a part of their key.
    pub may_match: bool,
    /// How many requests it may make, as a leaky bucket; `None` is the default of all keys.
    pub rate: Option<Rule>,
    /// When it was made.
    pub created: Millis,
    /// When it was revoked, if it was.
    pub revoked: Option<Millis>,
}

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Milliseconds since the run started.
    pub at_ms: u32,
    /// `boot`, `debug`, `info`, `warn`, `error`, `http` or `end`.
    pub level: String,
    /// The line.
    pub message: String,
    /// What the line expands to, as JSON text.
    pub detail: Option<String>,
}

/// One attempt at a job, or the end of a job that never ran (cancelled, replaced, skipped).
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Whose attempt.
    pub job: JobId,
    /// The integration.
    pub integration: IntegrationId,
    /// Its workspace.
    pub workspace: String,
    /// The integration's name at that time.
    pub integration_name: String,
    /// The release that ran; `None` for previews and jobs that never ran.
    pub release: Option<ReleaseNumber>,
    /// Why it ran.
    pub cause: Cause,
    /// Which attempt, from 1; 0 for jobs that never ran.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When the job was accepted.
    pub queued: Millis,
    /// When the job was due.
    pub due: Millis,
    /// When the attempt started; `None` for jobs that never ran.
    pub started: Option<Millis>,
    /// When it ended.
    pub finished: Millis,
    /// The caller's key, as canonical JSON.
    pub key: Option<String>,
    /// What the handler returned, as JSON text.
    pub result: Option<String>,
    /// What went wrong, as JSON text.
    pub error: Option<String>,
    /// The log.
    pub logs: Vec<LogLine>,
}

/// Which runs a list shows; every part that is `Some` must hold.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this integration.
    pub integration: Option<IntegrationId>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Of this job.
    pub job: Option<JobId>,
    /// Finished at or after this time.
    pub from: Option<Millis>,
    /// Finished before this time.
    pub to: Option<Millis>,
}
