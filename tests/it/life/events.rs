//! Events from the outside to the run: every way in, filters, cancellation, replays, and the death of the server.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::support::{KEY, Ran, Request, Server, Sink, tidegate_in, until};

fn run(server: &Server, args: &[&str]) -> Ran {
    let env = [("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)];
    tidegate_in(&std::env::temp_dir(), args, &env)
}

/// Sends a body with headers of its own.
async fn publish(server: &Server, headers: &[(&str, &str)], body: String) -> Value {
    let request = server.client().post(format!("{}/v1/events?verbose=true", server.url())).bearer_auth(KEY);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.body(body).send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    assert_eq!(status, 202, "{text}");
    serde_json::from_str::<Value>(&text).expect("JSON")["data"].clone()
}

async fn ended(server: &Server, integration: &str, n: u64) -> Vec<Value> {
    until("the runs to end", async || {
        let runs = server.get(&format!("/v1/runs?integration={integration}&first=100")).await;
        (runs["totalCount"].as_u64() == Some(n)).then(|| runs["items"].as_array().expect("items").clone())
    })
    .await
}

fn customer(n: usize, tier: &str) -> Value {
    json!({ "email": format!("c{n}@example.com"), "firstName": "Ada", "loyalty": { "tier": tier, "points": 10 } })
}

/// The example of the docs: each way in starts it, and its filter keeps the others out.
#[tokio::test]
async fn the_vip_example_is_started_by_every_way_in() {
    let server = Server::start_with(&["--examples", "--echo", "127.0.0.1:0"]).await;
    let cloud = |n: usize, id: &str, tier: &str| {
        json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "ecUser", "time": "2026-03-01T09:00:00Z",
               "datacontenttype": "application/json", "data": {"user": customer(n, tier)}})
    };
    let plain = json!([
        {"meta": {"type": "ecUser", "id": "p1"}, "user": customer(1, "gold")},
        {"meta": {"type": "ecUser", "id": "p2"}, "user": customer(2, "bronze")},
        {"meta": {"type": "ecUser", "id": "p3"}},
        {"meta": {"type": "ecView", "id": "p4"}},
    ]);
    let answer = publish(&server, &[("content-type", "application/json")], plain.to_string()).await;
    let reason = |n: usize| answer["events"][n]["notMatched"][0]["reason"].as_str().map(str::to_owned);
    assert_eq!(answer["events"][0]["matched"][0]["integration"], "vip-alert", "{answer}");
    assert_eq!([reason(1), reason(2), reason(3)], ["filter_false", "filter_false", "type"].map(|it| Some(it.into())));

    let one = [("content-type", "application/cloudevents+json; charset=utf-8")];
    publish(&server, &one, cloud(3, "s1", "gold").to_string()).await;
    let many = [("content-type", "application/cloudevents-batch+json")];
    let batch = json!([cloud(4, "b1", "platinum"), cloud(5, "b2", "bronze"), {"specversion": "1.0"}]);
    let answer = publish(&server, &many, batch.to_string()).await;
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(2), &json!(1)), "{answer}");
    let binary = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "x1"),
        ("ce-source", "/shop"),
        ("ce-type", "ecUser"),
    ];
    publish(&server, &binary, json!({"user": customer(6, "gold")}).to_string()).await;

    let runs = ended(&server, "vip-alert", 4).await;
    for run in &runs {
        assert_eq!((&run["outcome"], &run["cause"]), (&json!("succeeded"), &json!("event")), "{run}");
    }
    let logged = server.get("/v1/events/x1").await;
    assert_eq!((&logged["via"], &logged["type"]), (&json!("cloudevents"), &json!("ecUser")), "{logged}");
    assert_eq!(logged["body"]["user"]["email"], "c6@example.com");
    assert_eq!(logged["matched"][0]["integration"], "vip-alert");
    let unmatched = server.get("/v1/events?type=ecUser&matched=false").await;
    assert_eq!(unmatched["totalCount"], 3, "{unmatched}");
}

