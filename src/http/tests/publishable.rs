//! Publishable keys, attacked: other origins, other integrations, every other route, preflights, parts of keys, others' answers.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::openapi::operations;
use super::{Answer, Ask, World};

const SHOP: &str = "https://shop.example";
const CALLS: [&str; 4] = ["execute", "schedule", "reschedule", "cancel"];

impl World {
    /// A publishable key for `a` on the shop's pages, with more in its body.
    async fn publishable(&self, more: Value) -> String {
        let mut body = json!({"name": "shop", "publishable": true, "integrations": ["a"], "origins": [SHOP]});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        let answer = self.post("/v1/api-keys", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()["key"].as_str().expect("the key").to_owned()
    }

    /// A call from a page of the shop.
    async fn shop_asks(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.ask(&Ask::new(Method::POST, path).key(key).header("origin", SHOP).json(body)).await
    }
}

#[tokio::test]
async fn a_publishable_key_looks_like_one_and_is_listed_as_one() {
    let world = World::new().await;
    let key = world.publishable(json!({"rateLimit": {"limit": 5, "interval": "1s"}, "allowMatch": true})).await;
    assert!(key.starts_with("tg_pub_"), "{key}");
    let list = world.get("/v1/api-keys").await.json();
    let items = list["items"].as_array().expect("items");
    let shown = items.iter().find(|item| item["publishable"] == true).expect("it is listed");
    assert_eq!((&shown["scopes"], &shown["integrations"]), (&json!(["invoke"]), &json!(["a"])));
    assert_eq!(shown["rateLimit"], json!({"limit": 5, "intervalMs": 1_000, "burst": 5}));
    assert_eq!((&shown["allowMatch"], &shown["prefix"]), (&json!(true), &json!(key[..12])));
    let admin = items.iter().find(|item| item["publishable"] == false).expect("the admin key");
    assert_eq!((&admin["rateLimit"], &admin["allowMatch"]), (&Value::Null, &json!(false)));
}

#[tokio::test]
async fn a_publishable_key_reaches_the_four_calls_and_no_other_route() {
    let world = World::with_integrations().await;
    let key = world.publishable(json!({})).await;
    let mut reached = Vec::new();
    for operation in operations().iter().filter(|operation| operation.scope().is_some()) {
        let path = operation.concrete();
        let ask = Ask::new(operation.method.clone(), &path).key(&key).header("origin", SHOP).header("prefer", "wait=0");
        let answer = world.ask(&ask).await;
        if operation.path.starts_with("/v1/integrations/{name}/") && CALLS.iter().any(|call| path.ends_with(call)) {
            assert_ne!(answer.status, StatusCode::FORBIDDEN, "{path}: {}", answer.text());
            reached.push(path);
            continue;
        }
        let name = format!("{} {path}", operation.method);
        assert_eq!((answer.status, &*answer.code()), (StatusCode::FORBIDDEN, "publishable_key"), "{name}");
    }
    assert_eq!(reached.len(), CALLS.len(), "{reached:?}");
    for path in ["/v1/integrations/tick/execute", "/v1/integrations/tick@1/cancel", "/v1/integrations/%74ick/schedule"]
    {
        let answer = world.shop_asks(&key, path, &json!({})).await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::FORBIDDEN, "integration_not_allowed"), "{path}");
    }
}

#[tokio::test]
async fn a_publishable_key_is_for_pages_of_its_origins() {
    let world = World::with_integrations().await;
    let key = world.publishable(json!({})).await;
    let ask = Ask::new(Method::POST, "/v1/integrations/a/cancel").key(&key).json(&json!({"key": {"n": 1}}));
    let answer = world.ask(&ask.clone().header("origin", SHOP)).await;
    assert_eq!((answer.status, &*answer.header("access-control-allow-origin")), (StatusCode::OK, SHOP));
    for origin in [
        None,
        Some("null"),
        Some(""),
        Some("*"),
        Some("https://shop.example."),
        Some("https://shop.example/"),
        Some("https://SHOP.example"),
        Some("http://shop.example"),
        Some("https://shop.example:443"),
        Some("https://shop.example:8443"),
        Some("https://shop.example.evil.example"),
        Some("https://evil-shop.example"),
        Some("https://evil.shop.example"),
        Some("https://shop.example@evil.example"),
        Some("https://shop.example, https://evil.example"),
        Some("https://shop.example https://evil.example"),
        Some("https://evil.example"),
    ] {
        let ask = origin.iter().fold(ask.clone(), |ask, origin| ask.header("origin", *origin));
        let answer = world.ask(&ask).await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::FORBIDDEN, "origin_not_allowed"), "{origin:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin:?}");
    }
    // What a page cannot send, but a program can.
    let answer = world.ask(&ask.clone().header("origin", "https://evil.example").header("origin", SHOP)).await;
    assert_eq!(answer.code(), "origin_not_allowed", "the first one counts");
    let referer = ask.header("referer", format!("{SHOP}/basket"));
    assert_eq!(world.ask(&referer).await.code(), "origin_not_allowed", "a Referer is no Origin");
}

