//! Malformed requests over every route, made from the description: each is a 4xx with a code and, if it is a 400, the field.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::openapi::{Operation, operations, parsed};
use super::{Ask, World};

/// A bad request, and the field that its refusal must name; `None` leaves that open.
struct Case {
    ask: Ask,
    field: Option<String>,
}

fn case(ask: Ask, field: &str) -> Case {
    Case { ask, field: Some(field.to_owned()) }
}

/// Bad paths: names and ids that are none.
fn bad_paths(operation: &Operation) -> Vec<Case> {
    let (part, values): (_, &[&str]) = if operation.path.contains("{name}") {
        (
            "name",
            &[
                "A",
                "-a",
                "a_b",
                "1",
                "%C3%A9",
                "a%20b",
                "a%2F..%2Fb",
                "..%2f..%2fetc",
                "a@x",
                "a@-1",
                "a@99999999999",
                "%00",
            ],
        )
    } else if operation.path.contains("{id}") {
        (
            "id",
            &[
                "1",
                "x",
                "01JD4Z8M3V9Q6T5X2Y7W0K1B8",
                "01JD4Z8M3V9Q6T5X2Y7W0K1B8CC",
                "01JD4Z8M3V9Q6T5X2Y7W0K1B8U",
                "..%2f..%2f",
                "%00",
                "'%20OR%201=1",
            ],
        )
    } else {
        return Vec::new();
    };
    let long = "a".repeat(64);
    let path = |value: &str| operation.path.replace(&format!("{{{part}}}"), value);
    let values = values.iter().copied().chain([&*long]);
    let ask = |value: &str| Ask::new(operation.method.clone(), path(value)).json(&json!({}));
    let mut cases: Vec<Case> = values.map(|value| case(ask(value), part)).collect();
    cases.push(case(ask("%ff"), part));
    cases
}

/// Bad queries: unknown, repeated, badly encoded, and bad values of every known parameter.
fn bad_queries(operation: &Operation) -> Vec<Case> {
    let ask = |query: &str| Ask::new(operation.method.clone(), format!("{}?{query}", operation.concrete()));
    let mut cases = vec![
        case(ask("zzz=1"), "zzz"),
        case(ask("zzz"), "zzz"),
        case(ask("a=1&a=2"), "a"),
        case(ask("a=%zz"), "a"),
        case(ask("%ff=1"), "query"),
        case(ask("a=%ff"), "a"),
    ];
    for name in operation.queries() {
        let values: &[&str] = match name {
            "first" | "n" => &["0", "-1", "101", "x", "1.5", "", "99999999999999999999"],
            "from" | "to" => &["soon", "", "2026-13-01", "99999999999999999999"],
            "jobId" => &["x", "", "01JD4Z8M3V9Q6T5X2Y7W0K1B8"],
            "after" | "before" if operation.path != "/v1/integrations" && !operation.path.ends_with("/schedules") => {
                &["x", "", "1.x"]
            }
            "state" | "outcome" => &["nope", "", "DEAD"],
            "key" | "match" => &["x", "", "1", "[]", "%7B%7D", "%7B%22a%22:%7B%7D%7D", "%7B%22a%22:1,%22a%22:2%7D"],
            _ => &[],
        };
        for value in values {
            let needs = matches!(name, "key" | "match") && operation.queries().contains(&"integration");
            let integration = if needs { "&integration=a" } else { "" };
            cases.push(case(ask(&format!("{name}={value}{integration}")), name));
        }
    }
    cases
}

