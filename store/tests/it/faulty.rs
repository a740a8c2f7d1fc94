//! The engine behind a switch: what each fate does to a call, and that without one it is the engine it was.

use std::time::Duration;

use store::conformance::{Fresh, Sample, job, run_all};
use store::embedded::Embedded;
use store::faulty::{Director, Fate, Faulty, Moment};
use store::queue::{Inspect, Queue, State};
use store::{Error, Result};

use crate::embedded;

/// Long enough for a call that is answered at all.
const A_WHILE: Duration = Duration::from_millis(200);

/// Always the same fate, at one moment.
struct Always(Moment, Fate);

impl Director for Always {
    async fn fate(&self, _: &'static str, moment: Moment) -> Fate {
        if moment == self.0 { self.1 } else { Fate::Pass }
    }
}

async fn fresh(director: Always) -> Fresh<Faulty<Embedded, Always>> {
    let Fresh { queue, clock, keep } = embedded::fresh().await;
    Fresh { queue: Faulty::new(queue, director), clock, keep }
}

#[tokio::test]
async fn an_engine_that_nothing_happens_to_passes_the_suite() {
    run_all(async || fresh(Always(Moment::Before, Fate::Pass)).await).await;
}

/// Puts a job in, and says what the caller and the engine know of it.
async fn enqueue(director: Always) -> (Option<Result<()>>, Option<State>) {
    let t = fresh(director).await;
    let new = job(1).due(5);
    let call = tokio::time::timeout(A_WHILE, t.queue.enqueue(vec![new.clone()])).await;
    let known = t.queue.engine().get(new.job.id).await.expect("get answers");
    (call.ok().map(|answer| answer.map(drop)), known.map(|view| view.state))
}

#[tokio::test]
async fn a_call_that_fails_before_is_not_applied() {
    let (answer, known) = enqueue(Always(Moment::Before, Fate::Fail)).await;
    assert!(matches!(answer, Some(Err(Error::Unavailable(_)))), "{answer:?}");
    assert_eq!(known, None);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_applied() {
    let (answer, known) = enqueue(Always(Moment::After, Fate::Fail)).await;
    assert!(matches!(answer, Some(Err(Error::Unavailable(_)))), "{answer:?}");
    assert_eq!(known, Some(State::Pending));
}

#[tokio::test]
async fn a_caller_that_is_dead_hears_nothing() {
    let (answer, known) = enqueue(Always(Moment::Before, Fate::Vanish)).await;
    assert!(answer.is_none() && known.is_none(), "{answer:?} {known:?}");
    let (answer, known) = enqueue(Always(Moment::After, Fate::Vanish)).await;
    assert!(answer.is_none() && known.is_some(), "{answer:?} {known:?}");
}
