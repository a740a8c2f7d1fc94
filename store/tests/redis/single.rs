//! One server.

use store::conformance::Fresh;
use store::redis::Redis;
use store::servers::{Options, Server};

use crate::fresh::queue_at;

pub async fn fresh() -> Fresh<Redis> {
    let server = Server::start(Options::default()).await;
    let url = server.url();
    queue_at(&url, Box::new(server)).await
}

store::conformance!(conformance, crate::single::fresh);
