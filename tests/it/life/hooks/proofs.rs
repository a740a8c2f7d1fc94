//! Who is let in: each scheme, rotation, replays, restarts, several engines.

use serde_json::{Value, json};
use store::servers::{self, Server as Redis};

use super::{Call, deploy, now, secret, send};
use crate::support::{Server, tidegate_in, until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ECHO: &str = "module.exports = ({ payload }) => ({ status: 201, body: payload });";

fn schemes() -> Vec<(&'static str, Value)> {
    vec![
        ("stripe", json!({ "preset": "stripe", "secret": "S" })),
        ("github", json!({ "preset": "github", "secret": "S" })),
        ("slack", json!({ "preset": "slack", "secret": "S" })),
        ("shopify", json!({ "preset": "shopify", "secret": "S" })),
        ("standard", json!({ "kind": "standard_webhooks", "secret": "S" })),
        (
            "hmac",
            json!({ "kind": "hmac", "secret": "S", "algorithm": "sha512", "encoding": "base64", "header": "X-Sig", "prefix": "v1:",
                    "signs": "{timestamp}|{id}|{body}", "timestampHeader": "X-At", "idHeader": "X-Id" }),
        ),
    ]
}

#[tokio::test]
async fn each_scheme_lets_in_what_is_signed_and_nothing_else() {
    let server = Server::start().await;
    secret(&server, "S", SECRET).await;
    for (name, auth) in schemes() {
        deploy(&server, name, ECHO, json!({ "auth": auth })).await;
        let bare = Call::post(name, "{\"n\":1}").json();
        let signed = bare.clone().signed(&auth, SECRET);
        let answer = send(&server, &signed).await;
        assert_eq!((answer.status, answer.json()), (201, json!({ "n": 1 })), "{name}");
        let again = send(&server, &signed).await;
        match name {
            "shopify" => assert_eq!((again.status, &again.json()["data"]["duplicate"]), (200, &json!(true)), "{name}"),
            _ => assert_eq!((again.status, &*again.code()), (401, "replayed_request"), "{name}"),
        }
        let refused = async |call: Call, code: &str| {
            let answer = send(&server, &call).await;
            assert_eq!((answer.status, &*answer.code()), (401, code), "{name}");
            assert!(answer.header("www-authenticate").starts_with("Signature"), "{name}");
        };
        refused(bare.clone(), "missing_signature").await;
        refused(bare.clone().signed(&auth, "whsec_c2VjcmV0"), "invalid_signature").await;
        let tampered = Call { body: b"{\"n\":2}".to_vec(), ..signed.clone() };
        refused(tampered, "invalid_signature").await;
        refused(Call { body: b"{\"n\":".to_vec(), ..signed.clone() }, "invalid_signature").await;
        if !["github", "shopify"].contains(&name) {
            refused(bare.clone().signed_at(&auth, SECRET, now() - 400), "stale_timestamp").await;
            refused(bare.clone().signed_at(&auth, SECRET, now() + 400), "stale_timestamp").await;
        }
        let runs = server.get(&format!("/v1/runs?integration={name}")).await;
        assert_eq!((&runs["totalCount"], &runs["items"][0]["cause"]), (&json!(1), &json!("http")), "{name}");
    }
}

#[tokio::test]
async fn a_secret_is_changed_without_losing_a_request() {
    let server = Server::start().await;
    let auth = json!({ "preset": "stripe", "secrets": ["OLD", "NEW"] });
    deploy(&server, "pay", ECHO, json!({ "auth": auth })).await;
    let status = async |value: &str| send(&server, &Call::post("pay", "1").json().signed(&auth, value)).await.status;
    assert_eq!(status("first-secret").await, 401, "neither is set");
    secret(&server, "OLD", "first-secret").await;
    assert_eq!((status("first-secret").await, status("second-secret").await), (201, 401));
    secret(&server, "NEW", "second-secret").await;
    let (first, second) = (Call::post("pay", "2").json().signed(&auth, "first-secret"), Call::post("pay", "3").json());
    assert_eq!(send(&server, &first).await.status, 201);
    assert_eq!(send(&server, &second.signed(&auth, "second-secret")).await.status, 201);
    assert_eq!(server.call("DELETE", "/v1/secrets/OLD", None).await.0, 204);
    let late = Call::post("pay", "4").json().signed(&auth, "first-secret");
    assert_eq!(send(&server, &late).await.status, 401, "the old one is gone");
}

/// A request that was taken before a kill is known after it, and in the other process of a queue.
#[tokio::test]
async fn a_replay_is_known_after_a_kill_and_by_every_engine() {
    let redis = Redis::start(servers::Options::default()).await;
    for queue in [None, Some(redis.url())] {
        let args: Vec<&str> = queue.as_deref().map_or(Vec::new(), |url| vec!["--queue", url]);
        let mut server = Server::start_with(&args).await;
        secret(&server, "S", SECRET).await;
        let auth = json!({ "preset": "slack", "secret": "S" });
        deploy(&server, "talk", ECHO, json!({ "auth": auth, "respond": "accepted" })).await;
        let call = Call::post("talk", "{\"n\":1}").json().signed(&auth, SECRET);
        let accepted = send(&server, &call).await;
        assert_eq!(accepted.status, 202, "{queue:?} {}", accepted.text());
        let job = accepted.json()["data"]["jobId"].as_str().expect("an id").to_owned();
        server.kill().await;
        server.restart().await;
        assert_eq!(send(&server, &call).await.code(), "replayed_request", "{queue:?}");
        if queue.is_some() {
            let other = Server::start_on(server.data(), &args).await;
            assert_eq!(send(&other, &call).await.code(), "replayed_request", "by another process");
        }
        // What was accepted runs, whoever was killed.
        until("the run", async || {
            let runs = server.get(&format!("/v1/runs?jobId={job}&outcome=succeeded")).await;
            (runs["totalCount"] == 1).then_some(())
        })
        .await;
        assert_eq!(send(&server, &call).await.code(), "replayed_request", "{queue:?}");
        let runs = server.get("/v1/runs?integration=talk&outcome=succeeded").await;
        assert_eq!(runs["totalCount"], 1, "{queue:?}");
    }
}

#[tokio::test]
async fn what_failed_may_be_delivered_again_with_the_same_signature() {
    let server = Server::start().await;
    secret(&server, "S", SECRET).await;
    let auth = json!({ "preset": "github", "secret": "S" });
    let code = "module.exports = async ({ cache }) => {
      const n = (await cache.get('n') ?? 0) + 1;
      await cache.set('n', n);
      if (n < 3) throw new Error('not yet: the password is hunter2');
      return { n };
    };";
    deploy(&server, "push", code, json!({ "auth": auth })).await;
    let call = Call::post("push", "{}").json().signed(&auth, SECRET);
    for _ in 0..2 {
        let answer = send(&server, &call).await;
        assert_eq!((answer.status, &*answer.code()), (502, "execution_failed"));
        assert!(!answer.text().contains("hunter2"), "a stranger learns nothing of what went wrong");
    }
    let answer = send(&server, &call).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "n": 3 })));
    assert_eq!(send(&server, &call).await.code(), "replayed_request");
}

