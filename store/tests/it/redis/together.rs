//! What is wrong with the data of one schedule does not stop those that are fired in the same call.

use std::sync::Arc;

use futures_util::future::join_all;
use schedules::ManualClock;
use store::conformance::{START, Sample, integration, job};
use store::queue::{Cause, Fired, Firing, Queue};
use store::redis::{Config, Options, Redis};
use store::servers::{self, Server};

#[tokio::test]
async fn one_that_cannot_be_fired_stops_no_other() {
    let server = Server::start(servers::Options::default()).await;
    let options =
        Options { prefix: "odd".into(), clock: Some(Arc::new(ManualClock::new(START))), ..Options::default() };
    let queue = Redis::connect(Config::parse(&server.url()).expect("a URL"), options).await.expect("a queue");
    let lane = [b"{odd:0}:q0:".as_slice(), &integration(3).to_bytes()].concat();
    let mut connection = server.connection().await;
    redis::cmd("SET").arg(lane).arg("no set").query_async::<()>(&mut connection).await.expect("it is set");
    let fire = |of: u16| {
        let firing = Firing::new(integration(of), None, START);
        queue.fire(Firing { ticks: vec![job(of).cause(Cause::Schedule).priority(0)], ..firing })
    };
    let answers = join_all((1..=5).map(fire)).await;
    for (of, answer) in (1..).zip(answers) {
        match answer {
            Ok(answer) => assert_eq!((of == 3, answer), (false, Fired::Queued { revoked: vec![] })),
            Err(error) => assert!(of == 3 && error.to_string().contains("WRONGTYPE"), "{of}: {error}"),
        }
    }
}
