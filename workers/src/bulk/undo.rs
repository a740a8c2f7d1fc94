//! Stopping a bulk action, and putting back what it cancelled.

use futures_util::future::try_join_all;
use store::BulkId;
use store::catalog::{Bulk, BulkAction, BulkItem, BulkItemState, BulkState, Judged, Outcome};
use store::queue::{Cause, Enqueued, IfExists, NewJob, Queue};

use crate::{Error, Event, Result, Services};

/// For how long after its end a cancellation can be undone, in milliseconds.
pub const UNDO_MS: i64 = 10 * 60_000;

/// Ends a running action before its end; what is done stays done.
pub async fn stop(services: &Services, bulk: &Bulk) -> Result<()> {
    if services.catalog.stop_bulk(&bulk.workspace, bulk.id, services.clock.now()).await? {
        return Ok(());
    }
    let is = services.catalog.bulk(&bulk.workspace, bulk.id).await?.map_or(bulk.state, |bulk| bulk.state);
    Err(Error::conflict(
        "bulk_not_running",
        format!("bulk action {} is {is}; only a running one can be stopped", bulk.id),
    ))
}

/// Has the jobs that were cancelled put back.
pub async fn undo(services: &Services, bulk: &Bulk) -> Result<()> {
    if bulk.action != BulkAction::Cancel {
        let message = format!("bulk action {} was to {} jobs; only a cancellation can be undone", bulk.id, bulk.action);
        return Err(Error::conflict("not_a_cancellation", message));
    }
    let since = services.clock.now().after(-UNDO_MS);
    if services.catalog.undo_bulk(&bulk.workspace, bulk.id, since).await? {
        return Ok(());
    }
    let is = services.catalog.bulk(&bulk.workspace, bulk.id).await?.map_or(bulk.state, |bulk| bulk.state);
    Err(match is {
        BulkState::Running => still_running(bulk.id),
        BulkState::Undoing | BulkState::Undone => {
            Error::conflict("already_undone", format!("bulk action {} is {is}", bulk.id))
        }
        BulkState::Finished | BulkState::Stopped => Error::conflict(
            "undo_too_late",
            format!("bulk action {} ended more than {} minutes ago: its jobs are forgotten", bulk.id, UNDO_MS / 60_000),
        ),
    })
}

fn still_running(id: BulkId) -> Error {
    Error::conflict("bulk_running", format!("bulk action {id} is running: stop it first, then undo what it did"))
}

/// Puts cancelled jobs back, with the due time and the key they had.
pub(super) async fn put_back(services: &Services, items: Vec<BulkItem>) -> Result<Vec<Judged>> {
    let (mut judged, mut numbers, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
    for found in try_join_all(items.into_iter().map(|item| job_of(services, item))).await? {
        match found {
            Ok((number, job)) => {
                numbers.push(number);
                jobs.push(job);
            }
            Err(known) => judged.push(known),
        }
    }
    let causes: Vec<_> = jobs.iter().map(|new| (new.job.integration, new.job.cause)).collect();
    let answers = services.queue.enqueue(jobs).await?;
    for ((number, (integration, cause)), answer) in numbers.into_iter().zip(causes).zip(answers) {
        let (state, reason) = match answer {
            Enqueued::Rejected { .. } => (BulkItemState::Lost, Some("key_taken")),
            Enqueued::Crowded { .. } => (BulkItemState::Lost, Some("backlog_full")),
            _ => (BulkItemState::Back, None),
        };
        if let (None, Some(entry)) = (reason, services.directory.by_id(integration)) {
            services.events.emit(Event::JobQueued { integration: entry.name.clone(), cause, n: 1 });
        }
        judged.push(Judged { number, state, reason });
    }
    Ok(judged)
}

/// The job to put back; or what is known of it without trying.
async fn job_of(services: &Services, item: BulkItem) -> Result<std::result::Result<(u64, NewJob), Judged>> {
    let number = item.number;
    let judged = |state, reason| Ok(Err(Judged { number, state, reason }));
    let Some(job) = item.kept else { return judged(BulkItemState::Lost, Some("not_kept")) };
    if services.directory.by_id(job.integration).is_none() {
        return judged(BulkItemState::Lost, Some("integration_gone"));
    }
    // Put back before a process died, it may have run since.
    let latest = services.catalog.latest_run_of(job.id).await?;
    if latest.is_some_and(|run| run.outcome != Outcome::Cancelled) {
        return judged(BulkItemState::Back, None);
    }
    // An execute call's job was never named by its key.
    let if_exists = if job.cause == Cause::Execute { IfExists::Beside } else { IfExists::Reject };
    Ok(Ok((number, NewJob { job, if_exists, idempotency: None })))
}
