//! Cancelling many jobs so that they can be put back: each is kept first, and cancelled then.

use futures_util::future::try_join_all;
use store::catalog::{Bulk, BulkItem, BulkItemState, Judged, Outcome};
use store::queue::{Job, Queue, Selector};

use super::work::{judge, look};
use crate::worker::record::job_ended;
use crate::{Result, Services};

pub(super) async fn cancel(services: &Services, bulk: &Bulk, items: Vec<BulkItem>) -> Result<Vec<Judged>> {
    // Those that are kept already were about to be cancelled when a process died.
    let (mut wanted, fresh): (Vec<BulkItem>, Vec<BulkItem>) =
        items.into_iter().partition(|item| item.state == BulkItemState::Kept);
    let looks = try_join_all(fresh.iter().map(|item| look(services, bulk, item))).await?;
    let (mut judged, mut kept) = (Vec::new(), Vec::new());
    for (item, found) in fresh.into_iter().zip(looks) {
        match found {
            Ok(view) => {
                kept.push((item.number, view.job.clone()));
                wanted.push(BulkItem { kept: Some(view.job), ..item });
            }
            Err(reason) => judged.push(judge(&item, Some(reason))),
        }
    }
    services.catalog.keep_bulk_items(bulk.id, &kept).await?;
    let cancelled = try_join_all(wanted.iter().map(|item| cancel_one(services, bulk, item))).await?;
    let mut changed = Vec::new();
    for (item, gone) in wanted.iter().zip(cancelled) {
        match gone {
            Ok(job) => {
                judged.push(judge(item, None));
                // It was moved or pushed after it was kept.
                changed.extend(job.filter(|job| item.kept.as_ref() != Some(job)).map(|job| (item.number, job)));
            }
            Err(reason) => judged.push(judge(item, Some(reason))),
        }
    }
    if !changed.is_empty() {
        services.catalog.keep_bulk_items(bulk.id, &changed).await?;
    }
    Ok(judged)
}

/// Cancels a job and records it: the job as it was cancelled, `None` if that happened before the process died; or why it
/// could not be cancelled.
async fn cancel_one(
    services: &Services,
    bulk: &Bulk,
    item: &BulkItem,
) -> Result<std::result::Result<Option<Job>, &'static str>> {
    let cancelled = services.queue.cancel(bulk.integration, Selector::Job(item.job)).await?;
    if let Some(job) = cancelled.jobs.into_iter().next() {
        record(services, &job).await;
        return Ok(Ok(Some(job)));
    }
    let reason = match look(services, bulk, item).await? {
        Ok(_) => "moved_meanwhile",
        Err(reason) => reason,
    };
    if item.state != BulkItemState::Kept || reason != "gone" {
        return Ok(Err(reason));
    }
    // A job leaves the queue only after its end is recorded: one without a record was cancelled by this action.
    match services.catalog.latest_run_of(item.job).await? {
        Some(run) if run.outcome != Outcome::Cancelled => Ok(Err("gone")),
        Some(_) => Ok(Ok(None)),
        None => {
            if let Some(job) = &item.kept {
                record(services, job).await;
            }
            Ok(Ok(None))
        }
    }
}

async fn record(services: &Services, job: &Job) {
    if let Some(entry) = services.directory.by_id(job.integration) {
        let now = services.clock.now();
        services.recorder.record(job_ended(&entry, job, Outcome::Cancelled, now)).await;
    }
}
