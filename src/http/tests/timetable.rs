//! Schedules by API: what their routes answer, as far as nothing has to fire.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, Ask, World};

const ONE: &str = "/v1/integrations/a/schedules/customer-1";

impl World {
    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask(&Ask::new(Method::PUT, path).key(&self.admin).json(body)).await
    }
}

#[tokio::test]
async fn a_schedule_is_made_changed_and_deleted_by_its_name() {
    let world = World::with_integrations().await;
    let daily = json!({"every": "day", "at": "06:00", "payload": {"customer": 1}, "note": "trial"});
    let made = world.put(ONE, &daily).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["revision"], &made["next"]), (&json!(1), &json!("2026-03-02T06:00:00.000Z")));
    assert_eq!((&made["payload"], &made["schedule"]["at"]), (&json!({"customer": 1}), &json!("06:00")));
    let again = world.put(ONE, &daily).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, made.clone()), "the same again changes nothing");
    let other = json!({"every": "day", "at": "06:00", "payload": {"customer": 2}});
    assert_eq!(world.put(ONE, &other).await.json()["revision"], 1, "another payload is no other time");
    let hourly = world.put(ONE, &json!({"every": "hour"})).await.json();
    assert_eq!((&hourly["revision"], &hourly["id"]), (&json!(2), &made["id"]));
    let gone = world.ask(&Ask::new(Method::DELETE, ONE).key(&world.admin)).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let missing = world.get(ONE).await;
    assert_eq!((missing.status, &*missing.code()), (StatusCode::NOT_FOUND, "schedule_not_found"));
    let anew = world.put(ONE, &daily).await;
    assert_eq!(anew.status, StatusCode::CREATED);
    assert_ne!(anew.json()["id"], made["id"], "a name that was free is another schedule");
}

#[tokio::test]
async fn the_schedule_of_the_settings_has_the_same_routes() {
    let world = World::with_integrations().await;
    let own = world.get("/v1/integrations/tick/schedules/default").await.json();
    assert_eq!((&own["name"], &own["schedule"]["at"]), (&json!("default"), &json!("06:00")));
    let path = "/v1/integrations/tick/schedules/default";
    let put = world.put(path, &json!({"every": "hour"})).await;
    assert_eq!((put.status, &*put.code()), (StatusCode::CONFLICT, "schedule_reserved"));
    let none = world.get("/v1/integrations/a/schedules/default").await;
    assert_eq!(none.code(), "schedule_not_found");
    assert_eq!(world.get("/v1/integrations/tick/schedules").await.json()["totalCount"], 1);
}

#[tokio::test]
async fn lists_have_pages_and_show_what_needs_a_look() {
    let world = World::with_integrations().await;
    for n in 0..25 {
        world.put(&format!("/v1/integrations/a/schedules/c{n:02}"), &json!({"every": "hour"})).await;
    }
    let names = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().expect("items").iter();
        items.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    };
    let first = world.get("/v1/integrations/a/schedules?first=10").await.json();
    assert_eq!((names(&first)[0].as_str(), &first["totalCount"], &first["next"]), ("c00", &json!(25), &json!("c09")));
    let last = world.get("/v1/integrations/a/schedules?first=10&after=c19").await.json();
    assert_eq!((names(&last).len(), &last["next"], &last["prev"]), (5, &Value::Null, &json!("c20")));
    let paused = world.post("/v1/integrations/a/schedules/c07/pause", &json!({"note": "unpaid"})).await.json();
    assert_eq!((&paused["pause"]["note"], &paused["next"]), (&json!("unpaid"), &Value::Null));
    assert!(paused["pause"]["by"].as_str().is_some_and(|by| by.starts_with("api key ")), "{paused}");
    let listed = world.get("/v1/integrations/a/schedules?only=paused").await.json();
    assert_eq!((names(&listed), &listed["totalCount"]), (vec!["c07".to_owned()], &json!(1)));
    assert_eq!(world.get("/v1/integrations/a/schedules?only=failing").await.json()["totalCount"], 0);
    let resumed = world.post("/v1/integrations/a/schedules/c07/resume", &json!({})).await.json();
    assert_eq!((&resumed["pause"], &resumed["next"]), (&Value::Null, &json!("2026-03-01T10:00:00.000Z")));
}

