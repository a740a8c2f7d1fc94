//! Hooks, as far as they need no worker: who is let in, in which order things are looked at, and what strangers learn.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use store::catalog::Trigger;
use workers::hooks::{Signing, read_auth};

use super::{Answer, Ask, NOW, World};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A world with the hook `h`, which queues what it takes, and its secret.
async fn world(auth: &Value, more: &Value) -> World {
    let world = World::new().await;
    hook(&world, "h", auth, more).await;
    secret(&world, "S", SECRET).await;
    world
}

async fn hook(world: &World, name: &str, auth: &Value, more: &Value) {
    let mut http = json!({ "auth": auth, "respond": "accepted" });
    http.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    world.integration(name, Trigger::Http, json!({ "http": http })).await;
}

async fn secret(world: &World, name: &str, value: &str) {
    let ask = Ask::new(Method::PUT, format!("/v1/secrets/{name}")).key(&world.admin).json(&json!({ "value": value }));
    assert_eq!(world.ask(&ask).await.status, StatusCode::NO_CONTENT);
}

fn preset(name: &str) -> Value {
    json!({ "preset": name, "secret": "S" })
}

/// A signed POST to `/hooks/default/h`.
fn signed(auth: &Value, secret: &str, body: &str) -> Ask {
    let signing = Signing { timestamp: NOW.0 / 1_000, id: "msg_1".into() };
    let (headers, query) =
        read_auth("auth", auth.clone()).expect("valid").prove(secret, body.as_bytes(), &signing).expect("a key");
    let query: String = query.iter().map(|(name, value)| format!("?{name}={value}")).collect();
    let ask = Ask::new(Method::POST, format!("/hooks/default/h{query}")).body(body.to_owned());
    let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(name, value.as_str()));
    ask.header("content-type", "application/json")
}

async fn check(world: &World, ask: &Ask, status: u16, code: &str) -> Answer {
    let answer = world.ask(ask).await;
    let given = if answer.status.is_success() { String::new() } else { answer.code() };
    assert_eq!((answer.status.as_u16(), given.as_str()), (status, code), "{ask:?} {}", answer.text());
    answer
}

#[tokio::test]
async fn a_body_is_parsed_only_when_its_sender_is_proven() {
    for auth in [
        preset("stripe"),
        preset("github"),
        preset("slack"),
        preset("shopify"),
        json!({ "kind": "standard_webhooks", "secret": "S" }),
    ] {
        let world = world(&auth, &json!({})).await;
        check(&world, &signed(&auth, "whsec_c2VjcmV0", "{broken").clone(), 401, "invalid_signature").await;
        check(&world, &signed(&auth, SECRET, "{broken"), 400, "invalid_json").await;
        let tampered = signed(&auth, SECRET, "{\"amount\":1}").body("{\"amount\":100}");
        check(&world, &tampered, 401, "invalid_signature").await;
        let bare =
            Ask::new(Method::POST, "/hooks/default/h").body("{broken").header("content-type", "application/json");
        let answer = check(&world, &bare, 401, "missing_signature").await;
        assert_eq!(answer.header("www-authenticate"), "Signature realm=\"hook\"");
        check(&world, &signed(&auth, SECRET, "{\"amount\":1}"), 202, "").await;
        assert_eq!(world.get("/v1/jobs").await.json()["totalCount"], 1, "only the proven one became a job");
    }
}

#[tokio::test]
async fn a_request_that_comes_again_does_not_run_again() {
    for name in ["stripe", "github", "slack"] {
        let world = world(&preset(name), &json!({})).await;
        let ask = signed(&preset(name), SECRET, "[1]");
        check(&world, &ask, 202, "").await;
        check(&world, &ask, 401, "replayed_request").await;
        // What is not signed makes it no other request.
        let dressed = Ask { path: format!("{}/other?x=1", ask.path), ..ask.clone() }.header("x-github-delivery", "2");
        check(&world, &dressed, 401, "replayed_request").await;
        check(&world, &signed(&preset(name), SECRET, "[2]"), 202, "").await;
        assert_eq!(world.get("/v1/jobs").await.json()["totalCount"], 2, "{name}");
    }
    let world = world(&preset("shopify"), &json!({})).await;
    let ask = signed(&preset("shopify"), SECRET, "[1]");
    let first = check(&world, &ask, 202, "").await.json();
    let again = check(&world, &ask, 200, "").await.json();
    assert_eq!(again, json!({ "ok": true, "data": { "jobId": first["data"]["jobId"], "duplicate": true } }));
    let allowed = json!({ "preset": "github", "secret": "S", "replay": "allow" });
    hook(&world, "again", &allowed, &json!({})).await;
    let ask = Ask { path: "/hooks/default/again".into(), ..signed(&allowed, SECRET, "[1]") };
    check(&world, &ask, 202, "").await;
    check(&world, &ask, 202, "").await;
}

