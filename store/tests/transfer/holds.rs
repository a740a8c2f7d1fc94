//! Paused keys and what back-pressure shuts move with the queue, those of limiters too.

use schedules::Millis;
use schedules::rate::{Hold, LimiterId};
use store::conformance::{at, integration, limit};
use store::queue::{Adjustment, Inspect, MAX_BATCH, Queue, Record, SHARED, Transfer};

use crate::world::{World, copy, everything};

fn shared(limiter: u128) -> String {
    format!("@{:032x}l0{{}}", LimiterId(limiter).0)
}

fn hold(owner: store::IntegrationId, name: &str, paused: bool, until: Millis) -> Record {
    Record::Hold { integration: owner, name: name.into(), hold: Hold { paused, until } }
}

#[tokio::test]
async fn what_is_shut_moves() {
    let world = World::new().await;
    let (embedded, divided, one) = (world.embedded(), world.partitioned(4).await, world.redis().await);
    let pause = async |of: u16, name: &str| {
        embedded.adjust(integration(of), name.into(), Adjustment::Pause).await.expect("adjust answers");
    };
    for of in 1..4 {
        pause(of, r#"l0{"email":"a"}"#).await;
        pause(of, &shared(of.into())).await;
    }
    let held = Adjustment::Hold { until: at(5_000) };
    embedded.adjust(integration(1), "s0{}".into(), held).await.expect("adjust answers");
    let records = everything(&embedded, MAX_BATCH).await;
    assert_eq!(records.len(), 7, "{records:?}");
    assert!(records.contains(&hold(SHARED, &shared(2), true, Millis(0))));
    assert!(records.contains(&hold(integration(1), "s0{}", false, at(5_000))));
    copy(&embedded, &divided).await;
    assert_eq!(divided.survey().await.expect("survey answers").holds, 7);
    copy(&divided, &one).await;
    for engine in [everything(&divided, 2).await, everything(&one, 3).await] {
        assert_eq!(engine, records);
    }
    // Wherever an integration lives, its jobs find the limiter shut.
    for of in 1..30 {
        let view = divided.bucket(integration(of), shared(3), limit(1).rule).await.expect("bucket answers");
        assert!(view.hold.paused);
    }
}
