//! Those who act: processes that work and schedule as `workers` does, callers, and an operator.

mod caller;
mod operator;
mod process;
mod recorder;
mod scheduler;
mod worker;

use std::sync::Arc;

use store::faulty::Faulty;

use crate::sim::Pid;
use crate::weather::Fates;
use crate::witness::Witness;
use crate::world::{Role, World};

/// The queue as a process has it.
pub type Handle = Faulty<Witness, Fates>;

/// Starts a process, a little later.
pub fn start(world: &World, role: Role) {
    let pid = world.born(role);
    let (starting, after_ms) = (world.clone(), world.sim.between(0..=2_000));
    world.sim.spawn(pid, async move {
        starting.sim.sleep(after_ms).await;
        let queue = Arc::new(handle(&starting, pid, role));
        match role {
            Role::Worker | Role::Scheduler | Role::Both => process::start(&starting, pid, role, queue),
            Role::Caller => caller::call(starting, queue).await,
            Role::Operator => operator::operate(starting, queue).await,
        }
    });
}

/// A handle of its own for a process.
pub fn handle(world: &World, pid: Pid, role: Role) -> Handle {
    let word = match role {
        Role::Worker => "worker",
        Role::Scheduler => "scheduler",
        Role::Both => "both",
        Role::Caller => "caller",
        Role::Operator => "operator",
    };
    let who = format!("{word}-{pid}");
    let schedules = if role == Role::Operator { Vec::new() } else { world.schedules() };
    let (sim, books, weather) = (world.sim.clone(), world.books.clone(), world.weather.clone());
    let (engine, waiting) = (world.queue(), world.waiting.clone());
    let witness = Witness { engine, books, sim: sim.clone(), who: who.clone(), schedules, waiting };
    Faulty::new(witness, Fates { sim, weather, pid, who, lease_ms: world.lease_ms })
}
