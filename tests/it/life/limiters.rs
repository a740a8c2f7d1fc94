//! Rate limits as an operator sees and turns them: inspection, single keys, weights, limiters that are shared, and
//! back-pressure of another server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{KEY, Server, tidegate_in, until};

const IDLE: &str = "module.exports = ({ payload }) => payload;";

async fn schedule(server: &Server, name: &str, body: Value) -> String {
    let answer = server.post(&format!("/v1/integrations/{name}/schedule"), body).await;
    answer["data"]["jobId"].as_str().expect("a job").to_owned()
}

async fn ended(server: &Server, name: &str, n: usize) -> Vec<Value> {
    let path = format!("/v1/runs?integration={name}&first=100");
    until(&format!("{n} runs of {name}"), async || {
        let items = server.get(&path).await["items"].as_array().expect("items").clone();
        (items.len() >= n).then_some(items)
    })
    .await
}

fn ms(time: &Value) -> i64 {
    schedules::Millis::parse_rfc3339(time.as_str().unwrap_or_else(|| panic!("{time} is no time"))).expect("RFC 3339").0
}

#[tokio::test]
async fn a_rule_shows_its_keys_and_single_keys_are_turned_off_and_on() {
    let server = Server::start().await;
    let rule = json!({ "limit": 2, "interval": "1h", "key": ["email"], "onExceed": "delay" });
    server.deploy("mail", IDLE, json!({ "rateLimits": [rule] })).await;
    for n in 0..5 {
        schedule(&server, "mail", json!({ "key": { "email": "a", "n": n } })).await;
    }
    schedule(&server, "mail", json!({ "key": { "email": "b" } })).await;
    ended(&server, "mail", 3).await;
    let base = "/v1/integrations/mail/limits";
    let rules = until("three in line", async || {
        let rules = server.get(base).await;
        (rules["items"][0]["waiting"] == 3).then_some(rules)
    })
    .await;
    let first = &rules["items"][0];
    assert_eq!(
        (&first["text"], &first["buckets"], &first["capacity"]),
        (&json!("2 per 1h by email"), &json!(2), &json!(2))
    );

    let top = server.get(&format!("{base}/0/keys?by=waiting&first=1")).await;
    let busiest = &top["items"][0];
    assert_eq!(
        (&busiest["key"], &busiest["level"], &busiest["waiting"]),
        (&json!({"email": "a"}), &json!(2), &json!(3))
    );
    assert_eq!((&top["totalCount"], &top["prev"]), (&json!(2), &Value::Null));
    let next = top["next"].as_str().expect("there is another").replace('"', "%22");
    let rest = server.get(&format!("{base}/0/keys?by=waiting&after={next}")).await;
    assert_eq!((&rest["items"][0]["key"], &rest["next"]), (&json!({"email": "b"}), &Value::Null));

    let b = json!({ "key": { "email": "b" } });
    let paused = server.post(&format!("{base}/0/keys/pause"), b.clone()).await;
    assert_eq!((&paused["paused"], &paused["nextSlotAt"]), (&json!(true), &Value::Null));
    let held = schedule(&server, "mail", json!({ "key": { "email": "b", "n": 9 } })).await;
    let explained = until("it waits", async || {
        let explained = server.get(&format!("/v1/jobs/{held}/explain")).await;
        let waits = server.get(&format!("/v1/jobs/{held}")).await["delayedByLimit"] == true;
        waits.then_some(explained)
    })
    .await;
    assert_eq!(
        (&explained["heldBy"], &explained["earliestStart"]),
        (&json!("limit_pause"), &Value::Null),
        "{explained}"
    );
    server.post(&format!("{base}/0/keys/resume"), b).await;
    ended(&server, "mail", 4).await;

    // Nothing starts in between that would fill the bucket again.
    server.post("/v1/integrations/mail/pause", json!({})).await;
    let reset = server.post(&format!("{base}/0/keys/reset"), json!({ "key": { "email": "a" } })).await;
    assert_eq!(reset["level"], 0);
    server.post("/v1/integrations/mail/resume", json!({})).await;
    ended(&server, "mail", 6).await;
    let key = "%7B%22email%22%3A%22a%22%7D";
    let one = server.get(&format!("{base}/0/key?key={key}")).await;
    assert_eq!((&one["level"], &one["waiting"]), (&json!(2), &json!(1)), "{one}");

    let (status, problem) = server.call("POST", &format!("{base}/0/keys/pause"), Some(json!({}))).await;
    assert_eq!((status, &problem["code"]), (400, &json!("missing_key_field")), "{problem}");
    let (status, problem) = server.call("GET", &format!("{base}/7/keys"), None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("rule_not_found")), "{problem}");
}

