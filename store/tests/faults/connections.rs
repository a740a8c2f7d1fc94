//! Connections that are cut, also in the middle of an answer, that are slow, and that go nowhere.

use store::servers::{Options, Proxy, Server};

use crate::crew::{Crew, check_ticks};
use crate::scale;

#[tokio::test(flavor = "multi_thread")]
async fn cuts_slow_links_and_black_holes_lose_nothing() {
    let server = Server::start(Options::default()).await;
    let (mut one, two) = (Proxy::start(server.port()).await, Proxy::start(server.port()).await);
    let crew = Crew::start(vec![one.url(), two.url()]).await;
    for round in 0..8 * scale() {
        crew.progress(60).await;
        match round % 4 {
            0 => one.cut_all().await,
            1 => {
                two.cut_after(u64::from(rand::random_range(50..5_000_u32)));
                crew.progress(20).await;
            }
            2 => {
                one.delay(30);
                two.limit(Some(200_000));
                crew.for_ms(500).await;
                one.delay(0);
                two.limit(None);
            }
            _ => {
                one.refuse(true).await;
                two.cut_all().await;
                crew.for_ms(300).await;
                one.refuse(false).await;
            }
        }
    }
    crew.progress(60).await;
    let ledger = crew.finish().await;
    assert_eq!(ledger.lost().len(), 0, "of {} acknowledged", ledger.acknowledgements());
    check_ticks(&ledger);
}