#[tokio::test]
async fn of_the_same_request_at_the_same_time_one_runs() {
    let server = Server::start().await;
    secret(&server, "S", SECRET).await;
    let auth = json!({ "kind": "standard_webhooks", "secret": "S" });
    let code =
        "module.exports = async ({ payload }) => { await new Promise((r) => setTimeout(r, 50)); return payload; };";
    deploy(&server, "once", code, json!({ "auth": auth })).await;
    for n in 0..5 {
        let call = Call::post("once", n.to_string()).json().signed(&auth, SECRET);
        let answers = futures_util::future::join_all((0..20).map(|_| send(&server, &call))).await;
        let taken = answers.iter().filter(|answer| answer.status == 200).count();
        let refused = answers.iter().filter(|answer| answer.status == 401).count();
        assert_eq!((taken, refused), (1, 19), "round {n}");
    }
    assert_eq!(server.get("/v1/runs?integration=once").await["totalCount"], 5);
}

#[tokio::test]
async fn a_flood_of_bad_signatures_keeps_no_good_one_out() {
    let server = Server::start().await;
    secret(&server, "S", SECRET).await;
    let auth = json!({ "preset": "stripe", "secret": "S" });
    deploy(&server, "pay", ECHO, json!({ "auth": auth })).await;
    let body = |n: usize| format!("{{\"n\":{n},\"x\":\"{}\"}}", "y".repeat(10_000));
    let bad = futures_util::future::join_all((0..400).map(|n| {
        let call = Call::post("pay", body(n)).json().signed(&auth, "another-secret");
        let server = &server;
        async move { send(server, &call).await.status }
    }));
    let good = futures_util::future::join_all((0..20).map(|n| {
        let call = Call::post("pay", body(n)).json().signed(&auth, SECRET);
        let server = &server;
        async move { send(server, &call).await.status }
    }));
    let (bad, good) = tokio::join!(bad, good);
    assert!(bad.iter().all(|status| *status == 401) && good.iter().all(|status| *status == 201), "{good:?}");
    assert_eq!(server.get("/v1/runs?integration=pay").await["totalCount"], 20);
}