/// Bodies that are no JSON object, or too much of one.
fn bad_bodies(operation: &Operation, document: &Value) -> Vec<Case> {
    let Some(schema) = operation.body(document) else {
        return if operation.method == Method::POST { vec![unknown_field(operation, json!({}))] } else { Vec::new() };
    };
    let ask = |body: &[u8]| {
        let ask = Ask::new(operation.method.clone(), operation.concrete()).body(body.to_vec());
        ask.header("content-type", "application/json")
    };
    let limit = if operation.method == Method::PUT { 6 << 20 } else { 512 << 10 };
    let mut cases: Vec<Case> = [
        "{",
        "}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        "nul",
        "{} {}",
        "{\"a\":1e400}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":NaN}",
        "[]",
        "\"x\"",
        "1",
        "true",
        "null",
        "\u{feff}{}",
    ]
    .iter()
    .map(|body| case(ask(body.as_bytes()), "body"))
    .collect();
    cases.push(case(ask(b"\xff\xfe"), "body"));
    cases.push(case(ask(b"{\"a\":\"\xc3\x28\"}"), "body"));
    cases.push(case(ask(b"{\"a\":1,\"a\":2}"), "a"));
    cases.push(case(ask(format!("{{\"payload\":{}}}", "[".repeat(5_000)).as_bytes()), "body"));
    cases.push(Case { ask: ask(format!("{{\"a\":\"{}\"}}", "x".repeat(limit)).as_bytes()), field: None });
    for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", ""] {
        let ask = Ask::new(operation.method.clone(), operation.concrete()).body("{}").header("content-type", media);
        cases.push(case(ask, "Content-Type"));
    }
    let bare = Ask::new(operation.method.clone(), operation.concrete()).body("{}");
    cases.push(case(bare, "Content-Type"));
    // Every field of an event but `meta` is its own.
    if operation.path != "/v1/events" {
        cases.push(unknown_field(operation, schema["example"].clone()));
    }
    cases.extend(bad_fields(operation, schema, document));
    cases
}

fn unknown_field(operation: &Operation, mut body: Value) -> Case {
    body["zzz"] = json!(1);
    case(Ask::new(operation.method.clone(), operation.concrete()).json(&body), "zzz")
}

/// Every property of a body with values of other types, the rest of the body being right.
fn bad_fields(operation: &Operation, schema: &Value, document: &Value) -> Vec<Case> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let cases = properties.flat_map(|(name, property)| {
        wrong_values(name, property, document).into_iter().map(move |wrong| {
            let mut body = schema["example"].clone();
            let instead = [("match", "key"), ("time", "delay")].into_iter().find(|(this, _)| this == name);
            if let (Some((_, other)), Some(body)) = (instead, body.as_object_mut()) {
                body.remove(other);
            }
            body[name] = wrong;
            case(Ask::new(operation.method.clone(), operation.concrete()).json(&body), name)
        })
    });
    cases.collect()
}

/// Values that a property cannot have.
fn wrong_values(name: &str, property: &Value, document: &Value) -> Vec<Value> {
    match name {
        "payload" | "sample" => return Vec::new(),
        "key" | "match" => {
            return vec![
                json!(1),
                json!("x"),
                json!([]),
                json!({}),
                json!({"a": {}}),
                json!({"a": []}),
                many(17),
                json!({"a": "x".repeat(1_025)}),
            ];
        }
        "delay" | "jitter" | "catchupWindow" | "interval" => {
            return vec![
                json!(true),
                json!([]),
                json!({}),
                json!("soon"),
                json!(""),
                json!("1 fortnight"),
                json!("1e3 days x"),
                json!(1e300),
            ];
        }
        "time" | "start" | "end" | "from" | "to" => {
            return vec![
                json!(true),
                json!([]),
                json!({}),
                json!("soon"),
                json!(""),
                json!("2026-02-30"),
                json!("2026-01-01T25:00:00Z"),
                json!(1e300),
            ];
        }
        "window" => return windows(),
        "settings" => {
            return vec![
                json!(1),
                json!("x"),
                json!({"zzz": 1}),
                json!({"timeoutMs": "x"}),
                json!({"timeoutMs": 0}),
                json!({"timeoutMs": 900_001}),
                json!({"memoryMb": 513}),
                json!({"retry": 1}),
                json!({"rateLimits": {}}),
                json!({"rateLimits": [{"limit": 1}]}),
                json!({"rateLimits": [{"limit": 1, "interval": "1s", "key": [1]}]}),
                json!({"rateLimits": [{"limit": 1, "interval": "1s", "key": ["a", "a"]}]}),
                json!({"concurrency": -1}),
                json!({"concurrency": "4"}),
                json!({"concurrency": {"limit": 1, "backlog": 1}}),
                json!({"concurrency": [{"limit": 1}, {"limit": 1}]}),
            ];
        }
        _ => {}
    }
    let kinds = kinds(property, document);
    let candidates = [json!(-1), json!(1.5), json!(true), json!("\u{7}nope"), json!([1]), json!({"x": 1})];
    candidates.into_iter().filter(|value| !kinds.contains(kind(value)) || kinds.contains("enum")).collect()
}

