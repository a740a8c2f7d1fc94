//! What a handler is given, and what its caller is answered.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Call, deploy, secret, send};
use crate::support::{Server, tidegate_in, until};

#[tokio::test]
async fn a_handler_sees_what_was_sent_and_chooses_the_answer() {
    let server = Server::start().await;
    let code = "module.exports = ({ payload, request }) => {
      switch (request.path) {
        case '/see': return { payload, request };
        case '/created': return { status: 201, headers: { Location: '/x/1', Link: ['<a>', '<b>'], 'Cache-Control': 'max-age=60' }, body: { id: 1 } };
        case '/text': return 'plain words';
        case '/page': return { status: 200, headers: { 'content-type': 'text/html' }, body: '<script>alert(1)</script>' };
        case '/bytes': return { status: 200, headers: { 'content-type': 'image/gif' }, body: 'R0lGODlh', encoding: 'base64' };
        case '/teapot': return { status: 418, body: 'short and stout' };
        case '/down': return { status: 503, headers: { 'retry-after': 5 } };
        case '/data': return { status: 'ready', n: 1 };
        case '/nothing': return;
      }
    };";
    deploy(&server, "all", code, json!({ "auth": "none" })).await;
    let see = Call::post("all/see?a=1&b=2&b=3", "{\"n\": 1}").json().header("X-Two", "a").header("x-two", "b");
    let seen = send(&server, &see).await.json();
    assert_eq!(seen["payload"], json!({ "n": 1 }));
    let request = &seen["request"];
    assert_eq!((&request["method"], &request["path"]), (&json!("POST"), &json!("/see")));
    assert_eq!(request["query"], json!({ "a": "1", "b": ["2", "3"] }));
    assert_eq!((&request["rawBody"], &request["rawBodyEncoding"]), (&json!("{\"n\": 1}"), &json!("utf8")));
    assert_eq!(
        (&request["headers"]["x-two"], &request["headers"]["content-type"]),
        (&json!("a, b"), &json!("application/json"))
    );
    let form =
        Call::post("all/see", "a=1&a=2&text=%2Fdeploy+now").header("content-type", "application/x-www-form-urlencoded");
    let seen = send(&server, &form).await.json();
    assert_eq!(seen["payload"], json!({ "a": ["1", "2"], "text": "/deploy now" }));
    let bytes = send(&server, &Call::post("all/see", [0xff, 0x00])).await.json();
    assert_eq!((&bytes["payload"], &bytes["request"]["rawBodyEncoding"]), (&json!("/wA="), &json!("base64")));
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let seen = send(&server, &Call::post("all/see", "").method(method.clone())).await.json();
        assert_eq!((&seen["request"]["method"], &seen["payload"]), (&json!(method.as_str()), &Value::Null));
    }
    let head = send(&server, &Call::post("all/text", "").method(Method::HEAD)).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "11", 0));

    let get = async |path: &str| send(&server, &Call::post(&format!("all/{path}"), "").method(Method::GET)).await;
    let created = get("created").await;
    assert_eq!((created.status, created.json(), created.header("location")), (201, json!({ "id": 1 }), "/x/1"));
    assert_eq!((created.headers.get_all("link").iter().count(), created.header("cache-control")), (2, "max-age=60"));
    let text = get("text").await;
    assert_eq!(
        (text.status, text.header("content-type"), text.text()),
        (200, "text/plain; charset=utf-8", "plain words".into())
    );
    let page = get("page").await;
    assert_eq!(page.header("content-type"), "text/html");
    assert!(
        page.header("content-security-policy").contains("default-src 'none'")
            && page.header("x-content-type-options") == "nosniff"
    );
    let image = get("bytes").await;
    assert_eq!((image.header("content-type"), &*image.body), ("image/gif", &b"GIF89a"[..]));
    assert_eq!((get("teapot").await.status, get("down").await.header("retry-after").to_owned()), (418, "5".into()));
    assert_eq!(get("data").await.json(), json!({ "status": "ready", "n": 1 }));
    let nothing = get("nothing").await;
    assert_eq!((nothing.status, nothing.body.len()), (204, 0));
}

