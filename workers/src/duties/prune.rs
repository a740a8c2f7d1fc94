//! Forgets history and dead jobs beyond what the operator keeps.

use schedules::Millis;
use store::queue::{MAX_BATCH, Pruning, Queue};

use crate::bulk::UNDO_MS;
use crate::{Result, Services};

/// Batches in one go; the rest waits for the next time, so that writers get their turn.
const BATCHES: usize = 20;
/// How long a deleted schedule is remembered.
const DELETED_MS: i64 = 3_600_000;
/// How long a bulk action that came to its end is known: a week.
const BULKS_KNOWN_MS: i64 = 7 * 86_400_000;

/// How long a replay of events that came to its end is known: a week.
const REPLAYS_KNOWN_MS: i64 = 7 * 86_400_000;

pub(super) async fn run(services: Services) -> Result<Option<Millis>> {
    let now = services.clock.now();
    for _ in 0..BATCHES {
        let pruned = services.catalog.prune_runs(services.options.retention, now, MAX_BATCH).await?;
        if pruned.by_age + pruned.by_count + pruned.by_bytes == 0 {
            break;
        }
    }
    prune_ticks(&services, now).await?;
    prune_events(&services, now).await?;
    // A minute more than an undo may take to be asked for.
    services.catalog.prune_bulks(now.after(-UNDO_MS - 60_000), now.after(-BULKS_KNOWN_MS)).await?;
    let pruning = Pruning {
        dead_before: now.after(-services.options.dead_max_age_ms),
        dead_keep: services.options.dead_keep,
        limit: MAX_BATCH,
    };
    for _ in 0..BATCHES {
        let pruned = services.queue.prune(pruning).await?;
        if pruned.dead + pruned.idempotency < MAX_BATCH as u64 {
            break;
        }
    }
    Ok(None)
}

/// Forgets events beyond what the operator keeps, a few thousand at a time, and replays of long ago.
async fn prune_events(services: &Services, now: Millis) -> Result<()> {
    for _ in 0..BATCHES {
        if services.catalog.prune_events(services.options.event_retention, now, MAX_BATCH).await? < MAX_BATCH as u64 {
            break;
        }
    }
    Ok(services.catalog.prune_replays(now.after(-REPLAYS_KNOWN_MS)).await?)
}

/// Forgets the ledger beyond the bounds of the history of runs, and schedules that were deleted some time ago: by now every
/// process has heard of it.
async fn prune_ticks(services: &Services, now: Millis) -> Result<()> {
    let retention = services.options.retention;
    let before = now.after(-i64::try_from(retention.max_age_ms).unwrap_or(i64::MAX));
    for _ in 0..BATCHES {
        if services.catalog.prune_ticks(before, retention.max_count, MAX_BATCH).await? == 0 {
            break;
        }
    }
    for _ in 0..BATCHES {
        let deleted = services.catalog.long_deleted_schedules(now.after(-DELETED_MS)).await?;
        if deleted.is_empty() {
            break;
        }
        services.queue.forget_schedules(deleted.clone()).await?;
        services.catalog.forget_schedules(&deleted).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::catalog::Trigger;

    use super::*;
    use crate::invoke::{Target, schedule};
    use crate::world::World;

    const DAY_MS: i64 = 86_400_000;

    #[tokio::test]
    async fn more_than_one_batch_is_forgotten_at_one_time() {
        let world = World::open().await;
        world.released("many", Trigger::Experience, &json!({})).await;
        let target: Target = "many".parse().expect("a name");
        for n in 0..=MAX_BATCH {
            let key = Some(format!("key-{n}"));
            schedule(&world.services, &target, json!({}), key).await.expect("scheduled");
        }
        world.clock.advance(DAY_MS + 1);
        run(world.services.clone()).await.expect("pruned");
        let left = Pruning { dead_before: Millis(0), dead_keep: 1_000, limit: MAX_BATCH };
        assert_eq!(world.services.queue.prune(left).await.expect("pruned").idempotency, 0);
    }
}
