//! From nothing to a result: save, release, execute, look; stop, start, and all is still there.

use serde_json::json;

use crate::support::{Server, Sink};

const GREETER: &str =
    "module.exports = async ({ payload }) => { console.log('hi', payload.name); return { hello: payload.name }; };";

#[tokio::test]
async fn an_integration_is_saved_released_and_executed() {
    let server = Server::start().await;
    server.deploy("greeter", GREETER, json!({})).await;
    assert_eq!(server.execute("greeter", json!({ "payload": { "name": "Ada" } })).await, json!({ "hello": "Ada" }));
    let runs = server.get("/v1/runs?integration=greeter").await;
    assert_eq!(runs["totalCount"], 1);
    let id = runs["items"][0]["id"].as_str().unwrap().to_owned();
    let run = server.get(&format!("/v1/runs/{id}")).await;
    let levels: Vec<&str> = run["logs"].as_array().unwrap().iter().filter_map(|line| line["level"].as_str()).collect();
    assert_eq!(levels, ["boot", "info", "end"]);
    assert_eq!(run["outcome"], "succeeded");
}

#[tokio::test]
async fn scripts_reach_what_the_operator_opened_and_nothing_else_nearby() {
    let (open, closed) = (Sink::start().await, Sink::start().await);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tidegate.toml");
    std::fs::write(&config, format!("[egress]\nallow = [\"{}\"]\n", open.opening())).unwrap();
    let server = Server::start_on(&folder.path().join("data"), &["--config", config.to_str().unwrap()]).await;
    let code =
        "module.exports = async ({ payload }) => (await fetch(payload.url, { method: 'POST', body: '1' })).status;";
    server.deploy("caller", code, json!({})).await;
    assert_eq!(server.execute("caller", json!({ "payload": { "url": open.url() } })).await, json!(200));
    assert_eq!(open.wait_for(1).await[0].body, json!(1));
    let path = "/v1/integrations/caller/execute";
    let (status, answer) = server.call("POST", path, Some(json!({ "payload": { "url": closed.url() } }))).await;
    assert!(status >= 400, "{answer}");
    assert!(closed.requests().is_empty());
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let mut server = Server::start().await;
    server.deploy("greeter", GREETER, json!({})).await;
    server.kill().await;
    server.restart().await;
    assert_eq!(server.execute("greeter", json!({ "payload": { "name": "B" } })).await, json!({ "hello": "B" }));
}

#[tokio::test]
async fn sigterm_ends_a_server_with_exit_code_0() {
    let mut server = Server::start().await;
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_server_on_the_same_data_says_so_and_ends() {
    let server = Server::start().await;
    let data = server.data().to_str().unwrap();
    let second = crate::support::tidegate(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("in use by another process"), "{second:?}");
}

#[tokio::test]
async fn a_server_says_once_where_it_listens() {
    let mut server = Server::start_with(&["--examples", "--echo", "127.0.0.1:0"]).await;
    let order = json!({ "payload": { "id": "A-1", "total": 5 }, "key": { "channel": "#orders" } });
    assert_eq!(server.execute("order-alert", order).await["posted"], true);
    assert_eq!(server.process().heard().iter().filter(|line| line.contains("listening on")).count(), 1);
}

#[test]
fn what_comes_later_is_said() {
    let ran = crate::support::tidegate(&["serve", "--catalog", "postgres://127.0.0.1/x"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("later version"), "{ran:?}");
}
