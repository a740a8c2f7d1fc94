//! The commands that end: new, run, deploy, schedules, logs, completions.

use std::fs;

use serde_json::{Value, json};

use crate::support::{KEY, Ran, Server, tidegate, tidegate_in};

fn against(server: &Server, folder: &tempfile::TempDir, args: &[&str]) -> Ran {
    tidegate_in(folder.path(), args, &[("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)])
}

#[test]
fn a_new_integration_runs_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, flag) in [("plain", None), ("typed", Some("--typescript"))] {
        let args: Vec<&str> = ["new", name].into_iter().chain(flag).collect();
        tidegate_in(folder.path(), &args, &[]).ok();
        let ran = tidegate_in(folder.path(), &["run", name], &[]).ok();
        assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap(), json!({ "greeting": "Hello, Ada!" }));
        for part in ["BOOT", "INFO  Hello, Ada!", "Execution finished in"] {
            assert!(ran.err.contains(part), "no {part:?} in {}", ran.err);
        }
    }
    assert_eq!(tidegate_in(folder.path(), &["new", "plain"], &[]).code, 2);
}

#[test]
fn a_run_takes_a_payload_and_secrets_and_fails_with_a_code_frame() {
    let folder = tempfile::tempdir().unwrap();
    tidegate_in(folder.path(), &["new", "it"], &[]).ok();
    fs::write(folder.path().join("p.json"), "{\"n\":2}").unwrap();
    let code = folder.path().join("it/integration.js");
    fs::write(
        &code,
        "module.exports = async ({ payload, secrets }) => payload.n + secrets.A.length + secrets.B.length;\n",
    )
    .unwrap();
    let args = ["run", "it", "--payload", "p.json", "--secret", "A=12345"];
    let ran = tidegate_in(folder.path(), &args, &[("TIDEGATE_SECRET_B", "12345")]).ok();
    assert_eq!(ran.out.trim(), "12");
    fs::write(&code, "module.exports = async () => {\n  throw new TypeError('no way');\n};\n").unwrap();
    let ran = tidegate_in(folder.path(), &["run", "it"], &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    for part in ["TypeError", "no way", "integration.js:2"] {
        assert!(ran.err.contains(part), "no {part:?} in {}", ran.err);
    }
    fs::write(&code, "module.exports = (;\n").unwrap();
    let ran = tidegate_in(folder.path(), &["run", "it"], &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("integration.js:1") && ran.err.contains('^'), "{}", ran.err);
}

#[tokio::test]
async fn a_deployment_is_planned_made_and_then_unchanged() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    against(&server, &folder, &["new", "hello"]).ok();
    let plan = ["deploy", "--plan", "--exit-code"];
    let planned = against(&server, &folder, &plan);
    assert_eq!(planned.code, 10, "{planned:?}");
    assert!(planned.out.contains("hello  create"), "{planned:?}");
    assert_eq!(server.get("/v1/integrations").await["totalCount"], 0, "a plan changes nothing");
    assert!(against(&server, &folder, &["deploy"]).ok().out.contains("released hello 1.0"));
    assert_eq!(against(&server, &folder, &plan).ok().out.trim(), "= hello  unchanged");
    let code = folder.path().join("hello/integration.js");
    let text = fs::read_to_string(&code).unwrap().replace("Hello", "Ahoy");
    fs::write(&code, text).unwrap();
    let planned = against(&server, &folder, &plan);
    assert_eq!(planned.code, 10);
    assert!(planned.out.contains("-  return { greeting: `Hello, ${name}!` };"), "{}", planned.out);
    assert!(planned.out.contains("+  return { greeting: `Ahoy, ${name}!` };"), "{}", planned.out);
    assert!(against(&server, &folder, &["deploy", "hello"]).ok().out.contains("released hello 1.1"));
    assert_eq!(server.execute("hello", json!({ "payload": {} })).await, json!({ "greeting": "Ahoy, world!" }));
    let logs = against(&server, &folder, &["logs", "hello"]).ok();
    assert!(logs.out.contains("Ahoy, world!") && logs.out.contains("Execution finished in"), "{}", logs.out);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let check = |env: &[(&str, &str)], args: &[&str], code: i32, parts: &[&str]| {
        let ran = tidegate_in(folder.path(), args, env);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        for part in parts {
            assert!(ran.err.contains(part), "{args:?}: no {part:?} in {}", ran.err);
        }
    };
    check(
        &[("TIDEGATE_SERVER", "http://127.0.0.1:1")],
        &["logs"],
        1,
        &["no server at http://127.0.0.1:1", "tidegate serve"],
    );
    check(&[("TIDEGATE_SERVER", server.url())], &["logs"], 4, &["needs an API key", "--key", "TIDEGATE_KEY"]);
    check(&[("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", "tg_wrong")], &["logs"], 4, &["does not know"]);
    check(&[("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)], &["logs", "nobody"], 3, &["nobody"]);
    check(&[("TIDEGATE_SERVER", "nonsense")], &["logs"], 2, &["nonsense", "http://"]);
    check(&[], &["deploy"], 2, &["no integration", "tidegate new"]);
    check(&[], &["run", "nobody"], 3, &["nobody", "tidegate new"]);
    check(&[], &["new", "Bad Name"], 2, &["Bad Name"]);
    check(&[], &["sreve"], 2, &["serve"]);
}

#[tokio::test]
async fn the_next_ticks_are_the_same_from_a_folder_and_from_a_server() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    against(&server, &folder, &["new", "nightly", "--trigger", "recurring"]).ok();
    let tail = ["-n", "2", "--from", "2026-03-28T12:00:00Z"];
    let local: Vec<&str> = ["schedules", "next", "./nightly"].into_iter().chain(tail).collect();
    let expected = "2026-03-29T06:00:00.000Z\n2026-03-30T06:00:00.000Z\n";
    assert_eq!(against(&server, &folder, &local).ok().out, expected);
    against(&server, &folder, &["deploy"]).ok();
    let remote: Vec<&str> = ["schedules", "next", "nightly", "-n", "2", "--from", "2026-03-28T12:00:00Z"].to_vec();
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(against(&server, &elsewhere, &remote).ok().out, expected);
}

#[tokio::test]
async fn a_queue_is_looked_through_while_no_server_uses_it() {
    let mut server = Server::start().await;
    server.deploy("idle", "module.exports = () => null;", json!({})).await;
    for n in 0..3 {
        let body = json!({ "key": { "n": n }, "delay": "1h" });
        server.post("/v1/integrations/idle/schedule", body).await;
    }
    let data = server.data().to_str().unwrap().to_owned();
    let check = ["store", "check", "--data", &data];
    let used = tidegate(&check);
    assert!(used.code == 1 && used.err.contains("in use by another process"), "{used:?}");
    assert_eq!(server.terminate().await.code(), Some(0));
    assert_eq!(tidegate(&check).ok().out, "no contradictions in 3 jobs\n");
    let as_json = tidegate(&["store", "check", "--json", "--data", &data]).ok().out;
    assert_eq!(serde_json::from_str::<Value>(&as_json).unwrap(), json!({ "jobs": 3, "violations": [] }));
    let nowhere = tidegate(&["store", "check", "--data", "/nowhere"]);
    assert!(nowhere.code == 3 && nowhere.err.contains("/nowhere/queue.db"), "{nowhere:?}");
}

#[test]
fn every_shell_gets_completions_and_every_command_help() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(tidegate(&["completions", shell]).ok().out.contains("schedules"));
    }
    for command in ["serve", "dev", "new", "deploy", "run", "test", "logs", "schedules", "store", "completions"] {
        assert!(tidegate(&[command, "--help"]).ok().out.contains("Examples:"), "{command}");
    }
}
