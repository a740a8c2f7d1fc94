//! Event streams: lines in order, the end of a run, and the end of the process.

use axum::body::Body;
use axum::http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::catalog::Outcome;
use store::{JobId, RunId};
use tower::ServiceExt;
use workers::live::Running;

use super::{Ask, NOW, World, line};
use crate::http::Limits;

/// Reads a stream's events one by one.
struct Events {
    body: Body,
    text: String,
}

impl Events {
    async fn open(world: &World, path: &str) -> Self {
        let request = Ask::new(Method::GET, path).key(&world.admin).request();
        let response = world.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next event's name and data; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let found = field("event:")
                    .map(|name| (name.to_owned(), serde_json::from_str(field("data:").expect("data")).expect("JSON")));
                self.text = rest.to_owned();
                if found.is_some() {
                    return found;
                }
                continue;
            }
            let frame = self.body.frame().await?.expect("a frame");
            self.text.push_str(std::str::from_utf8(frame.data_ref().expect("data")).expect("UTF-8"));
        }
    }
}

fn running(world: &World, run: RunId) -> Running {
    let entry = world.state.services.directory.by_name("a").expect("the integration");
    Running {
        run,
        job: JobId::new(NOW),
        integration: entry.id,
        integration_name: entry.name.clone(),
        release: entry.latest,
        cause: store::queue::Cause::Execute,
        attempt: 1,
        queued: NOW,
        due: NOW,
        started: NOW,
    }
}

#[tokio::test]
async fn a_finished_run_replays_its_lines() {
    let world = World::with_integrations().await;
    let run = world.run("a", Outcome::Succeeded).await;
    let mut events = Events::open(&world, &format!("/v1/runs/{}/stream", run.id)).await;
    let (name, data) = events.next().await.expect("a line");
    assert_eq!((&*name, &data["message"]), ("line", &json!("cached")));
    assert_eq!(events.next().await.expect("a line").0, "line");
    let (name, data) = events.next().await.expect("the end");
    assert_eq!((&*name, &data["outcome"], &data["id"]), ("finished", &json!("succeeded"), &json!(run.id.to_string())));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_running_run_is_followed_without_gap_or_duplicate() {
    let world = World::with_integrations().await;
    let (live, record) = (&world.state.services.live, world.record("a", Outcome::Failed));
    live.start(running(&world, record.id));
    live.line(record.id, line(0, "boot", "one"));
    let shown = world.get(&format!("/v1/runs/{}", record.id)).await.json();
    assert_eq!((&shown["outcome"], &shown["logs"][0]["message"]), (&Value::Null, &json!("one")));
    let mut events = Events::open(&world, &format!("/v1/runs/{}/stream", record.id)).await;
    live.line(record.id, line(1, "info", "two"));
    live.finish(std::sync::Arc::new(record.clone()), true);
    let mut messages = Vec::new();
    while let Some((name, data)) = events.next().await {
        messages.push(if name == "line" { data["message"].to_string() } else { name });
    }
    assert_eq!(messages, ["\"one\"", "\"two\"", "finished"]);
}

#[tokio::test]
async fn a_run_that_was_given_up_ends_its_stream() {
    let world = World::with_integrations().await;
    let run = RunId::new(NOW);
    world.state.services.live.start(running(&world, run));
    let mut events = Events::open(&world, &format!("/v1/runs/{run}/stream")).await;
    world.state.services.live.forget(run);
    let id = run.to_string();
    assert_eq!(events.next().await, Some(("given_up".into(), serde_json::json!({ "id": id }))));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn all_runs_are_followed_and_filtered() {
    let world = World::with_integrations().await;
    let live = &world.state.services.live;
    let mut all = Events::open(&world, "/v1/runs/stream").await;
    let mut others = Events::open(&world, "/v1/runs/stream?integration=tick").await;
    let record = world.record("a", Outcome::Succeeded);
    live.start(running(&world, record.id));
    live.line(record.id, line(1, "info", "hello"));
    live.finish(std::sync::Arc::new(record), true);
    live.finish(std::sync::Arc::new(world.record("tick", Outcome::SkippedOverlap)), true);
    for expected in ["started", "line", "finished"] {
        let (name, data) = all.next().await.expect("an event");
        assert_eq!((&*name, &data["integration"]), (expected, &json!("a")));
    }
    let (name, data) = others.next().await.expect("an event");
    assert_eq!(
        (&*name, &data["integration"], &data["outcome"]),
        ("finished", &json!("tick"), &json!("skipped_overlap"))
    );
}

#[tokio::test]
async fn streams_end_when_the_process_stops() {
    let world = World::with_integrations().await;
    let mut events = Events::open(&world, "/v1/runs/stream").await;
    world.state.stop.cancel();
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let mut world = World::with_integrations().await;
    world.state = world.state.clone().with_limits(Limits { streams: 1, ..Limits::default() });
    world.router = crate::http::router::router(world.state.clone());
    let open = Events::open(&world, "/v1/runs/stream").await;
    let refused = world.get("/v1/runs/stream").await;
    assert_eq!((refused.status.as_u16(), &*refused.code()), (429, "too_many_streams"));
    drop(open);
    Events::open(&world, "/v1/runs/stream").await;
}
