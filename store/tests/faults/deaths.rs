//! Workers that disappear with what they had under way.

use std::time::Duration;

use schedules::Stopwatch;
use store::conformance::{Sample, integration, job};
use store::queue::{Claim, Next, Queue, Settlement};
use store::servers::{Options, Server};
use store::{JobId, redis::Redis};

use crate::crew::{AT_ONCE, Crew, LEASE_MS, check_ticks};
use crate::scale;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_killed_workers_run_elsewhere_and_few_run_twice() {
    let server = Server::start(Options::default()).await;
    let mut crew = Crew::start(vec![server.url()]).await;
    let kills = 6 * scale();
    for number in 0..kills {
        crew.progress(150).await;
        crew.kill_worker();
        crew.add_worker(number).await;
    }
    let ledger = crew.finish().await;
    assert_eq!(ledger.lost().len(), 0, "of {} acknowledged", ledger.acknowledgements());
    // What failed once on purpose ran twice as well: one in fifty.
    let repeated = ledger.repeated().len();
    let bound = kills * AT_ONCE + ledger.acknowledgements() / 25;
    println!("{repeated} of {} ran more than once, {kills} kills", ledger.acknowledgements());
    assert!(repeated <= bound, "{repeated} ran more than once, at most {bound} were under way or failed");
    check_ticks(&ledger);
}

/// A worker that is gone gives its jobs up within its lease and a second.
#[tokio::test]
async fn a_lost_lease_is_taken_over_within_the_lease_and_a_second() {
    let server = Server::start(Options::default()).await;
    let queue = Crew::start(vec![server.url()]).await.handle(0).await;
    let of = 77;
    let mut new = job(of).priority(9);
    new.job.id = JobId::new(queue.now().await.expect("now answers"));
    let id = new.job.id;
    queue.enqueue(vec![new]).await.expect("enqueue answers");
    let watch = hold(&queue, id).await;
    loop {
        let rescued = queue.rescue(10, LEASE_MS).await.expect("rescue answers");
        if let Some(leased) = rescued.iter().find(|leased| leased.job.id == id) {
            assert_eq!((leased.lost, leased.job.integration), (1, integration(of)));
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let bound = Duration::from_millis(u64::from(LEASE_MS) + 1_000);
    assert!(watch.elapsed() < bound, "it took {:?}", watch.elapsed());
}

/// Claims until the job is ours, gives everything else back, and says since when.
async fn hold(queue: &Redis, id: JobId) -> Stopwatch {
    loop {
        let watch = Stopwatch::start();
        let claimed = queue.claim(Claim { limit: 100, lease_ms: LEASE_MS }).await.expect("claim answers");
        let is_ours = claimed.jobs.iter().any(|leased| leased.job.id == id);
        let others = claimed.jobs.into_iter().filter(|leased| leased.job.id != id);
        let settlements = others
            .map(|leased| Settlement { lease: leased.lease, next: Next::Return { due: leased.job.due, closes: None } });
        queue.settle(settlements.collect()).await.expect("settle answers");
        if is_ours {
            return watch;
        }
    }
}
