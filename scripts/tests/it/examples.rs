//! The shipped integrations compile and do what their READMEs say, against a fake of the echo server.

use scripts::protocol::{Answer, Call, HostError, Input, Limits};

use crate::engine::{Engine, input};

fn echo(call: &Call) -> Option<Result<Answer, HostError>> {
    if call.op == "cache.get" {
        return Some(Ok(Answer { value: r#"{"hit":false}"#.into(), body: None }));
    }
    if call.op != "fetch" {
        return Some(Ok(Answer { value: "null".into(), body: None }));
    }
    let args: serde_json::Value = serde_json::from_str(&call.args).unwrap();
    let url = args["url"].as_str().unwrap();
    let path = url.strip_prefix("http://127.0.0.1:7071").expect("examples talk to the echo server only");
    let body = match path.split('?').next().unwrap() {
        "/random-user/api/" => r#"{"results":[{"name":{"first":"Ada","last":"Lovelace"},"email":"ada@example.com"}]}"#,
        "/rates/latest" => r#"{"base":"EUR","date":"2026-01-01","rates":{"USD":1.1,"GBP":0.8}}"#,
        "/oauth/token" => r#"{"access_token":"t0k"}"#,
        "/chat/webhook" | "/mail/send" | "/status" => r#"{"ok":true}"#,
        other => panic!("the echo server has no {other}"),
    };
    let value = format!(r#"{{"status":200,"statusText":"OK","url":"{url}","redirected":false,"headers":[]}}"#);
    Some(Ok(Answer { value, body: Some(body.into()) }))
}

#[test]
fn the_types_for_authors_are_valid_typescript() {
    let mut engine = Engine::start();
    let error = engine.check(&[("integration.ts", scripts::TYPES)]).unwrap_err();
    assert_eq!(error.code, "no_handler", "{error:?}");
    engine.stop().unwrap();
}

#[test]
fn every_example_runs_with_its_sample() {
    let mut engine = Engine::start();
    let results = [
        ("exchange-rates", r#""report":[{"currency":"USD","rate":1.1,"change":0}"#, 3),
        ("order-alert", r##""text":"Order A-1001: 59.90 EUR from Ada Lovelace""##, 1),
        ("random-user", r#"{"name":"Ada Lovelace","email":"ada@example.com"}"#, 1),
        ("reminder-email", r#"{"sent":"ada@example.com"}"#, 1),
        ("token-refresh", r#"{"status":200}"#, 4),
        ("uptime-check", r#""status":200"#, 1),
        ("vip-alert", r#""text":"Ada (gold, 1200 points) is on the site""#, 1),
    ];
    assert_eq!(scripts::examples().len(), results.len());
    for (example, (name, expected, calls)) in scripts::examples().iter().zip(results) {
        assert_eq!(example.name, name);
        let bundle = engine.check(example.files).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let event = example.settings.contains("trigger = \"event\"").then(|| example.sample.to_owned());
        let given = Input { event, ..input(example.sample) };
        let ran = engine.run_bundle(bundle, given, Limits::default(), echo);
        assert!(ran.ok().contains(expected), "{name}: {}", ran.ok());
        assert_eq!(ran.calls.len(), calls, "{name}");
        assert_eq!(example.readme.lines().count(), 5, "{name}");
        assert!(example.settings.contains(&format!("name = \"{name}\"")), "{name}");
    }
    engine.stop().unwrap();
}
