//! The first minutes of a newcomer: the examples are there, one of them fires by itself, and its log tells the story.

use serde_json::{Value, json};

use crate::support::Server;

async fn first_tick(server: &Server) -> Value {
    let mut stream = server.stream("/v1/runs/stream?integration=uptime-check").await;
    loop {
        let event = stream.next().await;
        if event.name == "finished" && event.data["cause"] == "schedule" {
            let id = event.data["id"].as_str().expect("an id").to_owned();
            return server.get(&format!("/v1/runs/{id}")).await;
        }
    }
}

#[tokio::test]
async fn the_first_tick_runs_within_a_minute_and_logs_its_story() {
    let server = Server::start_with(&["--examples", "--echo", "127.0.0.1:0"]).await;
    let run = first_tick(&server).await;
    assert_eq!(run["outcome"], "succeeded", "{run}");
    let lines: Vec<(&str, &str)> = run["logs"]
        .as_array()
        .expect("logs")
        .iter()
        .map(|line| (line["level"].as_str().expect("level"), line["message"].as_str().expect("message")))
        .collect();
    let has = |level: &str, part: &str| lines.iter().any(|(l, message)| *l == level && message.contains(part));
    assert!(has("boot", "Using release 1.0"), "{lines:?}");
    assert!(has("http", "GET http://127.0.0.1:"), "{lines:?}");
    assert!(has("http", "- 200 OK"), "{lines:?}");
    assert!(has("info", ""), "{lines:?}");
    let (level, last) = lines.last().expect("there are lines");
    assert!(*level == "end" && last.starts_with("Execution finished in ") && last.ends_with("ms"), "{last}");
}

#[tokio::test]
async fn every_example_runs_with_its_sample() {
    let server = Server::start_with(&["--examples", "--echo", "127.0.0.1:0"]).await;
    let listed = server.get("/v1/integrations?first=100").await;
    let names: Vec<&str> =
        listed["items"].as_array().expect("items").iter().filter_map(|i| i["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "exchange-rates",
            "order-alert",
            "random-user",
            "reminder-email",
            "token-refresh",
            "uptime-check",
            "vip-alert"
        ]
    );
    for name in names {
        let sample = server.get(&format!("/v1/integrations/{name}")).await["sample"].clone();
        let body = json!({ "payload": sample });
        let (status, answer) = server.call("POST", &format!("/v1/integrations/{name}/execute"), Some(body)).await;
        assert_eq!(status, 200, "{name}: {answer}");
    }
}
