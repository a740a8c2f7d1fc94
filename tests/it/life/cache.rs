//! What the runs of one integration keep for each other.

use serde_json::{Value, json};
use store::servers::{self, Server as Redis};

use crate::support::{Server, Sink};

/// Computes a value by a request, so that the other side sees how often.
const TOKEN: &str = "
module.exports = async ({ payload, cache }) => {
  const getValue = async () => {
    const answer = await fetch(payload.url, { method: 'POST', body: '{}' });
    if (payload.fails) throw new Error('no token');
    return `token ${answer.status}`;
  };
  return cache.get('token', { ttl: 60_000, getValue });
};";

async fn executes(server: &Server, payload: Value, times: usize) -> Vec<(u16, Value)> {
    let body = json!({ "payload": payload });
    let calls = (0..times).map(|_| server.call("POST", "/v1/integrations/token/execute", Some(body.clone())));
    futures_util::future::join_all(calls).await
}

#[tokio::test]
async fn runs_that_miss_a_value_together_compute_it_once() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "[runs]\nconcurrency = 8\n").await;
    server.deploy("token", TOKEN, json!({})).await;
    let answers = executes(&server, json!({ "url": sink.url() }), 8).await;
    assert!(answers.iter().all(|(status, body)| *status == 200 && body["data"] == "token 200"), "{answers:?}");
    assert_eq!(sink.take().len(), 1);
}

#[tokio::test]
async fn when_the_one_that_computes_fails_the_next_tries() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "[runs]\nconcurrency = 4\n").await;
    server.deploy("token", TOKEN, json!({})).await;
    let answers = executes(&server, json!({ "url": sink.url(), "fails": true }), 4).await;
    let failed = |(status, body): &(u16, Value)| {
        *status == 422 && body["error"]["message"].as_str().is_some_and(|m| m.contains("no token"))
    };
    assert!(answers.iter().all(failed), "{answers:?}");
    assert_eq!(sink.take().len(), 4);
}

#[tokio::test]
async fn processes_that_share_a_queue_share_the_cache() {
    let sink = Sink::start().await;
    let redis = Redis::start(servers::Options::default()).await;
    let data = tempfile::tempdir().expect("a folder");
    let file = data.path().join("tidegate.toml");
    std::fs::write(&file, format!("[egress]\nallow = [\"{}\"]\n", sink.opening())).expect("a file");
    for restart in [false, true] {
        let (queue, file) = (redis.url(), file.to_str().expect("UTF-8"));
        let server = Server::start_on(data.path(), &["--queue", &queue, "--config", file]).await;
        if !restart {
            server.deploy("token", TOKEN, json!({})).await;
        }
        let answers = executes(&server, json!({ "url": sink.url() }), 1).await;
        assert_eq!(answers[0].1["data"], "token 200");
    }
    assert_eq!(sink.take().len(), 1, "the second process found it");
}
