//! What became of an event: told to who sent it, and kept in the log.

use serde::{Deserialize, Serialize};
use store::JobId;

use super::Reason;
use crate::Error;

/// What became of one event of a call.
#[derive(Debug)]
pub struct Verdict {
    /// The event's id, if it could be read.
    pub id: Option<String>,
    /// The event's type, if it could be read.
    pub kind: Option<String>,
    /// What it did; or why it was refused.
    pub judged: Result<Judged, Error>,
}

/// What an accepted event did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// It came before, within a day: what it did then.
    pub duplicate: bool,
    /// The jobs it made.
    pub matched: Vec<Match>,
    /// The integrations that subscribe to its type and got no job.
    pub missed: Vec<Miss>,
    /// How many integrations subscribe to other types, or have no release.
    pub others: u64,
    /// The integrations whose jobs it cancelled, or could not.
    pub cancelled: Vec<Cancelled>,
}

/// A job that an event made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The integration's name.
    pub integration: String,
    /// The job's id.
    #[serde(with = "job_text")]
    pub job: JobId,
}

/// An integration that got no job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miss {
    /// The integration's name.
    pub integration: String,
    /// Why, as a stable word.
    pub reason: String,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

impl Miss {
    /// An integration with the reason.
    pub fn new(integration: &str, reason: &Reason) -> Self {
        Self {
            integration: integration.to_owned(),
            reason: reason.code().into(),
            detail: reason.detail().map(Into::into),
        }
    }
}

/// Pending jobs that an event cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// The integration's name.
    pub integration: String,
    /// How many.
    pub jobs: u64,
    /// Why it could not be told which.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// A verdict as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    matched: Vec<Match>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    missed: Vec<Miss>,
    #[serde(default)]
    others: u64,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    cancelled: Vec<Cancelled>,
}

impl Judged {
    /// As it is kept.
    pub(super) fn keep(&self) -> String {
        let Self { matched, missed, others, cancelled, .. } = self.clone();
        serde_json::to_string(&Kept { matched, missed, others, cancelled }).unwrap_or_else(|_| "{}".into())
    }

    /// From what is kept of it.
    pub fn kept(text: &str) -> Option<Self> {
        let Kept { matched, missed, others, cancelled } = serde_json::from_str(text).ok()?;
        Some(Self { duplicate: false, matched, missed, others, cancelled })
    }
}

mod job_text {
    //! A job's id as text.

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use store::JobId;

    pub fn serialize<S: Serializer>(job: &JobId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(job)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JobId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| D::Error::custom("no job id"))
    }
}
