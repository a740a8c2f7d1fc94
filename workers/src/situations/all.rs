//! The situations.

use serde_json::{Value, json};

use super::{Asked, Situation, line};
use crate::explain::GateName::{self, Concurrency, Limit, LimitPause, Pause, Runners, Schedule, Window};
use crate::simulate::Call;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// One with the integration `hello`, which has these settings.
fn of(name: &'static str, settings: Value) -> Situation {
    let (limiters, integrations) = (json!({}), vec![("hello", settings)]);
    Situation { name, limiters, integrations, room: 100, calls: Vec::new(), asked: Vec::new(), lasts_ms: 26 * HOUR }
}

impl Situation {
    fn with(self, name: &'static str, settings: Value) -> Self {
        Self { integrations: [self.integrations, vec![(name, settings)]].concat(), ..self }
    }

    fn limiter(self, name: &str, body: &Value) -> Self {
        Self { limiters: json!({ name: body }), ..self }
    }

    fn room(self, room: usize) -> Self {
        Self { room, ..self }
    }

    fn call(self, at_ms: i64, verb: &str, body: Value) -> Self {
        self.read(&line(at_ms, "hello", verb, body))
    }

    fn call_of(self, integration: &str, at_ms: i64, body: Value, run: Value) -> Self {
        self.goes(line(at_ms, integration, "schedule", body), run)
    }

    /// A job whose first run goes like this.
    fn run(self, at_ms: i64, body: Value, run: Value) -> Self {
        self.call_of("hello", at_ms, body, run)
    }

    fn goes(self, mut line: Value, run: Value) -> Self {
        line["runs"] = json!([run]);
        self.read(&line)
    }

    fn read(mut self, line: &Value) -> Self {
        self.calls.push(Call::parse(&line.to_string()).expect("a call"));
        self
    }

    fn asked(mut self, at_ms: i64, call: usize, gate: impl Into<Option<GateName>>, start_ms: Option<i64>) -> Self {
        self.asked.push(Asked { at_ms, call, gate: gate.into(), start_ms, shows: json!({}) });
        self
    }

    /// What the gate of the last question shows beside.
    fn shows(mut self, shows: Value) -> Self {
        if let Some(last) = self.asked.last_mut() {
            last.shows = shows;
        }
        self
    }
}

/// Settings with one rate limit, which delays: one a minute, and whatever is said beside.
fn rule(more: Value) -> Value {
    let mut rule = json!({ "limit": 1, "interval": "1m", "onExceed": "delay" });
    if let (Some(rule), Value::Object(more)) = (rule.as_object_mut(), more) {
        rule.extend(more);
    }
    json!({ "rateLimits": [rule] })
}

fn window(time: &str) -> Value {
    json!({ "window": { "time": time } })
}

fn a(n: u32) -> Value {
    json!({ "key": { "email": "a", "n": n } })
}

/// All of them.
pub fn all() -> Vec<Situation> {
    [times(), limits(), shut(), room()].concat()
}

/// Due times, retries and windows.
fn times() -> Vec<Situation> {
    let retry = json!({ "retry": { "min": "700ms", "jitter": 0 } });
    vec![
        of("ready", json!({})).call(0, "schedule", json!({})).asked(0, 0, None, Some(0)),
        of("not due", json!({})).call(0, "schedule", json!({ "delay": 5_000 })).asked(0, 0, Schedule, Some(5_000)),
        of("a retry", retry)
            .run(0, json!({}), json!("fail"))
            .asked(150, 0, Schedule, Some(800))
            .shows(json!({ "message": "its next attempt is due at" })),
        of("its window moved it", json!({})).call(0, "schedule", window("10:00-12:00")).asked(
            0,
            0,
            Schedule,
            Some(2 * HOUR),
        ),
        of("its window closed meanwhile", json!({}))
            .call(0, "pause", json!({}))
            .call(0, "schedule", window("07:00-09:00"))
            .call(HOUR, "resume", json!({}))
            .asked(HOUR, 1, Window, Some(23 * HOUR)),
        of("its window drops it", json!({}))
            .call(0, "schedule", json!({ "window": { "time": "10:00-12:00", "outside": "drop" } }))
            .asked(0, 0, Window, None),
    ]
}