#[tokio::test]
async fn a_preflight_allows_the_four_calls_where_only_publishable_keys_name_the_origin() {
    let world = World::with_integrations().await;
    world.publishable(json!({})).await;
    let ask = async |origin: &str, method: &str, path: &str| {
        let ask = Ask::new(Method::OPTIONS, path).header("origin", origin);
        world.ask(&ask.header("access-control-request-method", method)).await
    };
    for call in CALLS {
        let answer = ask(SHOP, "POST", &format!("/v1/integrations/a/{call}")).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{call}");
        assert_eq!(answer.header("access-control-allow-origin"), SHOP, "{call}");
        assert_eq!(answer.header("access-control-allow-methods"), "POST", "{call}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{call}");
        assert_eq!(answer.header("vary"), "origin", "{call}");
    }
    for (method, path) in [
        ("GET", "/v1/jobs"),
        ("GET", "/v1/runs"),
        ("POST", "/v1/api-keys"),
        ("POST", "/v1/bulk"),
        ("POST", "/v1/events"),
        ("POST", "/v1/events/replay"),
        ("PUT", "/v1/integrations/a"),
        ("DELETE", "/v1/integrations/a"),
        ("DELETE", "/v1/integrations/a/execute"),
        ("GET", "/v1/integrations/a/execute"),
        ("post", "/v1/integrations/a/execute"),
        ("POST", "/v1/integrations/a/preview"),
        ("POST", "/v1/integrations/a/execute/"),
        ("POST", "/v1/nowhere"),
    ] {
        let answer = ask(SHOP, method, path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{method} {path}");
    }
    for origin in ["null", "https://evil.shop.example", "https://shop.example.evil.example"] {
        let answer = ask(origin, "POST", "/v1/integrations/a/execute").await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::FORBIDDEN, "origin_not_allowed"), "{origin}");
    }
    world.key(&["read"], &[], &[SHOP]).await;
    let answer = ask(SHOP, "GET", "/v1/jobs").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "a key that may read names the origin now");
}

#[tokio::test]
async fn a_page_reads_why_its_key_is_refused() {
    let world = World::with_integrations().await;
    let key = world.publishable(json!({})).await;
    let other = format!("{}x", &key[..key.len() - 1]);
    let answer = world.shop_asks(&other, "/v1/integrations/a/execute", &json!({})).await;
    assert_eq!((answer.status, &*answer.code()), (StatusCode::UNAUTHORIZED, "invalid_api_key"));
    assert_eq!(answer.header("access-control-allow-origin"), SHOP);
    let ask = Ask::new(Method::POST, "/v1/integrations/a/execute").key(&other);
    let answer = world.ask(&ask.header("origin", "https://evil.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_page_cannot_name_jobs_by_a_part_of_their_key_unless_its_key_may() {
    let world = World::with_integrations().await;
    let key = world.publishable(json!({})).await;
    let job = json!({"key": {"email": "x", "n": 1}, "delay": "1h"});
    assert_eq!(world.shop_asks(&key, "/v1/integrations/a/schedule", &job).await.status, StatusCode::ACCEPTED);
    for (path, body) in [
        ("/v1/integrations/a/cancel", json!({"match": {"email": "x"}})),
        ("/v1/integrations/a/cancel", json!({"match": {}})),
        ("/v1/integrations/a/cancel", json!({"match": null, "key": {"email": "x"}})),
        ("/v1/integrations/a/reschedule", json!({"match": {"email": "x"}, "delay": "2h"})),
    ] {
        let answer = world.shop_asks(&key, path, &body).await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::FORBIDDEN, "match_not_allowed"), "{path} {body}");
        assert_eq!(answer.field(), "match");
    }
    let by_key = json!({"key": {"email": "x", "n": 1}, "delay": "2h"});
    assert_eq!(world.shop_asks(&key, "/v1/integrations/a/reschedule", &by_key).await.status, StatusCode::OK);
    let allowed = world.publishable(json!({"allowMatch": true})).await;
    let answer = world.shop_asks(&allowed, "/v1/integrations/a/cancel", &json!({"match": {"email": "x"}})).await;
    assert_eq!(answer.json()["data"], json!({"cancelled": 1}));
}