#[tokio::test]
async fn a_signature_is_good_for_a_while_only() {
    let world = world(&preset("stripe"), &json!({})).await;
    let ask = signed(&preset("stripe"), SECRET, "[1]");
    world.clock.advance(300_001);
    check(&world, &ask, 401, "stale_timestamp").await;
    let world = self::world(&json!({ "preset": "stripe", "secret": "S", "tolerance": "10m" }), &json!({})).await;
    world.clock.advance(599_000);
    check(&world, &ask, 202, "").await;
    check(&world, &ask, 401, "replayed_request").await;
}

#[tokio::test]
async fn callers_who_find_no_hook_do_not_learn_why() {
    let world = world(&json!("none"), &json!({})).await;
    world.integration("plain", Trigger::Experience, json!({})).await;
    // Released before hooks had settings.
    world.integration("old", Trigger::Http, json!({})).await;
    let expected = world.ask(&Ask::new(Method::POST, "/hooks/default/nobody")).await;
    assert_eq!((expected.status, &*expected.code()), (StatusCode::NOT_FOUND, "hook_not_found"));
    let paths = [
        "/hooks/default/plain",
        "/hooks/default/old",
        "/hooks/other/h",
        "/hooks/default/h@2",
        "/hooks/default/h@",
        "/hooks/default/H",
        "/hooks/default/h%2F..%2Fplain",
        "/hooks/default/..%2fh",
        "/hooks/default/%2e%2e/h",
        "/hooks/default/h%00",
        "/hooks/default/h%ff",
        "/hooks/%64efault%20/h",
        "/hooks/default/../default/h",
        "/hooks/default/h%20",
    ];
    for path in paths {
        for method in [Method::POST, Method::GET, Method::DELETE, Method::OPTIONS] {
            let answer = world.ask(&Ask::new(method, path)).await;
            assert_eq!((answer.status, answer.text()), (expected.status, expected.text()), "{path}");
        }
    }
    for path in [
        "/hooks/default/h",
        "/hooks/default/h/",
        "/hooks/default/%68",
        "/hooks/default/h@1",
        "/hooks/default/h%401/a/b",
        "/hooks/default/h/%ff/%00",
    ] {
        check(&world, &Ask::new(Method::POST, path), 202, "").await;
    }
    for path in ["/hooks", "/hooks/", "/hooks/default", "/hooks/default/", "/hooks//h"] {
        assert_eq!(world.ask(&Ask::new(Method::POST, path)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn methods_are_those_of_the_settings() {
    let world = world(&json!("none"), &json!({ "methods": ["GET", "PUT"] })).await;
    let ask = |method: Method| Ask::new(method, "/hooks/default/h");
    for method in [Method::GET, Method::PUT, Method::HEAD] {
        assert_eq!(world.ask(&ask(method)).await.status, StatusCode::ACCEPTED);
    }
    for method in
        [Method::POST, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::from_bytes(b"BREW").expect("one")]
    {
        let answer = check(&world, &ask(method), 405, "method_not_allowed").await;
        assert_eq!(answer.header("allow"), "GET, PUT, HEAD");
    }
    hook(&world, "signed", &preset("github"), &json!({})).await;
    let get = Ask::new(Method::GET, "/hooks/default/signed");
    assert_eq!(check(&world, &get, 405, "method_not_allowed").await.header("allow"), "POST");
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let world = world(&json!("none"), &json!({ "maxBodyKb": 1 })).await;
    let ask = |bytes: usize| Ask::new(Method::POST, "/hooks/default/h").body("x".repeat(bytes));
    check(&world, &ask(1_024), 202, "").await;
    check(&world, &ask(1_025), 413, "payload_too_large").await;
    hook(&world, "large", &json!("none"), &json!({})).await;
    // Within the bound of bodies, but not within that of payloads once it is JSON.
    let grown = Ask::new(Method::POST, "/hooks/default/large").body("\u{1}".repeat(256 << 10));
    check(&world, &grown, 413, "payload_too_large").await;
    let deep = Ask::new(Method::POST, "/hooks/default/large").body("[".repeat(5_000));
    check(&world, &deep.header("content-type", "application/json"), 400, "json_too_deep").await;
}

#[tokio::test]
async fn tokens_and_passwords_open_before_the_body_is_looked_at() {
    let token = json!({ "kind": "token", "secret": "S" });
    let world = world(&token, &json!({})).await;
    let large = "x".repeat(300 << 10);
    let answer =
        check(&world, &Ask::new(Method::POST, "/hooks/default/h").body(large), 401, "missing_credentials").await;
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"hook\"");
    check(&world, &signed(&token, "another", "1"), 401, "invalid_credentials").await;
    check(&world, &signed(&token, SECRET, "1"), 202, "").await;
    check(&world, &signed(&token, SECRET, "1"), 202, "").await;
    // An API key opens no hook, not even the admin's.
    check(&world, &Ask::new(Method::POST, "/hooks/default/h").key(&world.admin), 401, "invalid_credentials").await;
    let basic = json!({ "kind": "basic", "user": "shop", "secret": "S" });
    hook(&world, "basic", &basic, &json!({})).await;
    let at = |ask: Ask| Ask { path: "/hooks/default/basic".into(), ..ask };
    assert!(
        check(&world, &at(signed(&token, SECRET, "1")), 401, "invalid_credentials")
            .await
            .header("www-authenticate")
            .starts_with("Basic")
    );
    check(&world, &at(signed(&basic, SECRET, "1")), 202, "").await;
}

#[tokio::test]
async fn without_its_secret_a_hook_is_shut_and_says_so_to_its_author() {
    let world = World::new().await;
    hook(&world, "h", &preset("github"), &json!({})).await;
    check(&world, &signed(&preset("github"), "", "1"), 401, "invalid_credentials").await;
    let metrics = world.get("/metrics").await.text();
    assert!(metrics.contains("tidegate_hooks_refused_total{integration=\"h\",reason=\"no_secret\"} 1"), "{metrics}");
    let shown = world.get("/v1/integrations/h").await.json();
    assert!(
        shown["warnings"][0].as_str().is_some_and(|text| text.contains("the secret S, which is not set")),
        "{shown}"
    );
    assert_eq!(shown["hook"], "/hooks/default/h");
    secret(&world, "S", "github-secret").await;
    assert_eq!(world.get("/v1/integrations/h").await.json()["warnings"], json!([]));
    check(&world, &signed(&preset("github"), "github-secret", "1"), 202, "").await;
    let rotating = json!({ "preset": "github", "secrets": ["S", "NEXT"] });
    hook(&world, "r", &rotating, &json!({})).await;
    let at = |secret: &str, body: &str| Ask { path: "/hooks/default/r".into(), ..signed(&rotating, secret, body) };
    check(&world, &at("next-secret", "1"), 401, "invalid_signature").await;
    secret(&world, "NEXT", "next-secret").await;
    check(&world, &at("next-secret", "1"), 202, "").await;
    check(&world, &at("github-secret", "2"), 202, "").await;
}

#[tokio::test]
async fn a_paused_hook_holds_what_it_may_answer_later_and_refuses_the_rest() {
    let world = world(&json!("none"), &json!({})).await;
    hook(&world, "waits", &json!("none"), &json!({ "respond": "result" })).await;
    for name in ["h", "waits"] {
        assert_eq!(world.post(&format!("/v1/integrations/{name}/pause"), &json!({})).await.status, StatusCode::OK);
    }
    check(&world, &Ask::new(Method::POST, "/hooks/default/h"), 202, "").await;
    let answer = check(&world, &Ask::new(Method::POST, "/hooks/default/waits"), 503, "integration_paused").await;
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(world.get("/v1/jobs").await.json()["totalCount"], 1);
}

#[tokio::test]
async fn browsers_are_let_in_from_named_origins_only() {
    let world = world(&json!("none"), &json!({ "origins": ["https://shop.example"], "methods": ["POST"] })).await;
    let preflight = |name: &str, origin: &str| {
        let ask = Ask::new(Method::OPTIONS, format!("/hooks/default/{name}")).header("origin", origin);
        ask.header("access-control-request-method", "POST").header("access-control-request-headers", "x-a")
    };
    let answer = check(&world, &preflight("h", "https://shop.example"), 204, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(
        (answer.header("access-control-allow-methods"), answer.header("access-control-allow-headers")),
        ("POST".into(), "x-a".into())
    );
    let other = check(&world, &preflight("h", "https://evil.example"), 405, "method_not_allowed").await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    let post =
        |name: &str, origin: &str| Ask::new(Method::POST, format!("/hooks/default/{name}")).header("origin", origin);
    assert_eq!(
        check(&world, &post("h", "https://shop.example"), 202, "").await.header("access-control-allow-origin"),
        "https://shop.example"
    );
    let other = check(&world, &post("h", "https://evil.example"), 202, "").await;
    assert_eq!((other.header("access-control-allow-origin"), other.header("vary")), (String::new(), "origin".into()));
    hook(&world, "any", &json!("none"), &json!({ "origins": ["*"] })).await;
    assert_eq!(
        check(&world, &post("any", "https://x.example"), 202, "").await.header("access-control-allow-origin"),
        "*"
    );
    hook(&world, "none", &json!("none"), &json!({})).await;
    let answer = check(&world, &post("none", "https://x.example"), 202, "").await;
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (String::new(), String::new()));
    assert!(answer.header("content-security-policy").ends_with("sandbox"));
}

#[tokio::test]
async fn a_key_comes_from_the_request() {
    let world =
        world(&json!("none"), &json!({ "key": { "email": "payload.user.email", "shop": "headers.X-Shop" } })).await;
    let ask = Ask::new(Method::POST, "/hooks/default/h").json(&json!({ "user": { "email": "a@b.example" } }));
    check(&world, &ask.header("x-shop", "one"), 202, "").await;
    let job = world.get("/v1/jobs").await.json()["items"][0].clone();
    assert_eq!((&job["key"], &job["cause"]), (&json!({ "email": "a@b.example", "shop": "one" }), &json!("http")));
    let long = Ask::new(Method::POST, "/hooks/default/h").json(&json!({ "user": { "email": "x".repeat(2_000) } }));
    assert!(check(&world, &long, 400, "invalid_key").await.field().starts_with("key"));
}
