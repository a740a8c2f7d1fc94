//! A process of the program: the leases that it holds, and the tasks that share them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::JobId;
use store::queue::{Lease, MAX_BATCH, Queue, Settlement};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Handle, recorder, scheduler, worker};
use crate::sim::Pid;
use crate::world::{Role, World};

/// Outcomes that may wait to be written.
const BACKLOG: usize = 1_024;

/// Why a run is ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abort {
    LeaseLost,
    Drain,
}

/// A lease, and the means to end its run.
pub struct Held {
    lease: Lease,
    abort: Option<Abort>,
    token: CancellationToken,
}

/// A process.
pub struct Process {
    pub world: World,
    pub pid: Pid,
    pub queue: Arc<Handle>,
    /// Outcomes on their way into the history and the queue.
    pub outgoing: mpsc::Sender<Settlement>,
    /// Cancelled when it is told to stop.
    pub stop: CancellationToken,
    leases: Mutex<Vec<Held>>,
}

/// Starts its tasks.
pub fn start(world: &World, pid: Pid, role: Role, queue: Arc<Handle>) {
    let (outgoing, settlements) = mpsc::channel(BACKLOG);
    let (stop, leases) = (CancellationToken::new(), Mutex::default());
    let process = Arc::new(Process { world: world.clone(), pid, queue, outgoing, stop, leases });
    let sim = &world.sim;
    sim.spawn(pid, recorder::write(process.clone(), settlements));
    if matches!(role, Role::Worker | Role::Both) {
        sim.spawn(pid, renew(process.clone()));
        sim.spawn(pid, worker::work(process.clone()));
    }
    if matches!(role, Role::Scheduler | Role::Both) {
        sim.spawn(pid, scheduler::fire(process.clone()));
        sim.spawn(pid, scheduler::rescue(process));
    }
}

impl Process {
    /// Its name in the trace.
    pub fn who(&self) -> String {
        self.queue.engine().who.clone()
    }

    fn leases(&self) -> MutexGuard<'_, Vec<Held>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a lease from now on; the token is cancelled when its run must end.
    pub fn hold(&self, lease: Lease) -> CancellationToken {
        let token = CancellationToken::new();
        self.leases().push(Held { lease, abort: None, token: token.clone() });
        token
    }

    /// Holds it no more.
    pub fn release(&self, lease: Lease) {
        self.leases().retain(|held| held.lease != lease);
    }

    /// Why the run of a lease must end, if it must.
    pub fn abort(&self, lease: Lease) -> Option<Abort> {
        self.leases().iter().find(|held| held.lease == lease).and_then(|held| held.abort)
    }

    /// These are not ours any more.
    pub fn lost(&self, lost: &[Lease]) {
        for held in self.leases().iter_mut().filter(|held| lost.contains(&held.lease)) {
            held.abort = Some(Abort::LeaseLost);
            held.token.cancel();
        }
    }

    /// The runs of these jobs end: they were taken away.
    pub fn revoked(&self, jobs: &[JobId]) {
        let lost: Vec<Lease> = self.all().into_iter().filter(|lease| jobs.contains(&lease.job)).collect();
        self.lost(&lost);
    }

    /// Every run ends; its job goes back.
    pub fn give_back_all(&self) {
        for held in self.leases().iter_mut() {
            held.abort.get_or_insert(Abort::Drain);
            held.token.cancel();
        }
    }

    fn all(&self) -> Vec<Lease> {
        self.leases().iter().map(|held| held.lease).collect()
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.leases().is_empty()
    }
}

/// Keeps the leases, three times as often as they would run out.
async fn renew(process: Arc<Process>) {
    let lease_ms = process.world.lease_ms;
    loop {
        process.world.sim.sleep(i64::from(lease_ms / 3)).await;
        for leases in process.all().chunks(MAX_BATCH) {
            match process.queue.extend(leases.to_vec(), lease_ms).await {
                Ok(lost) => process.lost(&lost),
                Err(_) => break,
            }
        }
    }
}
