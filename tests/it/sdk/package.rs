//! The package's own tests, in Node.

use serde_json::{Value, json};

use super::{package, run};
use crate::support::{KEY, Server, Sink};

#[tokio::test]
async fn the_client_passes_its_tests() {
    let out = run("npm", &["test", "--silent"], &package(), &[]).await;
    let passed = out.lines().find_map(|line| line.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix("pass "));
    let passed: u32 = passed.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no count in {out}"));
    assert!(passed >= 50, "{passed} tests");
}

#[tokio::test]
async fn a_lost_answer_runs_nothing_twice() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    let code = format!(
        "module.exports = async ({{ payload }}) => (await fetch('{}', {{ method: 'POST', body: JSON.stringify(payload) }})).status",
        sink.url()
    );
    server.deploy("order-alert", &code, json!({})).await;
    let env = [("TIDEGATE_ENDPOINT", server.url()), ("TIDEGATE_TOKEN", KEY)];
    let out = run("node", &["test/lost.mjs"], &package(), &env).await;
    let found: Value = serde_json::from_str(out.trim()).unwrap_or_else(|_| panic!("JSON: {out}"));
    assert_eq!((&found["result"], &found["asked"]), (&json!(200), &json!([2, 2])));
    assert_eq!(sink.requests().len(), 1, "the handler ran once");
    let jobs = server.get("/v1/jobs?integration=order-alert").await;
    assert_eq!((&jobs["totalCount"], &jobs["items"][0]["id"]), (&json!(1), &found["jobId"]), "{jobs}");
}
