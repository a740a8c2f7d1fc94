//! One server: killed, restarted, paused, its scripts forgotten.

use std::time::Duration;

use schedules::Stopwatch;
use store::servers::{Fsync, Options, Server};

use crate::crew::{Crew, check_ticks};
use crate::scale;

async fn durable(fsync: Fsync) -> Server {
    Server::start(Options { appendfsync: Some(fsync), ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_aof_always_loses_nothing() {
    let mut server = durable(Fsync::Always).await;
    let crew = Crew::start(vec![server.url()]).await;
    for _ in 0..4 * scale() {
        crew.progress(150).await;
        server.kill();
        server.restart().await;
    }
    crew.progress(100).await;
    let ledger = crew.finish().await;
    assert_eq!(ledger.lost().len(), 0, "of {} acknowledged", ledger.acknowledgements());
    check_ticks(&ledger);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_aof_everysec_loses_the_last_second_at_most() {
    let mut server = durable(Fsync::Everysec).await;
    let crew = Crew::start(vec![server.url()]).await;
    let mut kills = Vec::new();
    for _ in 0..3 * scale() {
        crew.progress(150).await;
        kills.push(crew.ledger.elapsed());
        server.kill();
        server.restart().await;
    }
    crew.progress(100).await;
    let ledger = crew.finish().await;
    for (job, answered) in ledger.lost() {
        let near = kills
            .iter()
            .any(|kill| answered <= *kill + Duration::from_millis(100) && *kill <= answered + Duration::from_secs(2));
        assert!(near, "job {job} was acknowledged at {answered:?}, kills were at {kills:?}");
    }
    println!("lost with everysec: {} of {}", ledger.lost().len(), ledger.acknowledgements());
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_script_flushes_and_pauses_lose_nothing() {
    let mut server = durable(Fsync::Always).await;
    let crew = Crew::start(vec![server.url()]).await;
    for round in 0..6 * scale() {
        crew.progress(100).await;
        match round % 3 {
            0 => server.script_flush().await,
            1 => server.client_pause(800).await,
            _ => server.restart().await,
        }
    }
    crew.progress(100).await;
    let ledger = crew.finish().await;
    assert_eq!(ledger.lost().len(), 0, "of {} acknowledged", ledger.acknowledgements());
    check_ticks(&ledger);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_within_three_seconds_of_a_restart() {
    let mut server = durable(Fsync::Everysec).await;
    let crew = Crew::start(vec![server.url()]).await;
    crew.progress(300).await;
    let usual = Stopwatch::start();
    crew.progress(300).await;
    let usual = usual.elapsed();
    server.restart().await;
    let watch = Stopwatch::start();
    crew.progress(1).await;
    let first = watch.elapsed();
    let after = Stopwatch::start();
    crew.progress(300).await;
    println!("300 jobs took {usual:?} before, {:?} after; the first came {first:?} after the restart", after.elapsed());
    assert!(first < Duration::from_secs(3), "the first job came {first:?} after the restart");
    assert_eq!(crew.finish().await.lost().len(), 0);
}
