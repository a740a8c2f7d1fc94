//! Closed windows: the due time is the next opening, to the second, in any zone and on any day.

use serde_json::{Value, json};

use crate::support::Server;

const IDLE: &str = "module.exports = () => null;";

async fn due_at(server: &Server, time: &str, window: Value) -> String {
    let body = json!({ "key": { "time": time, "window": window.to_string() }, "time": time, "window": window });
    let answer = server.post("/v1/integrations/idle/schedule", body).await;
    answer["data"]["dueAt"].as_str().expect("dueAt").to_owned()
}

#[tokio::test]
async fn a_closed_window_moves_the_job_to_its_next_opening() {
    let server = Server::start().await;
    server.deploy("idle", IDLE, json!({})).await;
    // 2030-03-01 is a Friday. London's clocks go forward on 2030-03-31 at 01:00 UTC and back on 2030-10-27 at 01:00
    // UTC; New York's go forward on 2030-03-10 at 07:00 UTC.
    let office = json!({ "day": "monday-friday", "time": "09:00-17:00" });
    let night = json!({ "day": "friday", "time": "22:00-06:00" });
    let london = |time: &str| json!({ "time": time, "timezone": "Europe/London" });
    let new_york = json!({ "day": "mon-fri", "time": "09:00-17:00", "timezone": "America/New_York" });
    let cases = [
        ("2030-03-01T12:00:00Z", office.clone(), "2030-03-01T12:00:00.000Z"),
        ("2030-03-01T17:00:00Z", office.clone(), "2030-03-04T09:00:00.000Z"),
        ("2030-03-02T08:00:00Z", office.clone(), "2030-03-04T09:00:00.000Z"),
        ("2030-03-04T08:59:59Z", office, "2030-03-04T09:00:00.000Z"),
        ("2030-03-01T21:00:00Z", night.clone(), "2030-03-01T22:00:00.000Z"),
        ("2030-03-02T05:59:59Z", night.clone(), "2030-03-02T05:59:59.000Z"),
        ("2030-03-02T06:00:00Z", night, "2030-03-08T22:00:00.000Z"),
        ("2030-03-08T22:00:00Z", new_york.clone(), "2030-03-11T13:00:00.000Z"),
        ("2030-03-01T22:00:00Z", new_york, "2030-03-04T14:00:00.000Z"),
        ("2030-03-31T00:30:00Z", london("01:30-03:00"), "2030-03-31T01:00:00.000Z"),
        ("2030-03-31T03:00:00Z", london("01:30-03:00"), "2030-04-01T00:30:00.000Z"),
        ("2030-10-27T04:00:00Z", london("09:00-10:00"), "2030-10-27T09:00:00.000Z"),
        ("2030-10-26T04:00:00Z", london("09:00-10:00"), "2030-10-26T08:00:00.000Z"),
        ("2030-03-01T12:00:00Z", json!({ "time": "09:00-17:00", "timezoneOffset": 300 }), "2030-03-01T14:00:00.000Z"),
        ("2030-03-01T12:00:00Z", json!({ "time": "09:00-10:00", "timezoneOffset": 0 }), "2030-03-02T09:00:00.000Z"),
        ("2030-03-01T12:00:00Z", json!({ "day": "SUNDAY" }), "2030-03-03T00:00:00.000Z"),
    ];
    for (time, window, expected) in cases {
        assert_eq!(due_at(&server, time, window.clone()).await, expected, "{time} {window}");
    }
}

#[tokio::test]
async fn a_window_that_is_closed_now_opens_to_the_second() {
    let server = Server::start().await;
    server.deploy("idle", IDLE, json!({})).await;
    let now = schedules::Clock::now(&schedules::SystemClock);
    // The full hour after the next one: closed now, whatever the time is.
    let opens = (now.0 / 3_600_000 + 2) * 3_600_000;
    let hour = opens / 3_600_000 % 24;
    let window = json!({ "time": format!("{hour:02}:00-{hour:02}:30") });
    let answer = server.post("/v1/integrations/idle/schedule", json!({ "key": { "a": 1 }, "window": window })).await;
    assert_eq!(answer["data"]["dueAt"], schedules::Millis(opens).to_rfc3339());
    let job = answer["data"]["jobId"].as_str().unwrap();
    let explained = server.get(&format!("/v1/jobs/{job}/explain")).await;
    assert!(explained.to_string().contains("not_due"), "{explained}");
}
