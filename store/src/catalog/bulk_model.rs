//! What the catalog knows of a bulk action: plain data, no rules.

use std::fmt;
use std::str::FromStr;

use schedules::Millis;

use super::model::names;
use crate::queue::Job;
use crate::{BulkId, IntegrationId, JobId};

names! {
    /// What is done to each job.
    BulkAction {
        /// Pending jobs are taken out.
        Cancel = "cancel",
        /// Pending jobs get another due time.
        Reschedule = "reschedule",
        /// Dead jobs are made pending again.
        Replay = "replay",
        /// Dead jobs are forgotten.
        Discard = "discard",
    }
}

names! {
    /// How far a bulk action is.
    BulkState {
        /// It goes on.
        Running = "running",
        /// A caller stopped it.
        Stopped = "stopped",
        /// Every job had its turn.
        Finished = "finished",
        /// What it cancelled is being put back.
        Undoing = "undoing",
        /// What it cancelled was put back.
        Undone = "undone",
    }
}

names! {
    /// What became of one job of a bulk action.
    BulkItemState {
        /// It has not had its turn.
        Waiting = "waiting",
        /// It is kept for an undo, and about to be cancelled.
        Kept = "kept",
        /// It was done.
        Done = "done",
        /// It was left alone.
        Skipped = "skipped",
        /// It was put back.
        Back = "back",
        /// It could not be put back.
        Lost = "lost",
    }
}

/// A bulk action to be started.
#[derive(Clone, Debug)]
pub struct NewBulk {
    /// Its id.
    pub id: BulkId,
    /// Its workspace.
    pub workspace: String,
    /// The integration whose jobs it is about.
    pub integration: IntegrationId,
    /// What is done.
    pub action: BulkAction,
    /// What was asked for, as JSON text.
    pub request: String,
    /// When it was asked for.
    pub created: Millis,
    /// The jobs.
    pub jobs: Vec<JobId>,
}

/// A bulk action, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// Its id.
    pub id: BulkId,
    /// Its workspace.
    pub workspace: String,
    /// The integration whose jobs it is about.
    pub integration: IntegrationId,
    /// What is done.
    pub action: BulkAction,
    /// What was asked for, as JSON text.
    pub request: String,
    /// How far it is.
    pub state: BulkState,
    /// When it was asked for.
    pub created: Millis,
    /// When it came to its end, or was stopped.
    pub finished: Option<Millis>,
    /// How many jobs it means.
    pub total: u64,
    /// How many were done.
    pub done: u64,
    /// How many were left alone.
    pub skipped: u64,
    /// How many were put back.
    pub undone: u64,
    /// How many could not be put back.
    pub lost: u64,
}

/// One job of a bulk action.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkItem {
    /// Its place among the jobs of the action.
    pub number: u64,
    /// The job.
    pub job: JobId,
    /// What became of it.
    pub state: BulkItemState,
    /// Why it was skipped or lost.
    pub reason: Option<String>,
    /// The job as it was cancelled.
    pub kept: Option<Job>,
}

/// What became of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its place among the jobs of the action.
    pub number: u64,
    /// What became of it.
    pub state: BulkItemState,
    /// Why it was skipped or lost.
    pub reason: Option<&'static str>,
}