#[tokio::test]
async fn a_purchase_cancels_the_reminder_of_the_basket() {
    let server = Server::start().await;
    let settings = json!({"cancelOn": [{"types": ["ecPurchase"], "key": {"email": "event.user.email"}}]});
    server.deploy("reminder", "module.exports = () => 1;", settings).await;
    for email in ["a@example.com", "b@example.com"] {
        let body = json!({"key": {"email": email}, "delay": "1h", "payload": {"basket": 1}});
        server.post("/v1/integrations/reminder/schedule", body).await;
    }
    let bought = json!({"meta": {"type": "ecPurchase", "id": "buy-1"}, "user": {"email": "a@example.com"}});
    let answer = server.post("/v1/events", bought).await;
    let cancelled = &answer["data"]["events"][0]["cancelled"][0];
    assert_eq!((&cancelled["integration"], &cancelled["jobs"]), (&json!("reminder"), &json!(1)), "{answer}");
    let left = server.get("/v1/jobs?integration=reminder&state=pending").await;
    assert_eq!(
        (&left["totalCount"], &left["items"][0]["key"]["email"]),
        (&json!(1), &json!("b@example.com")),
        "{left}"
    );
}

const REPORTER: &str = r"
module.exports = async ({ payload, event, run }) => {
  const body = { n: payload.n, id: event.meta.id, replayed: event.meta.replayed ?? false, attempt: run.attempt };
  await fetch(payload.url, { method: 'POST', body: JSON.stringify(body) });
};";

fn order(sink: &Sink, n: usize) -> Value {
    json!({"meta": {"type": "shop.order", "id": format!("order-{n}")}, "n": n, "url": sink.url()})
}