#[tokio::test]
async fn the_next_ticks_say_what_the_clocks_do() {
    let world = World::with_integrations().await;
    let body = json!({"every": "day", "at": "01:30", "timezone": "Europe/London"});
    world.put(ONE, &body).await;
    let path = format!("{ONE}/next?n=2&from=2026-03-28T12:00:00Z&timezone=America/New_York");
    let next = world.get(&path).await.json()["items"].clone();
    assert_eq!(
        next[0],
        json!({
            "nominal": "2026-03-29T01:00:00.000Z", "effective": "2026-03-29T01:00:00.000Z",
            "local": "2026-03-28T21:00:00-04:00",
            "remark": "clocks go forward: 01:30 does not exist, fires at 02:00",
        })
    );
    assert_eq!((&next[1]["nominal"], &next[1]["remark"]), (&json!("2026-03-30T00:30:00.000Z"), &Value::Null));
    let back = world.get(&format!("{ONE}/next?n=1&from=2026-10-24T12:00:00Z")).await.json()["items"][0].clone();
    assert_eq!(back["local"], "2026-10-25T01:30:00+01:00");
    assert_eq!(back["remark"], "clocks go back: 01:30 exists twice, fires at the first");
    let wrong = world.get(&format!("{ONE}/next?timezone=Mars")).await;
    assert_eq!((wrong.status, wrong.json()["field"].as_str()), (StatusCode::BAD_REQUEST, Some("timezone")));
}

#[tokio::test]
async fn a_run_now_is_a_job_beside_the_ticks() {
    let world = World::with_integrations().await;
    world.put(ONE, &json!({"every": "day", "payload": {"customer": 1}, "key": {"customer": 1}})).await;
    let run = world.post(&format!("{ONE}/run"), &json!({})).await;
    assert_eq!(run.status, StatusCode::ACCEPTED);
    let id = run.json()["jobId"].as_str().expect("a job").to_owned();
    let job = world.get(&format!("/v1/jobs/{id}")).await.json();
    assert_eq!(
        (&job["cause"], &job["key"], &job["state"]),
        (&json!("manual"), &json!({"customer": 1}), &json!("pending"))
    );
    assert_eq!((&job["payload"]["customer"], &job["payload"]["schedule"]), (&json!(1), &json!("customer-1")));
    assert_eq!(world.get(&format!("{ONE}/ticks")).await.json()["totalCount"], 0, "it is no tick");
}

#[tokio::test]
async fn a_backfill_is_bounded_and_can_be_stopped() {
    let world = World::with_integrations().await;
    world.put(ONE, &json!({"every": "minute"})).await;
    let ask = async |body: Value| world.post(&format!("{ONE}/backfill"), &body).await;
    let day = ask(json!({"from": "2026-02-01", "to": "2026-02-02"})).await;
    assert_eq!(day.status, StatusCode::ACCEPTED, "{}", day.text());
    let day = day.json();
    assert_eq!((&day["total"], &day["state"], &day["overlap"]), (&json!(1_441), &json!("running"), &json!("queue")));
    let field = async |body: Value| ask(body).await.json()["field"].as_str().map(str::to_owned);
    assert_eq!(field(json!({"from": "2026-02-01", "to": "2026-03-02"})).await.as_deref(), Some("to"), "the future");
    assert_eq!(field(json!({"from": "2025-02-01", "to": "2026-02-02"})).await.as_deref(), Some("from"), "too many");
    assert_eq!(field(json!({"from": "2026-02-02", "to": "2026-02-01"})).await.as_deref(), Some("from"), "none");
    let wrong = json!({"from": "2026-02-01", "to": "2026-02-02", "overlap": "skip"});
    assert_eq!(field(wrong).await.as_deref(), Some("overlap"));
    let path = format!("{ONE}/backfills/{}", day["id"].as_str().expect("an id"));
    let stop = Ask::new(Method::DELETE, path).key(&world.admin);
    assert_eq!(world.ask(&stop).await.json()["state"], "stopped");
    assert_eq!(world.ask(&stop).await.code(), "backfill_ended");
    assert_eq!(world.get(&format!("{ONE}/backfills")).await.json()["items"][0]["state"], "stopped");
}

#[tokio::test]
async fn what_never_began_has_nothing_to_prove() {
    let world = World::with_integrations().await;
    world.put(ONE, &json!({"every": "minute"})).await;
    let report = world.get(&format!("{ONE}/verify")).await.json();
    assert_eq!((&report["good"], &report["expected"]), (&json!(true), &json!(0)));
    world.clock.advance(3_600_000);
    let report = world.get(&format!("{ONE}/verify")).await.json();
    assert_eq!((&report["good"], &report["findings"]), (&json!(false), &json!(59)), "nobody fired for an hour");
    let wrong = world.get(&format!("{ONE}/verify?from=2026-03-05&to=2026-03-04")).await;
    assert_eq!(wrong.json()["field"], "to");
}
