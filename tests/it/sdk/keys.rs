//! `tidegate keys`: publishable keys made, listed, used from a page's origin and revoked.

use serde_json::{Value, json};

use crate::support::{KEY, Ran, Server, tidegate};

const SHOP: &str = "https://shop.example";

fn keys(server: &Server, args: &[&str]) -> Ran {
    tidegate(&[&["keys"], args, &["--server", server.url(), "--key", KEY]].concat())
}

/// A call as a page of `origin` makes it: status and code.
async fn call(server: &Server, key: &str, origin: &str, verb: &str, body: Value) -> (u16, String) {
    let request = server.client().post(format!("{}/v1/integrations/slack/{verb}", server.url()));
    let request = request.header("authorization", format!("Bearer {key}")).header("origin", origin);
    let response =
        request.header("content-type", "application/json").body(body.to_string()).send().await.expect("an answer");
    let status = response.status().as_u16();
    let answer: Value = serde_json::from_str(&response.text().await.expect("the answer is complete")).expect("JSON");
    (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_publishable_key_is_made_used_and_revoked_from_the_command_line() {
    let server = Server::start().await;
    server.deploy("slack", "module.exports = ({ payload }) => payload", json!({})).await;
    let create = ["create", "web shop", "--publishable", "--origin", SHOP, "--integration", "slack"];
    let made = keys(&server, &[&create[..], &["--rate", "2/1h", "--burst", "3"]].concat()).ok();
    let key = made.out.trim();
    assert!(key.starts_with("tg_pub_") && !key.contains(char::is_whitespace), "{made:?}");
    assert!(made.err.contains("not shown again"), "{made:?}");

    let body = json!({"payload": 1, "key": {"n": 1}, "delay": "1h"});
    assert_eq!(call(&server, key, SHOP, "execute", json!({"payload": 1})).await, (200, String::new()));
    assert_eq!(call(&server, key, SHOP, "schedule", body.clone()).await, (202, String::new()));
    let evil = call(&server, key, "https://evil.example", "schedule", body).await;
    assert_eq!(evil, (403, "origin_not_allowed".to_owned()), "what another origin tries costs the key nothing");
    assert_eq!(call(&server, key, SHOP, "cancel", json!({"key": {"n": 1}})).await, (200, String::new()));
    assert_eq!(call(&server, key, SHOP, "execute", json!({})).await, (429, "rate_limited".to_owned()));

    let listed = keys(&server, &["list"]).ok().out;
    let line = listed.lines().find(|line| line.contains("web shop")).expect("a line");
    assert!(line.contains("publishable") && line.contains(SHOP) && line.contains("slack"), "{line}");
    assert!(!listed.contains(key), "a list never shows a key");
    let json: Value = serde_json::from_str(&keys(&server, &["list", "--json"]).ok().out).expect("JSON");
    let item = json.as_array().expect("a list").iter().find(|item| item["name"] == "web shop").expect("the key");
    assert_eq!(item["rateLimit"], json!({"limit": 2, "intervalMs": 3_600_000, "burst": 3}));

    let id = line.split_whitespace().next().expect("an id");
    keys(&server, &["revoke", id]).ok();
    assert_eq!(call(&server, key, SHOP, "execute", json!({})).await, (401, "invalid_api_key".to_owned()));
    assert!(keys(&server, &["list"]).ok().out.lines().any(|line| line.contains("revoked") && line.contains(id)));
}

#[tokio::test]
async fn what_a_key_lacks_is_said() {
    let server = Server::start().await;
    let check = |args: &[&str], code: i32, says: &str| {
        let ran = keys(&server, args);
        assert!(ran.code == code && ran.err.contains(says) && ran.out.is_empty(), "{ran:?}");
    };
    check(&["create", "x", "--publishable", "--origin", SHOP], 2, "--integration");
    check(&["create", "x", "--publishable", "--integration", "slack"], 2, "--origin");
    check(&["create", "x"], 2, "--scope");
    check(&["create", "x", "--scope", "read", "--allow-match"], 2, "--publishable");
    let publishable = ["create", "x", "--publishable", "--integration", "slack", "--origin"];
    check(&[&publishable[..], &["https://shop.example/"]].concat(), 1, "origins[0]");
    check(&[&publishable[..], &["null"]].concat(), 1, "origins[0]");
    check(&["create", "x", "--scope", "read", "--rate", "fast"], 2, "20/1s");
    check(&["create", "x", "--scope", "read", "--rate", "0/1s"], 1, "rateLimit.limit");
    check(&["revoke", "01JD4Z8M3V9Q6T5X2Y7W0K1B8C"], 3, "no API key");
    let made = keys(&server, &["create", "reader", "--scope", "read"]).ok();
    assert!(made.out.starts_with("tg_") && !made.out.starts_with("tg_pub_"), "{made:?}");
}