#[tokio::test]
async fn a_result_and_a_job_are_answered_in_their_envelope() {
    let server = Server::start().await;
    let code = "module.exports = ({ run, request }) => { if (run.attempt < 2 && request.query.fail) throw new Error('once'); return { status: 500, attempt: run.attempt }; };";
    deploy(&server, "result", code, json!({ "auth": "none", "respond": "result" })).await;
    let answer = send(&server, &Call::post("result", "1")).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "ok": true, "data": { "status": 500, "attempt": 1 } })));
    let failed = send(&server, &Call::post("result?fail=1", "1")).await;
    assert_eq!(
        (failed.status, &failed.json()["error"]["outcome"]),
        (502, &json!("failed")),
        "one attempt: the sender repeats it"
    );

    let retry = json!({ "attempts": 3, "min": 1, "max": 1 });
    let http = json!({ "auth": "none", "respond": "accepted" });
    server.deploy_as("later", "http", code, json!({ "http": http, "retry": retry })).await;
    let answer = send(&server, &Call::post("later?fail=1", "1")).await;
    assert_eq!(answer.status, 202);
    let job = answer.json()["data"]["jobId"].as_str().expect("an id").to_owned();
    let result = until("the second attempt", async || {
        let runs = server.get(&format!("/v1/runs?jobId={job}&outcome=succeeded")).await;
        let items = runs["items"].as_array().expect("items");
        items.first().map(|run| run["result"].clone())
    })
    .await;
    assert_eq!(result["attempt"], 2, "the request is there for every attempt");

    let limited = json!({ "http": { "auth": "none" }, "rateLimits": [{ "limit": 1, "interval": "1h" }] });
    server.deploy_as("limited", "http", "module.exports = () => 1;", limited).await;
    assert_eq!(send(&server, &Call::post("limited", "1")).await.status, 200);
    let refused = send(&server, &Call::post("limited", "1")).await;
    assert_eq!((refused.status, &*refused.code()), (429, "rate_limited"));
    assert!(refused.header("retry-after").parse::<u64>().expect("seconds") > 3_000);
    assert!(!refused.text().contains("1h"), "the rule is not a stranger's affair: {}", refused.text());
}

#[tokio::test]
async fn a_major_release_has_an_address_of_its_own() {
    let server = Server::start().await;
    let http = json!({ "http": { "auth": "none" } });
    server.deploy_as("api", "http", "module.exports = ({ request }) => 'one' + request.path;", http.clone()).await;
    let body =
        json!({ "trigger": "http", "files": { "integration.js": "module.exports = () => 'two';" }, "settings": http });
    assert_eq!(server.call("PUT", "/v1/integrations/api", Some(body)).await.0, 200);
    server.post("/v1/integrations/api/releases", json!({ "bump": "major" })).await;
    let text = async |path: &str| send(&server, &Call::post(path, "")).await.text();
    assert_eq!(
        (text("api").await, text("api@1/x/y").await, text("api@2").await),
        ("two".into(), "one/x/y".into(), "two".into())
    );
    assert_eq!(send(&server, &Call::post("api@3", "")).await.code(), "hook_not_found");
}

/// The examples of docs/HOOKS.md.
#[tokio::test]
async fn slacks_challenge_and_githubs_ping_are_answered() {
    let server = Server::start().await;
    secret(&server, "SLACK_SECRET", "8f742231b10e8888abcd99yyyzzz85a5").await;
    secret(&server, "GITHUB_SECRET", "It's a Secret to Everybody").await;
    let slack = json!({ "preset": "slack", "secret": "SLACK_SECRET" });
    let code = "module.exports = async ({ payload }) => {
      if (payload.type === 'url_verification') return payload.challenge;
      return { status: 200 };
    };";
    deploy(&server, "slack-events", code, json!({ "auth": slack })).await;
    let challenge = Call::post("slack-events", r#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#).json();
    let answer = send(&server, &challenge.signed(&slack, "8f742231b10e8888abcd99yyyzzz85a5")).await;
    assert_eq!((answer.status, answer.text()), (200, "3eZbrw1aB".into()));
    let github = json!({ "preset": "github", "secret": "GITHUB_SECRET" });
    let code = "module.exports = async ({ payload, request }) => {
      if (request.headers['x-github-event'] === 'ping') return { status: 200, body: payload.zen };
      return { status: 202 };
    };";
    deploy(&server, "pushes", code, json!({ "auth": github })).await;
    let ping = Call::post("pushes", r#"{"zen":"Design for failure."}"#).json().header("X-GitHub-Event", "ping");
    let answer = send(&server, &ping.signed(&github, "It's a Secret to Everybody")).await;
    assert_eq!((answer.status, answer.text()), (200, "Design for failure.".into()));
}