/// Full rate limits.
fn limits() -> Vec<Situation> {
    let full = |name, more| of(name, rule(more)).call(0, "schedule", json!({}));
    let heavy = |weight: u32| json!({ "weight": weight });
    vec![
        of("a limit is full for its key", rule(json!({ "key": ["email"] })))
            .call(0, "schedule", a(1))
            .call(1, "schedule", a(2))
            .asked(1, 1, Limit, Some(MINUTE))
            .shows(json!({ "rule": 0, "key": { "email": "a" } })),
        full("third in line", json!({ "limit": 2, "burst": 1 }))
            .call(0, "schedule", json!({}))
            .call(0, "schedule", json!({}))
            .call(0, "schedule", json!({}))
            .asked(1, 3, Limit, Some(90 * SECOND))
            .shows(json!({ "ahead": 2 })),
        of("heavy ones stand before it", rule(json!({ "limit": 6 })))
            .call(0, "schedule", heavy(6))
            .call(0, "schedule", heavy(4))
            .call(0, "schedule", heavy(3))
            .asked(1, 2, Limit, Some(70 * SECOND)),
        full("a sliding window is full", json!({ "limit": 2, "algorithm": "sliding_window" }))
            .call(10 * SECOND, "schedule", json!({}))
            .call(10 * SECOND, "schedule", json!({}))
            .call(10 * SECOND, "schedule", json!({}))
            .asked(10 * SECOND + 1, 3, Limit, Some(70 * SECOND)),
        full("a limit will be full at its due time", json!({})).call(1, "schedule", json!({ "delay": "20s" })).asked(
            1,
            1,
            Schedule,
            Some(MINUTE),
        ),
        full("there is room only in the next opening", json!({ "interval": "3h" }))
            .call(1, "schedule", window("07:00-09:00"))
            .asked(2, 1, Limit, Some(23 * HOUR)),
        full("a limit refuses it", json!({ "onExceed": "reject" }))
            .call(1, "schedule", json!({}))
            .asked(1, 1, Limit, None),
        of(
            "another integration filled the limiter",
            json!({ "rateLimits": [{ "limiter": "crm", "onExceed": "delay" }] }),
        )
        .with("other", json!({ "rateLimits": [{ "limiter": "crm", "onExceed": "delay" }] }))
        .limiter("crm", &json!({ "limit": 1, "interval": "1m" }))
        .call_of("other", 0, json!({}), json!("ok"))
        .call(1, "schedule", json!({}))
        .asked(2, 1, Limit, Some(MINUTE)),
    ]
}

/// What somebody shut.
fn shut() -> Vec<Situation> {
    let pressed = rule(json!({ "limit": 100, "backPressure": true }));
    vec![
        of("another server asked for a pause", pressed)
            .run(0, json!({}), json!({ "ends": "ok", "retryAfter": "33s" }))
            .call(200, "schedule", json!({}))
            .asked(201, 1, Limit, Some(33_100))
            .shows(json!({ "message": "another server asked for a pause" })),
        of("its key is paused", rule(json!({ "key": ["email"], "onExceed": "reject" })))
            .call(0, "pause_key", json!({ "rule": 0, "key": { "email": "a" } }))
            .call(1, "schedule", a(1))
            .call(5_000, "resume_key", json!({ "rule": 0, "key": { "email": "a" } }))
            .asked(2, 1, LimitPause, None)
            .shows(json!({ "rule": 0, "key": { "email": "a" } }))
            .asked(5_000, 1, None, Some(5_000)),
        of("its integration is paused", json!({}))
            .call(0, "pause", json!({ "note": "the CRM moves" }))
            .call(1, "schedule", json!({}))
            .call(MINUTE, "resume", json!({}))
            .asked(2, 1, Pause, None)
            .shows(json!({ "message": "the CRM moves", "since": "2027-01-15T08:00:00.000Z" }))
            .asked(MINUTE, 1, None, Some(MINUTE)),
    ]
}

/// Others that run.
fn room() -> Vec<Situation> {
    let long = || json!({ "takes": "10m" });
    let in_order = json!({
        "concurrency": { "limit": 1, "key": ["email"], "fifo": true }, "retry": { "min": "5s", "jitter": 0 },
    });
    vec![
        of("as many run as may", json!({ "concurrency": 1 }))
            .run(0, json!({}), long())
            .call(1, "schedule", json!({}))
            .asked(2, 1, Concurrency, None)
            .shows(json!({ "message": "1 of 1 jobs of hello" })),
        of("as many of its lane run as may", json!({ "concurrency": [{ "limit": 1, "key": ["email"] }] }))
            .run(0, a(1), long())
            .call(0, "schedule", a(2))
            .call(1, "schedule", json!({ "key": { "email": "b" } }))
            .asked(1, 1, Concurrency, None)
            .asked(1, 2, None, Some(1)),
        of("a retry before it keeps its place", in_order)
            .run(0, a(1), json!("fail"))
            .call(200, "schedule", a(2))
            .asked(201, 1, Concurrency, None)
            .shows(json!({ "message": "of its lane is tried again at 2027-01-15T08:00:05.100Z" })),
        of("there is no room for a run", json!({}))
            .with("other", json!({}))
            .room(1)
            .call_of("other", 0, json!({}), long())
            .call(1, "schedule", json!({}))
            .asked(2, 1, Runners, None),
    ]
}