fn windows() -> Vec<Value> {
    vec![
        json!(1),
        json!("x"),
        json!([]),
        json!({"zzz": 1}),
        json!({"day": "someday"}),
        json!({"day": 1}),
        json!({"day": ""}),
        json!({"time": "9-5"}),
        json!({"time": "09:00"}),
        json!({"time": "09:00-09:00"}),
        json!({"time": "25:00-26:00"}),
        json!({"time": "24:01-25:00"}),
        json!({"time": "09:60-10:00"}),
        json!({"time": ["09:00-10:00"]}),
        json!({"day": "mon", "timezone": "Mars/Olympus"}),
        json!({"day": "mon", "timezone": 1}),
        json!({"day": "mon", "timezoneOffset": "x"}),
        json!({"day": "mon", "timezoneOffset": 100_000}),
        json!({"day": "mon", "timezone": "UTC", "timezoneOffset": 0}),
        json!({"day": "mon", "holidays": "x"}),
        json!({"day": "mon", "holidays": ["2026-02-30"]}),
        json!({"day": "mon", "outside": "stay"}),
    ]
}

fn many(n: usize) -> Value {
    (0..n).map(|at| (at.to_string(), json!(at))).collect::<serde_json::Map<_, _>>().into()
}

/// The JSON types that a schema allows, and `enum` if its values are a closed set.
fn kinds(schema: &Value, document: &Value) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    if let Some(reference) = schema["$ref"].as_str() {
        kinds.extend(self::kinds(document.pointer(&reference[1..]).expect("the schema"), document));
    }
    for part in schema["oneOf"].as_array().into_iter().flatten() {
        kinds.extend(self::kinds(part, document));
    }
    match &schema["type"] {
        Value::String(kind) => drop(kinds.insert(kind.clone())),
        Value::Array(list) => kinds.extend(list.iter().filter_map(Value::as_str).map(str::to_owned)),
        _ => {}
    }
    if schema["enum"].is_array() {
        kinds.insert("enum".into());
    }
    kinds
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[tokio::test]
async fn three_hundred_malformed_requests_are_4xx_with_a_code_and_the_field() {
    let world = World::with_integrations().await;
    let document = parsed();
    let mut sent = 0;
    let mut wrong = Vec::new();
    for operation in operations().iter().filter(|operation| operation.scope().is_some() && operation.path != "/metrics")
    {
        let cases =
            bad_paths(operation).into_iter().chain(bad_queries(operation)).chain(bad_bodies(operation, &document));
        for Case { ask, field } in cases {
            world.clock.advance(1_000);
            let answer = world.ask(&ask.clone().key(&world.admin)).await;
            sent += 1;
            let named = field
                .as_deref()
                .is_none_or(|field| answer.status.is_client_error() && is_about(&answer.field(), field));
            if !answer.status.is_client_error() || !named {
                let body: String = String::from_utf8_lossy(&ask.body).chars().take(120).collect();
                wrong.push(format!(
                    "{} {} {body} (expected {field:?}): {} {:.200}",
                    ask.method,
                    ask.path,
                    answer.status,
                    answer.text()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {sent}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(sent >= 300, "{sent}");
    assert_eq!(world.get("/v1/jobs").await.json()["totalCount"], 0, "none of it did anything");
}

/// Whether a refusal names the field, or a part of it.
fn is_about(named: &str, field: &str) -> bool {
    named.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[tokio::test]
async fn routes_that_do_not_exist_are_404() {
    let world = World::new().await;
    for path in ["/v1", "/v1/", "/v2/jobs", "/v1/secret", "/v1/event", "/admin", "/.env", "/v1/integrations/a/secret"] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let answer = world.ask(&Ask::new(method.clone(), path).key(&world.admin)).await;
            assert_eq!((answer.status.as_u16(), &*answer.code()), (404, "route_not_found"), "{method} {path}");
        }
    }
}
