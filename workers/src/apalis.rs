//! The only file that knows apalis: its worker drives [`process`](crate::worker) over the channel of claimed jobs.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use tokio::sync::mpsc;
use tower::layer::util::Identity;

use crate::Services;
use crate::worker::{Claimed, process};

/// A job that its handler takes out: apalis hands tasks around by reference-counted clones.
type Slot = std::sync::Arc<Mutex<Option<Claimed>>>;

/// The backend: claiming, leases and settling are ours, so all it does is to hand on what was claimed.
struct Claims(mpsc::Receiver<Claimed>);

impl Backend for Claims {
    type Task = Task<Slot>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.0.poll_recv(cx).map(|claimed| match claimed {
            Some(claimed) => Some(Ok(TaskBuilder::new(Slot::new(Mutex::new(Some(claimed)))).build())),
            None => {
                // A backend that ends does not end its worker; only this does.
                let _stopping = worker.stop();
                None
            }
        })
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Claims {
    type Args = Slot;
    type Id = u64;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

/// Runs claimed jobs until the channel closes and all of them have ended.
pub(crate) async fn run(services: Services, claimed: mpsc::Receiver<Claimed>) {
    let handler = move |slot: Slot| {
        let services = services.clone();
        async move {
            let claimed = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(claimed) = claimed {
                let lease = claimed.held.lease;
                // A task of its own, so that runs use every core; apalis polls its handlers on one.
                if let Err(error) = tokio::spawn(process(services.clone(), claimed)).await {
                    tracing::error!(job.id = %lease.job, %error, "processing a job panicked; its lease will run out");
                    services.leases.release(lease);
                }
            }
            Ok::<(), Infallible>(())
        }
    };
    let worker = WorkerBuilder::new("tidegate").backend(Claims(claimed)).build(handler);
    if let Err(error) = worker.run().await {
        tracing::error!(%error, "the worker ended");
    }
}