#[tokio::test]
async fn the_command_line_signs_what_hooks_take() {
    let server = Server::start().await;
    secret(&server, "S", SECRET).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("event.bin"), b"\xff\x00it's\n").expect("written");
    let env = [("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", crate::support::KEY), ("HOOK_SECRET", SECRET)];
    let run = |args: &[&str]| tidegate_in(folder.path(), args, &env);
    let code = "module.exports = ({ request, payload }) => [request.rawBodyEncoding, payload];";
    for (name, options) in [
        ("stripe", vec!["--preset", "stripe"]),
        ("shopify", vec!["--preset", "shopify"]),
        ("standard", vec!["--kind", "standard_webhooks"]),
        ("token", vec!["--kind", "token", "--query", "key"]),
        ("basic", vec!["--kind", "basic", "--user", "shop"]),
        ("hmac", vec!["--kind", "hmac", "--header", "X-Sig", "--prefix", "sha1=", "--algorithm", "sha1"]),
    ] {
        let pairs = options.chunks(2).map(|pair| (pair[0].trim_start_matches('-').to_owned(), json!(pair[1])));
        let mut auth: serde_json::Map<String, Value> = pairs.collect();
        auth.insert("secret".into(), json!("S"));
        deploy(&server, name, code, json!({ "auth": auth })).await;
        let url = run(&["hooks", "url", name]).ok().out.trim().to_owned();
        assert_eq!(url, format!("{}/hooks/default/{name}", server.url()));
        let common = ["--secret-env", "HOOK_SECRET", "--url", &url, "--content-type", "application/octet-stream"];
        let sign = [&["hooks", "sign"], &options[..], &common[..], &["--body", "@event.bin"]].concat();
        let sent = run(&[&sign[..], &["--send"]].concat()).ok();
        assert_eq!(sent.out.trim(), "[\"base64\",\"/wBpdCdzCg==\"]", "{name}");
        let printed = run(&sign).ok().out;
        assert!(printed.starts_with("curl -X POST '") && printed.contains("--data-binary '@event.bin'"), "{printed}");
        // Tokens and passwords are what is sent; signatures do not show their secret.
        assert_eq!(printed.contains("MfKQ9r8"), name == "token", "{printed}");
        let refused = run(&[&sign[..], &["--send", "--url", &format!("{url}x")]].concat());
        assert!(refused.code != 0, "{name}");
    }
    let printed = run(&[
        "hooks",
        "sign",
        "--preset",
        "stripe",
        "--secret-env",
        "HOOK_SECRET",
        "--timestamp",
        "1492774577",
        "--body",
        "it's",
    ]);
    let printed = printed.ok().out;
    assert!(
        printed.contains("stripe-signature: t=1492774577,v1=") && printed.contains("--data-raw 'it'\\''s'"),
        "{printed}"
    );
    assert_eq!(run(&["hooks", "sign", "--preset", "stripe", "--secret-env", "NOT_SET"]).code, 2);
    assert_eq!(run(&["hooks", "sign", "--kind", "hmac", "--secret-env", "HOOK_SECRET"]).code, 2);
    assert_eq!(run(&["hooks", "url", "nobody"]).code, 3);
    server.deploy("plain", code, json!({})).await;
    assert_eq!(run(&["hooks", "url", "plain"]).code, 2);
}