#[tokio::test]
async fn what_a_rule_refused_today_is_counted() {
    let server = Server::start().await;
    server.deploy("mail", IDLE, json!({ "rateLimits": [{ "limit": 1, "interval": "1h" }] })).await;
    for _ in 0..4 {
        schedule(&server, "mail", json!({})).await;
    }
    ended(&server, "mail", 4).await;
    let rules = server.get("/v1/integrations/mail/limits").await;
    assert_eq!(rules["items"][0]["refusedToday"], 3, "{rules}");
    let metrics = server.get("/metrics").await;
    let metrics = metrics.as_str().expect("text");
    assert!(metrics.contains("tidegate_rate_limits_refused_total{integration=\"mail\",rule=\"0\"} 3"), "{metrics}");
}

#[tokio::test]
async fn weights_are_charged_and_too_heavy_ones_are_told_the_rule() {
    let server = Server::start().await;
    let rule = json!({ "limit": 10, "interval": "1h", "onExceed": "delay" });
    server.deploy("mail", IDLE, json!({ "rateLimits": [rule] })).await;
    let (status, problem) = server.call("POST", "/v1/integrations/mail/schedule", Some(json!({ "weight": 11 }))).await;
    assert_eq!(status, 400);
    assert_eq!((&problem["error"]["code"], &problem["error"]["field"]), (&json!("weight_too_large"), &json!("weight")));
    assert!(problem["error"]["message"].as_str().is_some_and(|said| said.contains("10 per 1h")), "{problem}");
    server.execute("mail", json!({ "weight": 7 })).await;
    let key = server.get("/v1/integrations/mail/limits/0/key").await;
    assert_eq!((&key["level"], &key["capacity"]), (&json!(7), &json!(10)));
    let caller = "module.exports = () => integration('mail').schedule(null, { weight: 2 });";
    server.deploy("caller", caller, json!({})).await;
    server.execute("caller", json!({})).await;
    ended(&server, "mail", 2).await;
    assert_eq!(server.get("/v1/integrations/mail/limits/0/key").await["level"], 9);
}

#[tokio::test]
async fn integrations_share_a_limiter_and_edits_keep_its_level() {
    let server = Server::start().await;
    let settings = json!({ "rateLimits": [{ "limiter": "crm", "onExceed": "delay" }] });
    let body = json!({ "trigger": "experience", "files": { "integration.js": IDLE }, "settings": settings });
    let (status, problem) = server.call("PUT", "/v1/integrations/one", Some(body)).await;
    assert_eq!((status, &problem["code"]), (400, &json!("limiter_not_found")), "{problem}");
    let numbers = json!({ "limit": 3, "interval": "1h" });
    let (status, limiter) = server.call("PUT", "/v1/limiters/crm", Some(numbers)).await;
    assert_eq!((status, &limiter["limit"]), (201, &json!(3)), "{limiter}");
    server.deploy("one", IDLE, settings.clone()).await;
    server.deploy("two", IDLE, settings).await;
    for name in ["one", "two"] {
        for _ in 0..2 {
            schedule(&server, name, json!({})).await;
        }
    }
    let all = async || {
        let runs = async |name: &str| server.get(&format!("/v1/runs?integration={name}")).await["totalCount"].clone();
        runs("one").await.as_u64().expect("a count") + runs("two").await.as_u64().expect("a count")
    };
    let waiting = async |name: &str| server.get(&format!("/v1/integrations/{name}/limits")).await["items"][0].clone();
    until("one in line", async || (waiting("one").await["waiting"] == 1).then_some(())).await;
    until("three in all, whoever they are of", async || (all().await == 3).then_some(())).await;
    assert_eq!(waiting("two").await["limiter"], "crm");
    let (status, _) =
        server.call("PUT", "/v1/limiters/crm", Some(json!({ "limit": 3, "interval": "1h", "burst": 4 }))).await;
    assert_eq!(status, 200);
    until("the fourth", async || (all().await == 4).then_some(())).await;
    assert_eq!(server.get("/v1/integrations/two/limits/0/key").await["level"], 4, "what was charged stays");

    let (status, problem) = server.call("DELETE", "/v1/limiters/crm", None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("limiter_in_use")), "{problem}");
    for name in ["one", "two"] {
        server.deploy(name, IDLE, json!({})).await;
    }
    assert_eq!(server.call("DELETE", "/v1/limiters/crm", None).await.0, 204);
    assert_eq!(server.get("/v1/limiters").await["items"], json!([]));
}