#[tokio::test]
async fn a_page_cannot_read_the_answer_to_a_servers_call_by_its_idempotency_key() {
    let world = World::with_integrations().await;
    let (key, other) = (world.publishable(json!({})).await, world.publishable(json!({})).await);
    let body = json!({"payload": 1, "key": {"n": 1}, "delay": "1h"});
    let path = "/v1/integrations/a/schedule";
    let call = async |key: &str, header: Option<&str>, field: Option<&str>| {
        let mut body = body.clone();
        body.as_object_mut().expect("an object").extend(field.map(|key| ("idempotencyKey".to_owned(), json!(key))));
        let ask = Ask::new(Method::POST, path).key(key).header("origin", SHOP).json(&body);
        let answer = world.ask(&header.iter().fold(ask, |ask, key| ask.header("idempotency-key", *key))).await;
        (answer.status.as_u16(), answer.json()["data"]["jobId"].as_str().unwrap_or_default().to_owned())
    };
    let (_, server) = call(&world.admin, Some("order-1"), None).await;
    let (status, page) = call(&key, Some("order-1"), None).await;
    assert_eq!(status, 202);
    assert_ne!(page, server, "the page is answered with a job of its own");
    assert_eq!(call(&key, Some("order-1"), None).await.1, page, "and a second time with the same");
    assert_eq!(call(&key, None, Some("order-1")).await.1, page, "the field is as good as the header");
    assert_eq!(call(&key, Some("order-1"), Some("order-1")).await.1, page, "and both may be there");
    assert_ne!(call(&other, Some("order-1"), None).await.1, page, "another key is another realm");
    assert_eq!(call(&key, Some("order-1"), Some("order-2")).await.0, 400, "they must agree");
    for bad in ["", "é", &"x".repeat(256)] {
        assert_eq!(call(&key, None, Some(bad)).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_publishable_key_has_a_rate_of_its_own() {
    let world = World::with_integrations().await;
    let slow = json!({"rateLimit": {"limit": 1, "interval": "10s", "burst": 2}});
    let (key, other) = (world.publishable(slow.clone()).await, world.publishable(slow).await);
    let cancel = json!({"key": {"n": 1}});
    for _ in 0..2 {
        let answer = world.shop_asks(&key, "/v1/integrations/a/cancel", &cancel).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let answer = world.shop_asks(&key, "/v1/integrations/a/cancel", &cancel).await;
    assert_eq!((answer.status, &*answer.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    assert_eq!(answer.header("retry-after"), "10");
    assert_eq!(answer.json()["error"]["rule"], "1 per 10s of this API key");
    assert_eq!(answer.header("access-control-allow-origin"), SHOP, "the page may read it");
    assert!(answer.header("access-control-expose-headers").contains("retry-after"));
    assert_eq!(world.shop_asks(&other, "/v1/integrations/a/cancel", &cancel).await.status, StatusCode::OK);
    world.clock.advance(10_000);
    assert_eq!(world.shop_asks(&key, "/v1/integrations/a/cancel", &cancel).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_may_not_send_more_than_anyone() {
    let world = World::with_integrations().await;
    let key = world.publishable(json!({})).await;
    let payload = json!({"payload": "x".repeat(300 << 10), "delay": "1h"});
    let answer = world.shop_asks(&key, "/v1/integrations/a/schedule", &payload).await;
    assert_eq!((answer.status, &*answer.code()), (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"));
    let body = json!({"payload": "x".repeat(600 << 10)});
    let answer = world.shop_asks(&key, "/v1/integrations/a/execute", &body).await;
    assert_eq!((answer.status, &*answer.code()), (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"));
    assert_eq!(answer.header("access-control-allow-origin"), SHOP, "the page may read it");
}
