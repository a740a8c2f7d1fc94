//! The same random calls to the engine and to the model.

use std::sync::Arc;

use proptest::prelude::*;
use store::servers::{Options, Server};

use super::fresh::queue_at;
use crate::calls::call;
use crate::sequences::sequences_hold;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_as_the_model_does(calls in proptest::collection::vec(call(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = Arc::new(Server::start(Options::default()).await);
            sequences_hold(async || queue_at(&server.url(), Box::new(server.clone())).await, &calls).await;
        });
    }
}
