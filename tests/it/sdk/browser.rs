//! Web pages in a real browser: both examples of an experience as their author wrote them, and what a page may not.

use serde_json::{Value, json};

use super::{package, run};
use crate::support::{KEY, Server, Sink, until};

const SLACK: &str = "module.exports = async ({ payload, secrets, key }) => {
  const response = await fetch(secrets.HOOK, { method: 'POST', body: JSON.stringify({ text: payload, email: key && key.email }) })
  return response.status
}";

#[tokio::test]
async fn pages_execute_schedule_and_cancel_in_another_context() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    let (status, answer) =
        server.call("PUT", "/v1/secrets/HOOK", Some(json!({ "value": format!("{}/slack", sink.url()) }))).await;
    assert_eq!(status, 204, "{answer}");
    server.deploy("slack", SLACK, json!({ "timeoutMs": 120_000 })).await;
    server.deploy("slack-update", SLACK, json!({})).await;
    server.deploy("broken", "module.exports = () => { throw new Error('the basket is empty') }", json!({})).await;
    server.deploy("other", "module.exports = () => 1", json!({})).await;

    let env = [("TIDEGATE_ENDPOINT", server.url()), ("TIDEGATE_ADMIN", KEY)];
    let out = run("node", &["test/browser.mjs"], &package(), &env).await;
    let found: Value = serde_json::from_str(out.trim()).unwrap_or_else(|_| panic!("JSON: {out}"));

    let posted = sink.requests();
    let [request] = posted.as_slice() else { panic!("one message: {posted:?}") };
    // MD5 of the address, as the example's own package makes it.
    let expected = json!({ "text": "A user has just spent £120!", "email": "3e3417d7ef77d5932a6734b916515ed5" });
    assert_eq!(request.body, expected);
    let job = found["cancelled"].as_str().expect("an id");
    let cancelled = until("the cancelled job's record", async || {
        let runs = server.get(&format!("/v1/runs?jobId={job}")).await;
        runs["items"].get(0).cloned()
    });
    assert_eq!(cancelled.await["outcome"], "cancelled");
    assert_eq!(found["left"], true);
    assert_eq!(server.get("/v1/runs?integration=other").await["totalCount"], 0);
    let broken = server.get("/v1/runs?integration=broken").await;
    let id = broken["items"][0]["id"].as_str().expect("a run");
    let stack = server.get(&format!("/v1/runs/{id}")).await["error"]["stack"].clone();
    assert!(stack.as_str().is_some_and(|stack| stack.contains("integration.js")), "the author sees the stack: {stack}");
}
