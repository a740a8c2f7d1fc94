//! Bulk actions and dead jobs by the command line, and through the death of the server.

use serde_json::{Value, json};

use crate::support::{KEY, Ran, Server, tidegate_in, until};

fn run(server: &Server, args: &[&str]) -> Ran {
    let env = [("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)];
    tidegate_in(&std::env::temp_dir(), args, &env)
}

async fn total(server: &Server, query: &str) -> u64 {
    server.get(&format!("/v1/jobs?{query}")).await["totalCount"].as_u64().expect("a number")
}

async fn fill(server: &Server, jobs: usize) {
    for n in 0..jobs {
        let body = json!({ "key": { "n": n, "campaign": "spring" }, "delay": "1h" });
        server.post("/v1/integrations/mail/schedule", body).await;
    }
}

#[tokio::test]
async fn jobs_are_listed_moved_and_cancelled_by_key() {
    let server = Server::start().await;
    server.deploy("mail", "module.exports = () => 1;", json!({})).await;
    fill(&server, 3).await;
    let spring = r#"{"campaign": "spring"}"#;
    let listed = run(&server, &["jobs", "list", "--integration", "mail", "--match", spring]).ok();
    assert_eq!(listed.out.lines().count(), 3, "{listed:?}");
    let one = r#"{"campaign": "spring", "n": 1}"#;
    let found = run(&server, &["jobs", "list", "--integration", "mail", "--key", one, "--json"]).ok();
    let found: Value = serde_json::from_str(&found.out).expect("JSON");
    let id = found["items"][0]["id"].as_str().expect("an id").to_owned();
    let shown = run(&server, &["jobs", "show", &id]).ok();
    assert!(shown.out.contains("\"spring\""), "{shown:?}");
    let moved = run(&server, &["jobs", "reschedule", &id, "--time", "2031-01-01T00:00:00Z"]).ok();
    assert!(moved.err.contains("2031-01-01T00:00:00"), "{moved:?}");
    let moved =
        run(&server, &["jobs", "reschedule", "--integration", "mail", "--match", spring, "--delay", "2 days"]).ok();
    assert_eq!(moved.out.lines().count(), 3, "{moved:?}");
    run(&server, &["jobs", "cancel", &id]).ok();
    let again = run(&server, &["jobs", "cancel", &id]);
    assert_eq!(again.code, 1, "{again:?}");
    let rest = run(&server, &["jobs", "cancel", "--integration", "mail", "--match", spring]).ok();
    assert!(rest.err.contains("cancelled 2 jobs"), "{rest:?}");
    assert_eq!(run(&server, &["jobs", "cancel", "--integration", "mail"]).code, 2);
}

#[tokio::test]
async fn a_cancellation_is_tried_done_and_undone() {
    let server = Server::start().await;
    server.deploy("mail", "module.exports = () => 1;", json!({})).await;
    fill(&server, 25).await;
    let spring = ["--integration", "mail", "--match", r#"{"campaign": "spring"}"#];
    let tried = run(&server, &[&["bulk", "cancel", "--dry-run"], &spring[..]].concat()).ok();
    assert_eq!(tried.out.lines().count(), 10, "{tried:?}");
    assert!(tried.err.contains("25 jobs; nothing was changed"), "{tried:?}");
    assert_eq!(total(&server, "integration=mail&state=pending").await, 25);

    let done = run(&server, &[&["bulk", "cancel"], &spring[..]].concat()).ok();
    assert!(done.err.contains("finished: 25 of 25 done, 0 skipped"), "{done:?}");
    assert_eq!(total(&server, "integration=mail&state=pending").await, 0);
    let id = server.get("/v1/bulk").await["items"][0]["id"].as_str().expect("an id").to_owned();
    let undone = run(&server, &["bulk", "undo", &id]).ok();
    assert!(undone.err.contains("25 put back, 0 could not be"), "{undone:?}");
    assert_eq!(total(&server, "integration=mail&state=pending").await, 25);
    let listed = run(&server, &["bulk", "list"]).ok();
    assert!(listed.out.contains(&id) && listed.out.contains("undone"), "{listed:?}");
}

#[tokio::test]
async fn a_bulk_action_goes_on_after_the_server_was_killed() {
    let mut server = Server::start().await;
    server.deploy("mail", "module.exports = () => 1;", json!({})).await;
    fill(&server, 150).await;
    let filter = json!({ "integration": "mail" });
    let started = server.post("/v1/bulk", json!({ "action": "cancel", "filter": filter })).await;
    server.kill().await;
    server.restart().await;
    let path = format!("/v1/bulk/{}", started["id"].as_str().expect("an id"));
    let finished = until("the action's end", async || {
        let bulk = server.get(&path).await;
        (bulk["state"] == "finished").then_some(bulk)
    })
    .await;
    assert_eq!((&finished["total"], &finished["done"]), (&json!(150), &json!(150)), "{finished}");
    assert_eq!(total(&server, "integration=mail&state=pending").await, 0);
}

#[tokio::test]
async fn what_died_of_a_bad_release_runs_on_the_next_one() {
    let server = Server::start().await;
    let bad = "module.exports = ({ payload }) => { throw new Error(`order ${payload.n} has no total`); };";
    server.deploy("mail", bad, json!({ "retry": { "attempts": 1 } })).await;
    for n in 0..5 {
        server.post("/v1/integrations/mail/schedule", json!({ "key": { "n": n }, "payload": { "n": n } })).await;
    }
    until("five jobs to be dead", async || (total(&server, "state=dead").await == 5).then_some(())).await;
    let groups = server.get("/v1/dead").await;
    assert_eq!((&groups["totalCount"], &groups["items"][0]["count"]), (&json!(1), &json!(5)), "{groups}");
    let fingerprint = groups["items"][0]["fingerprint"].as_str().expect("a fingerprint");
    let listed = run(&server, &["dead", "list"]).ok();
    assert!(listed.out.contains(fingerprint) && listed.out.contains("has no total"), "{listed:?}");
    let shown = run(&server, &["dead", "show", fingerprint]).ok();
    assert!(shown.out.contains("integration.js") && shown.out.lines().count() > 5, "{shown:?}");

    server.deploy("mail", "module.exports = ({ payload }) => payload.n;", json!({})).await;
    let one = groups["items"][0]["sample"]["id"].as_str().expect("an id");
    run(&server, &["jobs", "replay", one, "--payload", r#"{"n": 42}"#]).ok();
    let replayed = run(&server, &["dead", "replay", fingerprint, "--release", "newest"]).ok();
    assert!(replayed.err.contains("finished: 4 of 4 done"), "{replayed:?}");
    let runs = until("five good runs", async || {
        let runs = server.get("/v1/runs?outcome=succeeded").await;
        (runs["totalCount"] == 5).then_some(runs)
    })
    .await;
    let results: Vec<i64> =
        runs["items"].as_array().unwrap().iter().map(|run| run["result"].as_i64().unwrap()).collect();
    assert!(results.contains(&42), "{results:?}");
    assert!(runs["items"].as_array().unwrap().iter().all(|run| run["cause"] == "replay"), "{runs}");
    let none = run(&server, &["dead", "discard", fingerprint]);
    assert_eq!(none.code, 3, "{none:?}");
}
