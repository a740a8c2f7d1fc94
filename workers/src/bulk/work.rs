//! Going on with bulk actions, some jobs at a time. Whatever was done when a process dies is known from the catalog or
//! can be seen in the queue, so another one goes on.

use futures_util::future::try_join_all;
use schedules::Millis;
use store::catalog::{Bulk, BulkAction, BulkItem, BulkItemState, BulkState, Judged};
use store::queue::{Inspect, JobView, Queue, State};

use super::request::{Noted, state_for};
use super::{cancel, undo};
use crate::{Error, Result, Services, dead, invoke};

/// Jobs of one step.
const BATCH: usize = 200;
/// Steps of one action before another has its turn.
const STEPS: usize = 20;
/// For how long a process takes an action; a step takes much less.
const TAKEN_MS: i64 = 60_000;

/// Goes on with every action that nobody works on; answers that it is wanted again at once if there is more to do.
pub(crate) async fn go_on(services: &Services) -> Result<Option<Millis>> {
    let mut more = false;
    for bulk in services.catalog.open_bulks(services.clock.now()).await? {
        more |= turn(services, &bulk).await?;
    }
    Ok(more.then(|| services.clock.now()))
}

/// Some steps of one action; whether there are more.
async fn turn(services: &Services, bulk: &Bulk) -> Result<bool> {
    for _ in 0..STEPS {
        let now = services.clock.now();
        let until = now.after(TAKEN_MS);
        // A step at a time, so that a stop is noticed before the next one.
        if !services.catalog.take_bulk(bulk.id, bulk.state, now, until).await? {
            return Ok(false);
        }
        let step = step(services, bulk).await;
        services.catalog.release_bulk(bulk.id, until).await?;
        if !step? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Does the next jobs; whether there were any.
async fn step(services: &Services, bulk: &Bulk) -> Result<bool> {
    let (states, end) = match bulk.state {
        BulkState::Undoing => ([BulkItemState::Done; 2], BulkState::Undone),
        _ => ([BulkItemState::Waiting, BulkItemState::Kept], BulkState::Finished),
    };
    let items = services.catalog.next_bulk_items(bulk.id, states, BATCH).await?;
    if items.is_empty() {
        let now = services.clock.now();
        services.catalog.finish_bulk(bulk.id, bulk.state, end, now).await?;
        tracing::info!(bulk.id = %bulk.id, action = %bulk.action, state = %end, "a bulk action came to its end");
        return Ok(false);
    }
    let judged = match bulk.state {
        BulkState::Undoing => undo::put_back(services, items).await?,
        _ => act(services, bulk, items).await?,
    };
    services.catalog.judge_bulk_items(bulk.id, &judged).await?;
    Ok(true)
}

async fn act(services: &Services, bulk: &Bulk, items: Vec<BulkItem>) -> Result<Vec<Judged>> {
    let noted: Noted = serde_json::from_str(&bulk.request).map_err(|error| {
        Error::Unavailable(format!("bulk action {}: what was asked for cannot be read: {error}", bulk.id))
    })?;
    match bulk.action {
        BulkAction::Cancel => cancel::cancel(services, bulk, items).await,
        BulkAction::Reschedule => reschedule(services, bulk, items, &noted).await,
        BulkAction::Replay => {
            try_join_all(items.iter().map(async |item| {
                let found = look(services, bulk, item).await?;
                let Ok(dead) = found else { return Ok(judge(item, found.err())) };
                let done = dead::again(services, &dead, noted.edit()).await?;
                Ok(judge(item, (!done).then_some("not_dead")))
            }))
            .await
        }
        BulkAction::Discard => {
            try_join_all(items.iter().map(async |item| {
                if let Err(reason) = look(services, bulk, item).await? {
                    return Ok(judge(item, Some(reason)));
                }
                let gone = services.queue.discard(vec![item.job]).await?;
                Ok(judge(item, (gone == 0).then_some("not_dead")))
            }))
            .await
        }
    }
}

async fn reschedule(services: &Services, bulk: &Bulk, items: Vec<BulkItem>, noted: &Noted) -> Result<Vec<Judged>> {
    let (mut judged, mut moved, mut moves) = (Vec::new(), Vec::new(), Vec::new());
    let looks = try_join_all(items.iter().map(|item| look(services, bulk, item))).await?;
    for (item, found) in items.iter().zip(looks) {
        match found {
            Err(reason) => judged.push(judge(item, Some(reason))),
            Ok(view) => match invoke::to_move(&view.job, noted.due(), None) {
                Err(_) => judged.push(judge(item, Some("window_never_opens"))),
                Ok(to) => {
                    moved.push(item);
                    moves.push(to);
                }
            },
        }
    }
    let done = services.queue.reschedule(moves).await?;
    judged.extend(moved.iter().zip(done).map(|(item, done)| judge(item, (!done).then_some("not_pending"))));
    Ok(judged)
}

/// The job of an item, if it is as the action wants it; or why it is not.
pub(super) async fn look(
    services: &Services,
    bulk: &Bulk,
    item: &BulkItem,
) -> Result<std::result::Result<JobView, &'static str>> {
    let Some(view) = services.queue.get(item.job).await? else { return Ok(Err("gone")) };
    if view.job.integration != bulk.integration {
        return Ok(Err("other_integration"));
    }
    Ok(match (view.state, state_for(bulk.action)) {
        (is, wanted) if is == wanted => Ok(view),
        (State::Running, _) => Err("running"),
        (State::Dead, _) => Err("dead"),
        (State::Pending, _) => Err("pending"),
    })
}

/// Done, or skipped for a reason.
pub(super) fn judge(item: &BulkItem, reason: Option<&'static str>) -> Judged {
    let state = if reason.is_some() { BulkItemState::Skipped } else { BulkItemState::Done };
    Judged { number: item.number, state, reason }
}
