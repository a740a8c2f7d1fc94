//! How runs end in shared runners: who is killed, who is given back, and who is kept apart.

use std::time::Duration;

use scripts::protocol::Limits;
use tokio_util::sync::CancellationToken;
use workers::runners::{Isolation, Request};

use super::{NOW, Script, Silence, pool, run};
use crate::support::until;

fn limits(timeout_ms: u32) -> Limits {
    Limits { timeout_ms, ..Limits::default() }
}

/// Computes in native code that no interrupt reaches.
const STUBBORN: &str = "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })";
/// Waits a while, then answers.
const PATIENT: &str = "await new Promise((resolve) => setTimeout(resolve, 700)); return 'patient'";

#[tokio::test]
async fn the_neighbours_of_a_killed_run_are_given_back_and_run_again() {
    let pool = pool(1, Isolation::Warm);
    let (stubborn, patient) = (Script::new(STUBBORN), Script::new(PATIENT));
    let (culprit, neighbour, other) = tokio::join!(
        run(&pool, &stubborn, limits(200)),
        run(&pool, &patient, limits(30_000)),
        run(&pool, &patient, limits(30_000))
    );
    assert_eq!(culprit.code(), "timeout");
    assert!(culprit.took >= Duration::from_millis(450), "{:?}", culprit.took);
    for neighbour in [neighbour, other] {
        assert_eq!((neighbour.code(), neighbour.given_back), ("\"patient\"", 1));
    }
}

#[tokio::test]
async fn who_killed_twice_is_kept_apart() {
    let pool = pool(1, Isolation::Warm);
    let (stubborn, patient) = (Script::new(STUBBORN), Script::new(PATIENT));
    for _ in 0..2 {
        assert_eq!(run(&pool, &stubborn, limits(10)).await.code(), "timeout");
    }
    let (culprit, neighbour) = tokio::join!(run(&pool, &stubborn, limits(10)), run(&pool, &patient, limits(30_000)));
    assert_eq!((culprit.code(), neighbour.code(), neighbour.given_back), ("timeout", "\"patient\"", 0));
}

#[tokio::test]
async fn after_a_crash_nobody_is_guilty_until_it_happens_again() {
    let pool = pool(1, Isolation::Warm);
    // It is killed from outside, as the system does for want of memory.
    let patient = Script::new(PATIENT);
    let kill = async {
        let runner = until("a runner with two runs", async || {
            let runner = children().into_iter().next()?;
            (threads(runner) >= 3).then_some(runner)
        });
        let killed = tokio::process::Command::new("kill").args(["-KILL", &runner.await.to_string()]).status().await;
        assert!(killed.expect("`kill` runs").success());
    };
    let (one, two, ()) = tokio::join!(run(&pool, &patient, limits(30_000)), run(&pool, &patient, limits(30_000)), kill);
    for ran in [one, two] {
        assert_eq!((ran.code(), ran.given_back), ("\"patient\"", 1));
    }
    // With one run in it, there is no doubt.
    drop(pool);
    let pool = super::pool(1, Isolation::Warm);
    let alone = async {
        let runner = until("the runner", async || children().into_iter().find(|runner| threads(*runner) >= 2));
        let killed = tokio::process::Command::new("kill").args(["-KILL", &runner.await.to_string()]).status().await;
        assert!(killed.expect("`kill` runs").success());
    };
    let (ran, ()) = tokio::join!(run(&pool, &patient, limits(30_000)), alone);
    assert_eq!((ran.code(), ran.given_back), ("runner_crashed", 0));
}

/// The processes that this one started.
fn children() -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("this process runs");
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

/// How many threads a process has: one reads, each run under way has its own.
fn threads(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn cancelling_one_run_leaves_the_others_alone() {
    let pool = pool(1, Isolation::Warm);
    let (spinning, patient, cancel) = (Script::new("for (;;) {}"), Script::new(PATIENT), CancellationToken::new());
    let workspace = "default".into();
    let request = Request {
        workspace: &workspace,
        integration: spinning.integration,
        job: store::JobId::new(NOW),
        alone: false,
        bundle: &spinning.bundle,
        input: scripts::protocol::Input { payload: "null".into(), run: "{}".into(), ..Default::default() },
        limits: limits(60_000),
    };
    let stop = async {
        assert_eq!(run(&pool, &Script::new("return 1"), limits(30_000)).await.code(), "1");
        cancel.cancel();
    };
    let (cancelled, neighbour, ()) =
        tokio::join!(pool.run(request, &Silence, &cancel), run(&pool, &patient, limits(30_000)), stop);
    let error = cancelled.expect("an end").result.expect_err("cancelled");
    assert_eq!(error.code, "cancelled");
    assert_eq!((neighbour.code(), neighbour.given_back), ("\"patient\"", 0));
}

#[tokio::test]
async fn a_process_for_every_run_if_the_operator_wants_that() {
    let pool = pool(1, Isolation::PerRun);
    let (stubborn, patient) = (Script::new(STUBBORN), Script::new(PATIENT));
    let (culprit, neighbour) = tokio::join!(run(&pool, &stubborn, limits(200)), run(&pool, &patient, limits(30_000)));
    assert_eq!((culprit.code(), neighbour.code(), neighbour.given_back), ("timeout", "\"patient\"", 0));
}
