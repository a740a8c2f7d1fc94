//! How runs end in shared runners: who is killed, who is given back, and who is kept apart.

use std::time::Duration;

use scripts::protocol::Limits;
use tokio_util::sync::CancellationToken;
use workers::runners::{Isolation, Request};

use super::{NOW, Script, Silence, pool, run};

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
