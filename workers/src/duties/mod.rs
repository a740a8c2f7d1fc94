//! Everything that is done again and again, on one screen.

mod backfill;
mod bulk;
mod controls;
pub(crate) mod fire;
mod ledger;
mod prune;
mod prune_cache;
mod refresh;
mod renew;
mod replay;
mod rescue;
mod sync_clock;
pub mod ticks;

pub(crate) use controls::{Agreed, run as agree};
pub(crate) use fire::{AGAIN_MS, pause_ms};

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use schedules::{Millis, Stopwatch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::events::read_stream;
use crate::{Event, Result, Roles, Services};

type Done = Pin<Box<dyn Future<Output = Result<Option<Millis>>> + Send>>;

/// Something to be done again and again.
struct Duty {
    /// Its name, as metrics and logs show it.
    name: &'static str,
    /// The pause between two times.
    every: Every,
    /// Whether a process with these roles does it.
    by: fn(Roles) -> bool,
    /// Does it; may answer that it is wanted again earlier, at this time.
    run: fn(Services) -> Done,
}

enum Every {
    Seconds(u64),
    /// A third of the lease, so that two renewals may fail.
    ThirdOfLease,
}

/// The table. Every duty may run in several processes at once: each step it takes is atomic in the store.
const DUTIES: &[Duty] = &[
    Duty { name: "renew_leases", every: Every::ThirdOfLease, by: |r| r.worker, run: |s| Box::pin(renew::run(s)) },
    Duty { name: "fire_schedules", every: Every::Seconds(1), by: |r| r.scheduler, run: |s| Box::pin(fire::run(s)) },
    Duty { name: "fire_backfills", every: Every::Seconds(1), by: |r| r.scheduler, run: |s| Box::pin(backfill::run(s)) },
    Duty { name: "write_ledger", every: Every::Seconds(1), by: |r| r.scheduler, run: |s| Box::pin(ledger::run(s)) },
    Duty { name: "rescue_lost", every: Every::Seconds(1), by: |r| r.scheduler, run: |s| Box::pin(rescue::run(s)) },
    Duty { name: "prune_history", every: Every::Seconds(30), by: |r| r.scheduler, run: |s| Box::pin(prune::run(s)) },
    Duty { name: "bulk_actions", every: Every::Seconds(1), by: |r| r.scheduler, run: |s| Box::pin(bulk::run(s)) },
    Duty { name: "read_stream", every: Every::Seconds(1), by: |r| r.scheduler, run: |s| Box::pin(read_stream(s)) },
    Duty { name: "replay_events", every: Every::Seconds(1), by: |r| r.scheduler, run: |s| Box::pin(replay::run(s)) },
    Duty { name: "prune_cache", every: Every::Seconds(30), by: |r| r.worker, run: |s| Box::pin(prune_cache::run(s)) },
    Duty { name: "agree_controls", every: Every::Seconds(1), by: |r| r.scheduler, run: |s| Box::pin(controls::run(s)) },
    Duty { name: "refresh_directory", every: Every::Seconds(1), by: |_| true, run: |s| Box::pin(refresh::run(s)) },
    Duty { name: "sync_clock", every: Every::Seconds(1), by: |_| true, run: |s| Box::pin(sync_clock::run(s)) },
];

/// The names of all duties.
pub fn names() -> impl Iterator<Item = &'static str> {
    DUTIES.iter().map(|duty| duty.name)
}

/// Starts the duties of these roles; each ends when `stop` is cancelled.
pub(crate) fn spawn(tasks: &mut JoinSet<()>, services: &Services, roles: Roles, stop: &CancellationToken) {
    for duty in DUTIES.iter().filter(|duty| (duty.by)(roles)) {
        tasks.spawn(repeat(duty, services.clone(), stop.clone()));
    }
}

async fn repeat(duty: &'static Duty, services: Services, stop: CancellationToken) {
    let every = match duty.every {
        Every::Seconds(n) => Duration::from_secs(n),
        Every::ThirdOfLease => Duration::from_millis(u64::from(services.options.lease_ms / 3).max(1)),
    };
    loop {
        let watch = Stopwatch::start();
        let done = (duty.run)(services.clone()).await;
        let error = done.as_ref().err().map(ToString::to_string);
        services.events.emit(Event::DutyDone { duty: duty.name, ms: watch.elapsed_ms(), error: error.is_some() });
        if let Some(error) = error {
            tracing::error!(duty = duty.name, error, "a duty failed; it is done again");
        }
        let wanted = done.ok().flatten().map_or(every, |at| {
            let ms = u64::try_from(at.since(services.clock.now())).unwrap_or(0);
            Duration::from_millis(ms.max(1)).min(every)
        });
        if stop.run_until_cancelled(tokio::time::sleep(wanted)).await.is_none() {
            return;
        }
    }
}