/// A server that answers 429 with `Retry-After` once, then 200; and how often it was asked.
async fn busy_once(after_s: u32) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let answer = move || {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            let status = if first { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
            (status, [("retry-after", after_s.to_string())], "{}")
        }
    };
    let router = Router::new().route("/", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), asked)
}

#[tokio::test]
async fn a_server_that_asks_for_a_pause_holds_the_limit_shut() {
    let (url, asked) = busy_once(3).await;
    let opening = format!("127.0.0.1/32:{}", url.rsplit(':').next().expect("a port"));
    let server = Server::start_env(&[("TIDEGATE_EGRESS_ALLOW", &opening)]).await;
    let code = format!("module.exports = async () => (await fetch('{url}')).status;");
    let rule = json!({ "limit": 100, "interval": "1s", "onExceed": "delay", "backPressure": true });
    server.deploy("crm", &code, json!({ "rateLimits": [rule] })).await;
    schedule(&server, "crm", json!({})).await;
    let first = ended(&server, "crm", 1).await.remove(0);
    let key = server.get("/v1/integrations/crm/limits/0/key").await;
    assert!(key["heldUntil"].is_string(), "{key} after {first}");
    let held = ms(&key["heldUntil"]);
    let ended_at = ms(&first["finishedAt"]);
    assert!((ended_at..=ended_at + 3_000).contains(&held), "{key} {first}");
    let job = schedule(&server, "crm", json!({})).await;
    let explained = server.get(&format!("/v1/jobs/{job}/explain")).await;
    assert_eq!(&explained["heldBy"], &json!("limit"), "{explained}");
    assert_eq!(ms(&explained["earliestStart"]), held, "{explained}");
    let runs = ended(&server, "crm", 2).await;
    let second = runs.iter().max_by_key(|run| ms(&run["startedAt"])).expect("two");
    assert!(ms(&second["startedAt"]) >= held, "{second} before {held}");
    assert_eq!((asked.load(Ordering::SeqCst), &second["result"]), (2, &json!(200)));
    let metrics = server.get("/metrics").await;
    assert!(
        metrics.as_str().is_some_and(|text| text.contains("tidegate_rate_limits_held_total{integration=\"crm\"} 1"))
    );
}

#[tokio::test]
async fn the_command_line_shows_and_turns_limits_and_explains() {
    let server = Server::start().await;
    let rule = json!({ "limit": 1, "interval": "1h", "key": ["email"], "onExceed": "delay" });
    server.deploy("mail", IDLE, json!({ "rateLimits": [rule] })).await;
    schedule(&server, "mail", json!({ "key": { "email": "a", "n": 1 } })).await;
    ended(&server, "mail", 1).await;
    let job = schedule(&server, "mail", json!({ "key": { "email": "a", "n": 2 } })).await;
    until("it waits", async || (server.get(&format!("/v1/jobs/{job}")).await["delayedByLimit"] == true).then_some(()))
        .await;
    let url = server.url().to_owned();
    let run = async |args: &[&str]| {
        let env = [("TIDEGATE_SERVER", url.as_str()), ("TIDEGATE_KEY", KEY)];
        let folder = std::env::temp_dir();
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let env = env.map(|(name, value)| (name, value.to_owned()));
        let ran = tokio::task::spawn_blocking(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
            tidegate_in(&folder, &args, &env)
        });
        ran.await.expect("it ends").ok().out
    };
    let shown = run(&["limits", "show", "mail"]).await;
    assert!(shown.contains("1 per 1h by email"), "{shown}");
    let top = run(&["limits", "top", "mail", "0", "--by", "waiting"]).await;
    assert!(top.contains(r#"{"email":"a"}"#) && top.contains("1/1"), "{top}");
    let explained = run(&["explain", &job]).await;
    assert!(explained.lines().any(|line| line.starts_with(">  limit")), "{explained}");
    let by_key = r#"{"email":"a","n":2}"#;
    let answer = run(&["explain", "--integration", "mail", "--key", by_key, "--json"]).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!((&answer["jobId"], &answer["heldBy"]), (&json!(job), &json!("limit")));
    let key = r#"{"email":"a"}"#;
    assert!(run(&["limits", "pause", "mail", "0", "--key", key]).await.contains("paused"));
    assert!(run(&["limits", "resume", "mail", "0", "--key", key]).await.contains("open"));
    run(&["limits", "reset", "mail", "0", "--key", key]).await;
    ended(&server, "mail", 2).await;
    let gone = run(&["explain", "--integration", "mail", "--key", by_key]).await;
    assert!(gone.contains("succeeded"), "{gone}");
}