#[tokio::test]
async fn an_event_sent_twice_runs_once_and_a_wrong_one_harms_no_other() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server.deploy_as("reporter", "event", REPORTER, json!({"events": {"types": ["shop.*"]}})).await;
    let batch = json!([order(&sink, 0), 5, {"meta": {"type": "a b"}}, order(&sink, 0), order(&sink, 1)]);
    let answer = server.post("/v1/events", batch.clone()).await["data"].clone();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(3), &json!(2)), "{answer}");
    let events = answer["events"].as_array().expect("events");
    assert_eq!((&events[1]["ok"], &events[1]["error"]["code"]), (&json!(false), &json!("invalid_type")));
    assert_eq!(events[2]["error"]["field"], "meta.type");
    assert_eq!((&events[3]["duplicate"], &events[3]["matched"]), (&json!(true), &events[0]["matched"]));
    let again = server.post("/v1/events", batch).await["data"].clone();
    assert_eq!(again["events"][0]["duplicate"], true, "{again}");
    assert_eq!(again["events"][0]["matched"], events[0]["matched"]);
    ended(&server, "reporter", 2).await;
    assert_eq!(sink.requests().len(), 2);
    let metrics =
        server.client().get(format!("{}/metrics", server.url())).bearer_auth(KEY).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    for line in [
        r#"tidegate_events_total{outcome="matched",via="http"} 2"#,
        r#"tidegate_events_total{outcome="duplicate",via="http"} 4"#,
        r#"tidegate_events_total{outcome="rejected",via="http"} 4"#,
        "tidegate_event_log_events 2",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said() {
    let server = Server::start().await;
    let (status, answer) = server.call("POST", "/v1/events", Some(json!([]))).await;
    assert_eq!((status, &answer["error"]["field"]), (400, &json!("body")), "{answer}");
    let many: Vec<Value> = (0..501).map(|n| json!({"meta": {"type": "a"}, "n": n})).collect();
    let (status, answer) = server.call("POST", "/v1/events", Some(json!(many))).await;
    assert_eq!((status, answer["ok"].as_bool()), (400, Some(false)), "{answer}");
    let large = json!({"meta": {"type": "a"}, "x": "x".repeat(1 << 20)});
    let (status, _) = server.call("POST", "/v1/events", Some(large)).await;
    assert_eq!(status, 413);
    let settings = json!({"events": {"types": ["a"], "filter": "event.user.tier = 'gold'"}});
    let body =
        json!({"trigger": "event", "files": {"integration.js": "module.exports = () => 1;"}, "settings": settings});
    let (status, answer) = server.call("PUT", "/v1/integrations/bad", Some(body)).await;
    assert_eq!(
        (status, &answer["field"], &answer["code"]),
        (400, &json!("settings.events.filter"), &json!("invalid_expression"))
    );
    assert!(
        answer["detail"].as_str().is_some_and(|detail| detail.contains("\n  event.user.tier = 'gold'\n")),
        "{answer}"
    );
    let browser = json!({"name": "b", "scopes": ["invoke"], "origins": ["https://shop.example"]});
    let key = server.post("/v1/api-keys", browser).await["key"].as_str().expect("a key").to_owned();
    let (status, answer) = server.call_with(&key, "POST", "/v1/events", Some(json!({"meta": {"type": "a"}}))).await;
    assert_eq!(status, 403, "{answer}");
}

#[tokio::test]
async fn events_are_replayed_in_order_marked_and_no_faster_than_asked() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    let events: Vec<Value> = (0..20).map(|n| order(&sink, n)).collect();
    server.post("/v1/events", json!(events)).await;
    let settings = json!({"events": {"types": ["shop.*"], "filter": "event.n % 2 == 0"}, "concurrency": 1});
    server.deploy_as("reporter", "event", REPORTER, settings).await;
    let base = ["events", "replay", "--integration", "reporter", "--from", "1 hour ago"];
    let tried = run(&server, &[&base[..], &["--dry-run"]].concat()).ok();
    assert!(tried.err.contains("10 of 20 events would be replayed"), "{tried:?}");
    let done = run(&server, &[&base[..], &["--rate", "50/s"]].concat()).ok();
    assert!(done.err.contains("finished: 20 events, 10 replayed, 10 left out"), "{done:?}");
    let seen = sink.wait_for(10).await;
    let numbers: Vec<i64> = seen.iter().map(|it| it.body["n"].as_i64().expect("a number")).collect();
    assert_eq!(numbers, (0..10).map(|n| 2 * n).collect::<Vec<i64>>());
    assert!(seen.iter().all(|it| it.body["replayed"] == true));
    let runs = ended(&server, "reporter", 10).await;
    assert!(runs.iter().all(|run| run["cause"] == "replay"), "{runs:?}");
    let due = |run: &Value| run["dueAt"].as_str().expect("a time").to_owned();
    let mut dues: Vec<String> = runs.iter().map(due).collect();
    dues.sort();
    dues.dedup();
    assert_eq!(dues.len(), 10, "each is due 20 ms after the one before");
    let listed = run(&server, &["events", "replays"]).ok();
    assert!(listed.out.contains("reporter") && listed.out.contains("finished"), "{listed:?}");
}

