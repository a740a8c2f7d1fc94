//! A server whose clock jumps.

use store::servers::{Options, Server};

use crate::crew::Crew;
use crate::scale;

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_forward_and_back_loses_nothing() {
    let mut server = Server::start(Options { fake_time: true, ..Options::default() }).await;
    let crew = Crew::start(vec![server.url()]).await;
    for _ in 0..scale() {
        crew.progress(150).await;
        server.jump(3_600);
        crew.progress(150).await;
        server.jump(-3_600);
        crew.progress(20).await;
        server.jump(3_600);
        crew.progress(150).await;
    }
    let ledger = crew.finish().await;
    assert_eq!(ledger.lost().len(), 0, "of {} acknowledged", ledger.acknowledgements());
}
