//! Secrets over HTTP: they go in, and only their names come out.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Ask, World};

async fn put(world: &World, path: &str, body: &Value) -> super::Answer {
    world.ask(&Ask::new(Method::PUT, path).key(&world.admin).json(body)).await
}

#[tokio::test]
async fn secrets_are_set_listed_and_removed_without_ever_being_told() {
    let world = World::with_integrations().await;
    let (own, shared) = ("/v1/integrations/a/secrets", "/v1/secrets");
    for (path, name, body) in [
        (own, "TOKEN", json!({"value": "valuable-1"})),
        (own, "PAY_KEY", json!({"value": "valuable-2", "gatewayOnly": true, "hosts": ["api.pay.example"]})),
        (shared, "TOKEN", json!({"value": "valuable-3"})),
    ] {
        let answer = put(&world, &format!("{path}/{name}"), &body).await;
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::NO_CONTENT, ""));
    }
    let listed = world.get(own).await;
    let expected = json!({
        "items": [
            {"name": "PAY_KEY", "gatewayOnly": true, "hosts": ["api.pay.example"], "createdAt": "2026-03-01T09:00:00Z",
             "updatedAt": "2026-03-01T09:00:00Z"},
            {"name": "TOKEN", "gatewayOnly": false, "hosts": [], "createdAt": "2026-03-01T09:00:00Z",
             "updatedAt": "2026-03-01T09:00:00Z"},
        ],
        "next": null, "prev": null, "totalCount": 2,
    });
    let times = |mut list: Value| {
        for item in list["items"].as_array_mut().expect("items") {
            for time in ["createdAt", "updatedAt"] {
                assert!(item[time].as_str().is_some_and(|time| time.starts_with("2026-03-01T09:00:00")), "{item}");
                item[time] = "2026-03-01T09:00:00Z".into();
            }
        }
        list
    };
    assert_eq!(times(listed.json()), expected);
    assert_eq!(world.get(shared).await.json()["totalCount"], 1);
    for path in ["/v1/integrations/a", "/v1/integrations", "/metrics", "/v1/openapi.json", own, shared] {
        assert!(!world.get(path).await.text().contains("valuable"), "{path}");
    }
    assert!(
        world
            .get("/metrics")
            .await
            .text()
            .contains("tidegate_secret_changes_total{change=\"set\",scope=\"integration\"} 2")
    );
    let remove = |path: String| Ask::new(Method::DELETE, path).key(&world.admin);
    assert_eq!(world.ask(&remove(format!("{own}/TOKEN"))).await.status, StatusCode::NO_CONTENT);
    let again = world.ask(&remove(format!("{own}/TOKEN"))).await;
    assert_eq!((again.status, &*again.code()), (StatusCode::NOT_FOUND, "secret_not_found"));
    assert_eq!(world.get(own).await.json()["totalCount"], 1);
    assert_eq!(world.get(shared).await.json()["totalCount"], 1, "the workspace's of that name is another one");
}

#[tokio::test]
async fn refusals_name_the_field_and_repeat_no_value() {
    let world = World::with_integrations().await;
    for (path, body, field, code) in [
        ("/v1/secrets/TOKEN", json!({}), "value", "missing_field"),
        ("/v1/secrets/TOKEN", json!({"value": 734_211_998}), "value", "invalid_type"),
        ("/v1/secrets/TOKEN", json!({"value": ["734211998"]}), "value", "invalid_type"),
        ("/v1/secrets/TOKEN", json!({"value": "73421"}), "value", "secret_too_short"),
        ("/v1/secrets/TOKEN", json!({"value": "73421".repeat(1_700)}), "value", "secret_too_long"),
        ("/v1/secrets/TOKEN", json!({"value": "734211998", "hosts": ["a.example", "x y"]}), "hosts[1]", "invalid_host"),
        ("/v1/secrets/TOKEN", json!({"value": "734211998", "gatewayonly": true}), "gatewayonly", "unknown_field"),
        ("/v1/secrets/TO-KEN", json!({"value": "734211998"}), "secret", "invalid_secret_name"),
        ("/v1/integrations/a/secrets/1", json!({"value": "734211998"}), "secret", "invalid_secret_name"),
        ("/v1/integrations/A/secrets/TOKEN", json!({"value": "734211998"}), "name", "invalid_name"),
    ] {
        let answer = put(&world, path, &body).await;
        assert_eq!(
            (answer.status, answer.field().as_str(), answer.code().as_str()),
            (StatusCode::BAD_REQUEST, field, code)
        );
        assert!(!answer.text().contains("73421"), "{}", answer.text());
    }
    let answer = put(&world, "/v1/integrations/nobody/secrets/TOKEN", &json!({"value": "734211998"})).await;
    assert_eq!((answer.status, &*answer.code()), (StatusCode::NOT_FOUND, "integration_not_found"));
}

#[tokio::test]
async fn a_scope_has_a_bound() {
    let world = World::with_integrations().await;
    for n in 0..200 {
        let answer = put(&world, &format!("/v1/integrations/a/secrets/S{n}"), &json!({"value": "valuable"})).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    let answer = put(&world, "/v1/integrations/a/secrets/MORE", &json!({"value": "valuable"})).await;
    assert_eq!((answer.status, &*answer.code()), (StatusCode::CONFLICT, "too_many_secrets"));
    let answer = put(&world, "/v1/integrations/a/secrets/S7", &json!({"value": "another one"})).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "one that is there can be set again");
    assert_eq!(put(&world, "/v1/secrets/MORE", &json!({"value": "valuable"})).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn who_may_deploy_sets_an_integrations_secrets_and_only_an_unbound_admin_the_workspaces() {
    let world = World::with_integrations().await;
    let body = json!({"value": "valuable"});
    let ask = async |key: &str, path: &str| world.ask(&Ask::new(Method::PUT, path).key(key).json(&body)).await.status;
    let (own, shared) = ("/v1/integrations/a/secrets/TOKEN", "/v1/secrets/TOKEN");
    let deploy = world.key(&["deploy"], &[], &[]).await;
    let bound = world.key(&["admin"], &["a"], &[]).await;
    let read = world.key(&["read", "invoke"], &[], &[]).await;
    assert_eq!((ask(&deploy, own).await, ask(&deploy, shared).await), (StatusCode::NO_CONTENT, StatusCode::FORBIDDEN));
    assert_eq!((ask(&bound, own).await, ask(&bound, shared).await), (StatusCode::NO_CONTENT, StatusCode::FORBIDDEN));
    assert_eq!((ask(&read, own).await, ask(&read, shared).await), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    assert_eq!(ask(&bound, "/v1/integrations/tick/secrets/TOKEN").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_secret_that_was_scheduled_away_is_masked_where_jobs_are_shown() {
    let world = World::with_integrations().await;
    put(&world, "/v1/integrations/a/secrets/TOKEN", &json!({"value": "valuable-1"})).await;
    let body = json!({"payload": {"token": "valuable-1"}, "key": {"token": "valuable-1"}, "delay": "1h"});
    let job = world.post("/v1/integrations/a/schedule", &body).await.json()["data"]["jobId"].clone();
    for path in [format!("/v1/jobs/{}", job.as_str().expect("a job")), "/v1/jobs".to_owned()] {
        let text = world.get(&path).await.text();
        assert!(text.contains("\"token\":\"******\"") && !text.contains("valuable"), "{text}");
    }
}
