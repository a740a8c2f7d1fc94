//! A primary that sentinels watch, and its replica.

use std::time::Duration;

use store::servers::Sentinels;

use crate::crew::Crew;
use crate::scale;

/// Replication does not wait, so what was answered just before a failover may be gone; nothing else is.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_loses_the_last_moments_at_most() {
    let mut sentinels = Sentinels::start().await;
    let hosts = sentinels.urls().join(",").replace("redis://", "").replace('/', "");
    let crew = Crew::start(vec![format!("redis+sentinel://{hosts}/{}", Sentinels::NAME)]).await;
    let mut moments = Vec::new();
    for _ in 0..scale() {
        crew.progress(300).await;
        moments.push(crew.ledger.elapsed());
        let killed = sentinels.kill_primary().await;
        crew.progress(300).await;
        moments.push(crew.ledger.elapsed());
        sentinels.server_mut(killed).restart().await;
        crew.progress(100).await;
    }
    let ledger = crew.finish().await;
    for (job, answered) in ledger.lost() {
        let near = moments.iter().any(|moment| {
            answered <= *moment + Duration::from_millis(200) && *moment <= answered + Duration::from_secs(2)
        });
        assert!(near, "job {job} was acknowledged at {answered:?}, failovers were at {moments:?}");
    }
    println!("lost in failovers: {} of {}", ledger.lost().len(), ledger.acknowledgements());
}