#[tokio::test]
async fn the_command_line_sends_watches_and_looks() {
    let sink = Sink::start().await;
    let server = Server::start_opened(&sink, "").await;
    server
        .deploy_as("reporter", "event", REPORTER, json!({"events": {"types": ["shop.*"], "filter": "event.n > 0"}}))
        .await;
    let mut coming = server.stream("/v1/events/stream?type=shop.*").await;
    let data = order(&sink, 1).to_string();
    let sent =
        run(&server, &["events", "send", "--type", "shop.order", "--data", &data, "--id", "one", "--verbose"]).ok();
    assert!(sent.out.contains("accepted  one") && sent.out.contains("reporter  job "), "{sent:?}");
    let told = coming.next().await;
    assert_eq!(
        (told.name.as_str(), &told.data["id"], &told.data["matched"][0]["integration"]),
        ("event", &json!("one"), &json!("reporter"))
    );
    let none = run(
        &server,
        &["events", "send", "--type", "shop.order", "--data", r#"{"n": 0}"#, "--verbose", "--cloudevents"],
    )
    .ok();
    assert!(none.out.contains("reporter  filter_false"), "{none:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.ndjson");
    let lines: Vec<String> = (2..700).map(|n| order(&sink, n).to_string()).chain(["{}".to_owned()]).collect();
    std::fs::write(&file, lines.join("\n")).expect("written");
    let many = run(&server, &["events", "send", file.to_str().expect("a path")]);
    assert_eq!(many.code, 1, "{many:?}");
    assert!(many.err.contains("699 events made 698 jobs, 1 refused"), "{many:?}");
    let listed = run(&server, &["events", "list", "--unmatched"]).ok();
    assert_eq!(listed.out.lines().count(), 1, "{listed:?}");
    let shown = run(&server, &["events", "show", "one"]).ok();
    assert!(shown.out.contains("\"matched\"") && shown.out.contains("\"body\""), "{shown:?}");
    assert_eq!(run(&server, &["events", "show", "nothing"]).code, 3);
    sink.wait_for_distinct(699).await;
}

const EVENTS: usize = 2_000;
const CALL: usize = 40;
const CONCURRENCY: usize = 8;

/// The server dies while events come in. Whoever had no answer sends again; what was acknowledged is sent again as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_no_event_and_doubles_none() {
    let sink = Sink::start().await;
    let config = format!("[runs]\nconcurrency = {CONCURRENCY}\n[server]\nlog_level = \"error\"\n");
    let mut server = Server::start_opened(&sink, &config).await;
    let settings = json!({"events": {"types": ["shop.*"], "key": {"n": "event.n"}}, "retry": {"min": 1, "max": 1}});
    server.deploy_as("reporter", "event", REPORTER, settings).await;
    let calls: Vec<Value> = (0..EVENTS)
        .collect::<Vec<_>>()
        .chunks(CALL)
        .map(|numbers| numbers.iter().map(|n| order(&sink, *n)).collect())
        .collect();
    let client = server.client().clone();
    let url = format!("{}/v1/events", server.url());
    let sending = stream::iter(calls.clone()).for_each_concurrent(4, |call| {
        let request =
            client.post(&url).bearer_auth(KEY).header("content-type", "application/json").body(call.to_string());
        // Some of these calls meet the death of the server.
        async move { drop(request.send().await) }
    });
    let killing = async {
        sink.wait_for_count(EVENTS / 4).await;
        server.kill().await;
    };
    tokio::join!(sending, killing);
    server.restart().await;
    for call in calls {
        let answer = server.post("/v1/events", call).await;
        assert_eq!(answer["data"]["accepted"], CALL, "{answer}");
    }
    sink.wait_for_distinct(EVENTS).await;
    until("the queue to be empty", async || {
        (server.get("/v1/jobs?integration=reporter&first=1").await["totalCount"] == 0).then_some(())
    })
    .await;
    // A run that the kill cut off is made again as the second attempt of its job; a second job would have a first one.
    let mut firsts: HashMap<i64, usize> = HashMap::new();
    for Request { body, .. } in sink.requests() {
        *firsts.entry(body["n"].as_i64().expect("a number")).or_default() += usize::from(body["attempt"] == 1);
    }
    assert_eq!(firsts.len(), EVENTS);
    let doubled: Vec<_> = firsts.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    let jobs = succeeded(&server).await;
    assert_eq!(jobs.iter().collect::<HashSet<_>>().len(), EVENTS, "each event's job succeeded");
    // A run whose outcome was written down as the server died, before its job had left the queue, is made again.
    assert!(jobs.len() <= EVENTS + CONCURRENCY, "{} runs succeeded", jobs.len());
}

/// The jobs of all runs that succeeded.
async fn succeeded(server: &Server) -> Vec<String> {
    let (mut jobs, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/runs?integration=reporter&outcome=succeeded&first=100{after}")).await;
        let items = page["items"].as_array().expect("runs");
        jobs.extend(items.iter().map(|run| run["jobId"].as_str().expect("a job").to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return jobs,
        }
    }
}
