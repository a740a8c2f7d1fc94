//! Keys that keep their order, modes of scheduling from a script, and what an error says about its retry.

use serde_json::{Value, json};

use crate::support::{Server, Sink, until};

const FLAKY: &str = r"
module.exports = async ({ payload, run }) => {
  await fetch(payload.url, { method: 'POST', body: JSON.stringify({ n: payload.n, attempt: run.attempt }) });
  if (run.attempt < payload.succeedAt) throw new Error('not yet');
};";

async fn schedule(server: &Server, name: &str, body: Value) -> Value {
    server.post(&format!("/v1/integrations/{name}/schedule"), body).await["data"].clone()
}

/// With `fifo` the jobs of one key start in the order of their calls, also when one of them has to be tried again.
#[tokio::test]
async fn the_jobs_of_a_key_keep_their_order_through_retries() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    let lanes = json!({ "limit": 1, "key": ["account"], "fifo": true });
    let retry = json!({ "attempts": 4, "min": 100, "max": 100, "jitter": 0 });
    server.deploy("flaky", FLAKY, json!({ "concurrency": lanes, "retry": retry })).await;
    for n in 0..4 {
        let payload = json!({ "url": sink.url(), "n": n, "succeedAt": if n % 2 == 0 { 3 } else { 1 } });
        schedule(&server, "flaky", json!({ "key": { "account": 1, "n": n }, "payload": payload })).await;
    }
    let seen: Vec<(i64, i64)> = sink
        .wait_for(8)
        .await
        .iter()
        .map(|request| (request.body["n"].as_i64().unwrap(), request.body["attempt"].as_i64().unwrap()))
        .collect();
    assert_eq!(seen, [(0, 1), (0, 2), (0, 3), (1, 1), (2, 1), (2, 2), (2, 3), (3, 1)]);
}

#[tokio::test]
async fn a_script_debounces_and_keeps_one_of_a_kind() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy("report", FLAKY, json!({})).await;
    let code = r"
module.exports = async ({ payload }) => {
  const answers = [];
  for (const n of [1, 2, 3]) {
    const options = { key: { k: 1 }, mode: 'debounce', delay: 300, maxWait: '1 minute' };
    answers.push(await integration('report').schedule({ url: payload.url, n, succeedAt: 1 }, options));
  }
  const one = await integration('report').schedule({}, { key: { k: 2 }, mode: 'singleton', delay: '1h' });
  const two = await integration('report').schedule({}, { key: { k: 2 }, mode: 'singleton' });
  return { pushed: answers.map((it) => it.pushed), ids: new Set(answers.map((it) => it.jobId)).size,
    kept: [one.kept, two.kept], same: one.jobId === two.jobId };
};";
    server.deploy("caller", code, json!({})).await;
    let answer = server.execute("caller", json!({ "payload": { "url": sink.url() } })).await;
    assert_eq!(answer, json!({ "pushed": [0, 1, 2], "ids": 1, "kept": [false, true], "same": true }));
    assert_eq!(sink.wait_for(1).await[0].body["n"], 3, "the last call wins");
}

/// `err.retryAfter` sets the pause, `err.retryable: false` ends the job at once, and `giveUpAfter` counts the window.
#[tokio::test]
async fn an_error_says_when_to_try_again_or_never() {
    let server = Server::start().await;
    let code = "module.exports = ({ payload }) => { throw Object.assign(new Error('no'), payload); };";
    let retry = json!({ "attempts": 5, "min": "1h", "max": "1h", "giveUpAfter": "30 days" });
    server.deploy("angry", code, json!({ "retry": retry })).await;
    let put = async |body: Value| schedule(&server, "angry", body).await["jobId"].as_str().expect("an id").to_owned();
    let view = async |job: &str, state: &str| {
        until(&format!("{job} to be {state}"), async || {
            let view = server.get(&format!("/v1/jobs/{job}")).await;
            (view["state"] == state && view["attempt"].as_u64() > Some(0)).then_some(view)
        })
        .await
    };
    let asked = put(json!({ "payload": { "retryAfter": 7_200_000 } })).await;
    let pending = view(&asked, "pending").await;
    let due =
        |view: &Value| schedules::Millis::parse_rfc3339(view["dueAt"].as_str().expect("a time")).expect("RFC 3339");
    let created = schedules::Millis::parse_rfc3339(pending["createdAt"].as_str().expect("a time")).expect("RFC 3339");
    assert!(due(&pending).since(created) >= 7_200_000, "{pending}");

    let never = put(json!({ "payload": { "retryable": false } })).await;
    assert_eq!(view(&never, "dead").await["attempt"], 1);

    let late = put(json!({ "payload": { "retryAfter": 31 * 86_400_000_i64 } })).await;
    assert_eq!(view(&late, "dead").await["attempt"], 1, "31 days are more than 30");

    // Open now, for a minute at least, and then not again for almost a day: the retry moves into the next opening.
    let now = schedules::Clock::now(&schedules::SystemClock);
    let hhmm = |at: schedules::Millis| at.to_rfc3339()[11..16].to_owned();
    let window = json!({ "time": format!("{}-{}", hhmm(now.after(-600_000)), hhmm(now.after(600_000))) });
    let windowed = put(json!({ "payload": {}, "window": window })).await;
    let pending = view(&windowed, "pending").await;
    assert!(due(&pending).since(now) > 20 * 3_600_000, "{pending}");
}
