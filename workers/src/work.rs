//! What a process does until it is told to stop, and how it stops: claiming ends first, then what is under way.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::worker::claim;
use crate::{Error, Result, Services, apalis, duties};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Answers HTTP.
    pub api: bool,
    /// Runs jobs.
    pub worker: bool,
    /// Fires schedules and cleans up.
    pub scheduler: bool,
}

/// How many runners are kept ready for what needs a new one.
const WARM: usize = 1;

/// Does what `roles` says until `stop` is cancelled; then claims nothing more, lets runs end for at most `grace`,
/// gives the rest back to the queue uncharged, and returns when everything is recorded.
pub async fn work(services: Services, roles: Roles, stop: CancellationToken, grace: Duration) -> Result<()> {
    let mut tasks = JoinSet::new();
    // Leases must be renewed while the last runs end, so duties stop after the worker.
    let duties_stop = CancellationToken::new();
    duties::spawn(&mut tasks, &services, roles, &duties_stop);
    if roles.worker {
        if let Err(error) = services.runners.warm(WARM) {
            tracing::warn!(%error, "no runner could be started ahead of need");
        }
        let (claimed, jobs) = mpsc::channel(services.options.concurrency.max(1));
        let worker = tokio::spawn(apalis::run(services.clone(), jobs));
        claim::until_stopped(&services, claimed, &stop).await;
        drain(&services, worker, grace).await?;
        if !stop.is_cancelled() {
            return Err(Error::Unavailable("the worker ended by itself; see the log for why".into()));
        }
    } else {
        stop.cancelled().await;
    }
    duties_stop.cancel();
    while tasks.join_next().await.is_some() {}
    services.close().await;
    Ok(())
}

async fn drain(services: &Services, worker: JoinHandle<()>, grace: Duration) -> Result<()> {
    let mut worker = worker;
    if tokio::time::timeout(grace, &mut worker).await.is_ok() {
        return Ok(());
    }
    let left = services.leases.give_back_all();
    tracing::warn!(left, "the grace period is over: giving runs back to the queue");
    worker.await.map_err(|error| Error::Unavailable(format!("the worker ended badly: {error}")))
}
