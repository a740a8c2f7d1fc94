//! Deny by default: every route × every kind of caller, methods that do not exist, and odd spellings of paths.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use store::catalog::Outcome;

use super::openapi::operations;
use super::{Ask, World};

const SCOPES: [&str; 4] = ["admin", "deploy", "invoke", "read"];

fn denied(status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN
}

/// Streams are open-ended; a `jobId` or run that does not exist ends them at once, except for
/// those about all runs and all events.
fn is_endless(path: &str) -> bool {
    path == "/v1/runs/stream" || path == "/v1/events/stream"
}

#[tokio::test]
async fn every_route_asks_for_a_key_and_its_scope() {
    let world = World::with_integrations().await;
    let mut keys = Vec::new();
    for scope in SCOPES {
        keys.push((scope, world.key(&[scope], &[], &[]).await));
    }
    for operation in operations() {
        let (name, path) = (format!("{} {}", operation.method, operation.path), operation.concrete());
        let ask = Ask::new(operation.method.clone(), &path).header("prefer", "wait=0");
        let Some(needed) = operation.scope() else {
            // A hook of a name without one: nobody asked for a key.
            let open = if path.starts_with("/hooks/") { StatusCode::NOT_FOUND } else { StatusCode::OK };
            assert_eq!(world.ask(&ask).await.status, open, "{name} is public");
            continue;
        };
        let answer = world.ask(&ask).await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::UNAUTHORIZED, "unauthenticated"), "{name}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{name}");
        for bad in ["x", "tg_", &world.admin[1..], &format!("{}0", world.admin), &world.admin.to_lowercase()] {
            let answer = world.ask(&ask.clone().key(bad)).await;
            assert_eq!((answer.status, &*answer.code()), (StatusCode::UNAUTHORIZED, "invalid_api_key"), "{name} {bad}");
        }
        for (scope, key) in &keys {
            if is_endless(&path) && (*scope == needed || *scope == "admin") {
                continue;
            }
            let answer = world.ask(&ask.clone().key(key)).await;
            let allowed = *scope == needed || *scope == "admin";
            assert_eq!(!denied(answer.status), allowed, "{name} with {scope}: {} {}", answer.status, answer.text());
            if !allowed {
                assert_eq!(answer.code(), "insufficient_scope", "{name} with {scope}");
                assert!(answer.header("www-authenticate").contains(&format!("scope=\"{needed}\"")), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn methods_that_do_not_exist_are_405_with_allow() {
    let world = World::with_integrations().await;
    let operations = operations();
    let methods = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"];
    // A hook takes the methods that its settings name: tests/hooks.rs.
    for operation in operations.iter().filter(|operation| !operation.path.starts_with("/hooks/")) {
        let known: Vec<&str> =
            operations.iter().filter(|other| other.path == operation.path).map(|other| other.method.as_str()).collect();
        for method in methods.into_iter().filter(|method| !known.contains(method)) {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = world.ask(&Ask::new(method.clone(), operation.concrete())).await;
            let name = format!("{method} {}", operation.path);
            assert_eq!(
                (answer.status, &*answer.code()),
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
                "{name}"
            );
            let allow = answer.header("allow");
            assert!(known.iter().all(|known| allow.contains(known)), "{name}: {allow:?}");
        }
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_gets_around_the_key() {
    let world = World::with_integrations().await;
    let spell = |path: &str| {
        let (head, last) = path.rsplit_once('/').expect("a slash");
        vec![
            format!("{path}/"),
            format!("/{path}"),
            format!("{path}//"),
            format!("{head}//{last}"),
            format!("{path};x"),
            format!("{path}%00"),
            format!("{path}%2f"),
            format!("{path}/."),
            format!("{path}/..{path}"),
            format!("{head}/%2e/{last}"),
            path.to_uppercase(),
            format!("{path}?/livez"),
            format!("{path}?x=/livez"),
            format!("{path}/livez"),
            format!("/livez/..{path}"),
            format!("{path}.json"),
            format!("{path}%20"),
        ]
    };
    for operation in operations().iter().filter(|operation| operation.scope().is_some()) {
        for path in spell(&operation.concrete()) {
            let answer = world.ask(&Ask::new(operation.method.clone(), &path)).await;
            let kept_out = [401, 404, 405].contains(&answer.status.as_u16());
            assert!(kept_out, "{} {path}: {}", operation.method, answer.status);
        }
    }
}

#[tokio::test]
async fn a_malformed_authorization_header_is_401() {
    let world = World::new().await;
    let check = async |headers: &[&[u8]]| {
        let ask = Ask::new(Method::GET, "/v1/jobs");
        let ask = headers.iter().fold(ask, |ask, value| ask.header("authorization", *value));
        let answer = world.ask(&ask).await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::UNAUTHORIZED, "invalid_api_key"), "{headers:?}");
    };
    let right = format!("Bearer {}", world.admin);
    check(&[b""]).await;
    check(&[b"Bearer"]).await;
    check(&[b"Bearer "]).await;
    check(&[b"Basic YTpi"]).await;
    check(&[b"Bearer \xff"]).await;
    check(&[world.admin.as_bytes()]).await;
    check(&[right.as_bytes(), right.as_bytes()]).await;
    let answer =
        world.ask(&Ask::new(Method::GET, "/v1/jobs").header("authorization", format!("bearer {}", world.admin))).await;
    assert_eq!(answer.status, StatusCode::OK, "the scheme's case does not matter");
}

#[tokio::test]
async fn a_bound_key_reaches_only_its_integrations() {
    let world = World::with_integrations().await;
    let (mine, other) = (world.run("a", Outcome::Succeeded).await, world.run("tick", Outcome::Failed).await);
    let job = world.post("/v1/integrations/tick/schedule", &json!({"delay": "1h"})).await.json();
    let job = job["data"]["jobId"].as_str().expect("a job").to_owned();
    let key = world.key(&["admin"], &["a"], &[]).await;
    let ask = async |method: Method, path: String| world.ask(&Ask::new(method, path).key(&key)).await;

    for (method, path) in [
        (Method::GET, "/v1/integrations/tick"),
        (Method::DELETE, "/v1/integrations/tick"),
        (Method::POST, "/v1/integrations/tick/execute"),
        (Method::POST, "/v1/integrations/tick@1/schedule"),
        (Method::GET, "/v1/jobs?integration=tick"),
        (Method::GET, "/v1/runs?integration=tick"),
        (Method::GET, "/v1/runs/stream?integration=tick"),
        (Method::GET, "/v1/integrations/%74ick"),
        (Method::GET, "/v1/api-keys"),
        (Method::POST, "/v1/api-keys"),
    ] {
        let answer = ask(method.clone(), path.into()).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (StatusCode::FORBIDDEN, "integration_not_allowed"),
            "{method} {path}"
        );
    }
    for path in [
        format!("/v1/jobs/{job}"),
        format!("/v1/jobs/{job}/explain"),
        format!("/v1/runs/{}", other.id),
        format!("/v1/runs/{}/stream", other.id),
        format!("/v1/jobs/{}", other.job),
    ] {
        let answer = ask(Method::GET, path.clone()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: not even that it exists");
    }
    assert_eq!(ask(Method::DELETE, format!("/v1/jobs/{job}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask(Method::POST, format!("/v1/jobs/{job}/replay")).await.status, StatusCode::NOT_FOUND);

    let list = ask(Method::GET, "/v1/integrations".into()).await.json();
    assert_eq!((list["items"][0]["name"].as_str(), &list["totalCount"]), (Some("a"), &json!(1)));
    let runs = ask(Method::GET, "/v1/runs".into()).await.json();
    assert_eq!((&runs["totalCount"], &runs["items"][0]["id"]), (&json!(1), &json!(mine.id.to_string())));
    assert_eq!(ask(Method::GET, "/v1/jobs".into()).await.json()["totalCount"], 0);
    assert_eq!(ask(Method::GET, format!("/v1/runs/{}", mine.id)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_bound_to_several_integrations_lists_one_at_a_time() {
    let world = World::with_integrations().await;
    let key = world.key(&["read"], &["a", "tick"], &[]).await;
    let answer = world.ask(&Ask::new(Method::GET, "/v1/runs").key(&key)).await;
    assert_eq!((answer.status, &*answer.field()), (StatusCode::BAD_REQUEST, "integration"));
    let answer = world.ask(&Ask::new(Method::GET, "/v1/runs?integration=tick").key(&key)).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn browsers_get_in_from_origins_that_the_key_names() {
    let world = World::with_integrations().await;
    let key = world.key(&["read"], &[], &["https://shop.example"]).await;
    let ask = |key: &str, origin: Option<&str>| {
        let ask = Ask::new(Method::GET, "/v1/jobs").key(key);
        origin.iter().fold(ask, |ask, origin| ask.header("origin", *origin))
    };
    let answer = world.ask(&ask(&key, Some("https://shop.example"))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    for origin in [
        None,
        Some("https://evil.example"),
        Some("https://shop.example.evil.example"),
        Some("null"),
        Some("http://shop.example"),
        Some("https://shop.example:444"),
        Some("*"),
    ] {
        let answer = world.ask(&ask(&key, origin)).await;
        assert_eq!((answer.status, &*answer.code()), (StatusCode::FORBIDDEN, "origin_not_allowed"), "{origin:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin:?}");
    }
    let answer = world.ask(&ask(&world.admin, Some("https://shop.example"))).await;
    assert_eq!(answer.header("access-control-allow-origin"), "", "a server's key answers no browser");
}

#[tokio::test]
async fn a_preflight_is_answered_for_known_origins_only() {
    let world = World::with_integrations().await;
    let ask = |origin: &str| {
        let ask = Ask::new(Method::OPTIONS, "/v1/integrations/a/execute").header("origin", origin);
        ask.header("access-control-request-method", "POST")
    };
    assert_eq!(world.ask(&ask("https://shop.example")).await.status, StatusCode::FORBIDDEN);
    world.key(&["invoke"], &[], &["https://shop.example"]).await;
    let answer = world.ask(&ask("https://shop.example")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert!(answer.header("access-control-allow-headers").contains("idempotency-key"));
    assert_eq!(world.ask(&ask("https://evil.example")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let world = World::new().await;
    let key = world.key(&["read"], &[], &[]).await;
    assert_eq!(world.ask(&Ask::new(Method::GET, "/v1/jobs").key(&key)).await.status, StatusCode::OK);
    let list = world.get("/v1/api-keys").await.json();
    // Both keys were made in the same millisecond, so either may come first.
    let reads = |item: &&Value| item["scopes"] == json!(["read"]);
    let id =
        list["items"].as_array().expect("items").iter().find(reads).expect("the key")["id"].as_str().expect("an id");
    assert!(!list.to_string().contains(&key), "a list never shows a key");
    let revoke = Ask::new(Method::DELETE, format!("/v1/api-keys/{id}")).key(&world.admin);
    assert_eq!(world.ask(&revoke).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.ask(&Ask::new(Method::GET, "/v1/jobs").key(&key)).await.status, StatusCode::UNAUTHORIZED);
    let unknown = Ask::new(Method::DELETE, "/v1/api-keys/01JD4Z8M3V9Q6T5X2Y7W0K1B8C").key(&world.admin);
    assert_eq!(world.ask(&unknown).await.code(), "api_key_not_found");
}

#[tokio::test]
async fn a_key_has_a_thousand_requests_at_once() {
    let world = World::new().await;
    let key = world.key(&["read"], &[], &[]).await;
    let ask = Ask::new(Method::GET, "/v1/integrations").key(&key);
    for at in 0..1_000 {
        assert_eq!(world.ask(&ask).await.status, StatusCode::OK, "{at}");
    }
    let answer = world.ask(&ask).await;
    assert_eq!((answer.status, &*answer.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(world.get("/v1/integrations").await.status, StatusCode::OK, "another key has its own");
    world.clock.advance(1_000);
    assert_eq!(world.ask(&ask).await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_open_to_this_machine_only() {
    let world = World::new().await;
    let ask = |peer: Option<&str>| {
        let mut request = Ask::new(Method::GET, "/metrics").request();
        if let Some(peer) = peer {
            request.extensions_mut().insert(crate::http::serve::Peer(peer.parse().expect("an address")));
        }
        request
    };
    let status = async |request: axum::extract::Request| {
        tower::ServiceExt::oneshot(world.router.clone(), request).await.expect("an answer").status()
    };
    assert_eq!(status(ask(Some("127.0.0.1:1"))).await, StatusCode::OK);
    assert_eq!(status(ask(Some("[::ffff:127.0.0.1]:1"))).await, StatusCode::OK);
    assert_eq!(status(ask(Some("192.0.2.1:1"))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(ask(None)).await, StatusCode::UNAUTHORIZED);
    let mut proxied = ask(Some("127.0.0.1:1"));
    proxied.headers_mut().insert("x-forwarded-for", axum::http::HeaderValue::from_static("192.0.2.1"));
    assert_eq!(status(proxied).await, StatusCode::UNAUTHORIZED);
    let answer = world.get("/metrics").await;
    assert!(answer.text().contains("tidegate_build_info{version=\"0.0.0\"} 1"), "{}", answer.text());
    assert!(answer.text().contains("tidegate_api_requests_total{method=\"GET\",route=\"/metrics\",status=\"401\"} 3"));
}
