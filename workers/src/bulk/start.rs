//! Starting a bulk action: which jobs it means is settled here, what is done to them is the duty's business.

use schedules::due;
use serde_json::Value;
use store::catalog::{Bulk, BulkAction, MAX_BULK_JOBS, NewBulk};
use store::queue::{Inspect, JobFilter};
use store::{BulkId, JobId};

use super::dry_run::{DryRun, dry_run};
use super::request::{self, Noted, Request, Which, state_for};
use crate::{Entry, Error, Result, Services, dead};

/// The answer to a call.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It was asked for a dry run: nothing is changed.
    DryRun(DryRun),
    /// It is under way.
    Started(Bulk),
}

/// Starts a bulk action, or says what it would do. `may` says whether the caller may touch an integration.
pub async fn start(services: &Services, body: Value, may: impl FnOnce(&str) -> bool) -> Result<Answer> {
    let request = request::read(body)?;
    let found = services.directory.find(&request.integration).await?;
    let entry = found.filter(|entry| may(&entry.name)).ok_or_else(|| Error::no_integration(&request.integration))?;
    let now = services.clock.now();
    let due = due::resolve(request.when, now, services.options.horizon_ms)?;
    let jobs = jobs(services, &entry, &request).await?;
    if request.dry_run {
        return dry_run(services, &entry, request.action, &jobs).await.map(Answer::DryRun);
    }
    let noted = Noted {
        filter: request.filter,
        due_ms: (request.action == BulkAction::Reschedule).then_some(due.0),
        newest_release: request.edit.release.is_some(),
    };
    let new = NewBulk {
        id: BulkId::new(now),
        workspace: entry.workspace.to_string(),
        integration: entry.id,
        action: request.action,
        request: serde_json::to_string(&noted).unwrap_or_default(),
        created: now,
        jobs,
    };
    services.catalog.start_bulk(&new).await.map_err(|error| match error {
        store::Error::Full { what, limit } => Error::conflict(
            "too_many_bulk_actions",
            format!("there are {limit} {what} already: wait until one has come to its end, or stop one"),
        ),
        other => other.into(),
    })?;
    let bulk = services.catalog.bulk(&new.workspace, new.id).await?;
    bulk.map(Answer::Started).ok_or_else(|| Error::Unavailable("the bulk action was not kept".into()))
}

/// The jobs that are meant, the newest first.
async fn jobs(services: &Services, entry: &Entry, request: &Request) -> Result<Vec<JobId>> {
    let jobs = match &request.which {
        Which::Named(jobs) => jobs.clone(),
        Which::Fingerprint(fingerprint) => {
            let found = dead::jobs_of(services, entry.id, *fingerprint).await?;
            found.into_iter().map(|view| view.job.id).collect()
        }
        Which::Selected(selector) => {
            let state = Some(state_for(request.action));
            let filter = JobFilter { integration: Some(entry.id), state, selector: Some(selector.clone()) };
            services.queue.ids(filter, MAX_BULK_JOBS + 1).await?
        }
    };
    if jobs.len() > MAX_BULK_JOBS {
        let message =
            format!("means more than {MAX_BULK_JOBS} jobs, which is the most of one action: narrow it with match");
        return Err(Error::invalid("filter", "too_many_jobs", message));
    }
    Ok(jobs)
}
