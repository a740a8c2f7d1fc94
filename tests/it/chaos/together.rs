//! What one process accepts, another one runs.

use serde_json::json;
use store::servers::{Options, Server as Redis};

use super::crowd::Crowd;
use crate::support::{Sink, tidegate};

const ADD: &str = "module.exports = async ({ payload }) => payload.a + payload.b;";
const LIMITED: &str = "module.exports = async () => 'done';";

/// A waiting execute gets its result from a worker in another process, and a refusal by a rate limit as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execute_is_answered_by_a_worker_elsewhere() {
    let redis = Redis::start(Options::default()).await;
    let sink = Sink::start().await;
    let crowd = Crowd::start(&redis.url(), &sink).await;
    crowd.api.deploy("add", ADD, json!({})).await;
    for n in 0..20 {
        assert_eq!(crowd.api.execute("add", json!({ "payload": { "a": n, "b": 1 } })).await, n + 1);
    }
    crowd.api.deploy("limited", LIMITED, json!({ "rateLimits": [{ "limit": 1, "interval": "1h" }] })).await;
    assert_eq!(crowd.api.execute("limited", json!({})).await, "done");
    let (status, answer) = crowd.api.call("POST", "/v1/integrations/limited/execute", Some(json!({}))).await;
    assert_eq!((status, &answer["error"]["code"]), (429, &json!("rate_limited")), "{answer}");
}

/// `store check` finds nothing wrong with a queue at work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_at_work_does_not_contradict_itself() {
    let redis = Redis::start(Options::default()).await;
    let sink = Sink::start().await;
    let crowd = Crowd::start(&redis.url(), &sink).await;
    crowd.api.deploy("add", ADD, json!({})).await;
    for n in 0..50 {
        let body = json!({ "key": { "n": n }, "delay": n * 10, "payload": { "a": n, "b": 1 } });
        crowd.api.post("/v1/integrations/add/schedule", body).await;
    }
    let ran = tidegate(&["store", "check", "--queue", &redis.url()]).ok();
    assert!(ran.out.contains("no contradictions"), "{ran:?}");
}