#[tokio::test]
async fn a_new_hook_is_shut_until_its_token_is_set_and_runs_at_once() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let env = [("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", crate::support::KEY)];
    let run = |args: &[&str]| tidegate_in(folder.path(), args, &env);
    run(&["new", "hello", "--trigger", "http"]).ok();
    let ran = run(&["run", "hello"]).ok();
    assert!(ran.out.contains("Hello, Ada!"), "{ran:?}");
    let deployed = run(&["deploy", "hello"]).ok();
    assert!(deployed.err.contains("the secret HOOK_TOKEN, which is not set"), "{deployed:?}");
    let call = Call::post("hello", "{\"name\":\"Grace\"}").json().header("authorization", "Bearer a-long-token");
    assert_eq!(send(&server, &call).await.status, 401);
    let path = "/v1/integrations/hello/secrets/HOOK_TOKEN";
    assert_eq!(server.call("PUT", path, Some(json!({ "value": "a-long-token" }))).await.0, 204);
    let answer = send(&server, &call).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "greeting": "Hello, Grace!" })));
    // Without a choice nothing is saved.
    std::fs::write(folder.path().join("hello/integration.toml"), "trigger = \"http\"\n").expect("written");
    let refused = run(&["deploy", "hello"]);
    assert!(refused.code != 0 && refused.err.contains("settings.http.auth: say who may call"), "{refused:?}");
}

#[tokio::test]
async fn a_preview_has_a_request_as_well() {
    let server = Server::start().await;
    let code =
        "module.exports = ({ payload, request }) => JSON.stringify(payload) === request.rawBody && request.method;";
    deploy(&server, "seen", code, json!({ "auth": "none" })).await;
    let run = server.post("/v1/integrations/seen/preview", json!({ "payload": { "a": 1 } })).await;
    assert_eq!(run["result"], "POST", "{run}");
}

#[tokio::test]
async fn who_waits_too_long_is_told_so_and_the_run_goes_on() {
    let server = Server::start_env(&[("TIDEGATE_RUNS__SYNC_WAIT", "50ms")]).await;
    secret(&server, "S", "github-secret").await;
    let auth = json!({ "preset": "github", "secret": "S" });
    let code = "module.exports = async () => { await new Promise((done) => setTimeout(done, 500)); return 1; };";
    deploy(&server, "slow", code, json!({ "auth": auth })).await;
    let call = Call::post("slow", "{}").json().signed(&auth, "github-secret");
    let answer = send(&server, &call).await;
    assert_eq!((answer.status, &*answer.code()), (504, "execution_pending"));
    let job = answer.json()["error"]["jobId"].as_str().expect("an id").to_owned();
    assert_eq!(send(&server, &call).await.code(), "replayed_request", "it runs already");
    until("its end", async || {
        let runs = server.get(&format!("/v1/runs?jobId={job}")).await;
        (runs["items"][0]["outcome"] == "succeeded").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_dead_job_of_a_hook_is_replayed_with_its_request() {
    let server = Server::start().await;
    let code = "module.exports = async ({ request, cache }) => {
      if (await cache.get('mended')) return [request.path, request.rawBody];
      await cache.set('mended', true);
      throw new Error('broken');
    };";
    let retry = json!({ "attempts": 1, "min": 1, "max": 1 });
    let http = json!({ "auth": "none", "respond": "accepted" });
    let settings = json!({ "http": http, "retry": retry });
    server.deploy_as("later", "http", code, settings).await;
    let answer = send(&server, &Call::post("later/some/where", "raw words")).await;
    let job = answer.json()["data"]["jobId"].as_str().expect("an id").to_owned();
    until("its death", async || (server.get(&format!("/v1/jobs/{job}")).await["state"] == "dead").then_some(())).await;
    server.post(&format!("/v1/jobs/{job}/replay"), json!({})).await;
    let result = until("the replay", async || {
        let runs = server.get(&format!("/v1/runs?jobId={job}&outcome=succeeded")).await;
        runs["items"].as_array().expect("items").first().map(|run| run["result"].clone())
    })
    .await;
    assert_eq!(result, json!(["/some/where", "raw words"]));
}
