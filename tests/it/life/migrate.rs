//! The queue moves to Redis and back: what was scheduled is still there, and runs once.

use std::fs;
use std::path::Path;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use store::queue::Queue;
use store::servers::{self, Proxy, Server as Redis};

use crate::support::{Ran, Server, Spawned, tidegate_in, until};

const ECHO: &str = "module.exports = ({ payload }) => payload.n;";
/// Jobs of the day after tomorrow, and jobs that are due.
const LATER: usize = 1_900;
const DUE: usize = 100;

fn migrate(data: &Path, args: &[&str]) -> Ran {
    let data = data.to_str().expect("the folder's name is UTF-8");
    let args: Vec<&str> = ["store", "migrate", "--data", data].iter().chain(args).copied().collect();
    tidegate_in(&std::env::temp_dir(), &args, &[])
}

async fn schedule(server: &Server, name: &str, n: usize, delay: &str) {
    let body = json!({ "key": { "n": n }, "payload": { "n": n }, "delay": delay });
    let path = format!("/v1/integrations/{name}/schedule");
    // An API key has a rate of its own: a call that comes too early is made again.
    until("a job to be accepted", async || match server.call("POST", &path, Some(body.clone())).await {
        (429, _) => None,
        (202, _) => Some(()),
        (status, answer) => panic!("{status} {answer}"),
    })
    .await;
}

async fn total(server: &Server, query: &str) -> u64 {
    server.get(query).await["totalCount"].as_u64().expect("a number")
}

async fn cancel(server: &Server, name: &str, n: usize) -> u64 {
    let path = format!("/v1/integrations/{name}/cancel");
    server.post(&path, json!({ "key": { "n": n } })).await["data"]["cancelled"].as_u64().expect("a number")
}

/// A server with jobs that wait, stopped.
async fn filled(data: &Path, later: usize, due: usize) {
    let mut server = Server::start_on(data, &[]).await;
    server.deploy("later", ECHO, json!({})).await;
    server.deploy("due", ECHO, json!({})).await;
    server.post("/v1/integrations/due/pause", json!({ "note": "moving" })).await;
    let jobs = (0..later).map(|n| ("later", n, "2 days")).chain((0..due).map(|n| ("due", n, "0")));
    let server_ref = &server;
    stream::iter(jobs)
        .for_each_concurrent(64, |(name, n, delay)| async move { schedule(server_ref, name, n, delay).await })
        .await;
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn two_thousand_jobs_move_to_redis_and_go_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let redis = Redis::start(servers::Options::default()).await;
    let url = redis.url();
    filled(&data, LATER, DUE).await;

    let planned = migrate(&data, &["--from", "embedded", "--to", &url, "--plan"]).ok();
    for part in ["2,000  pending jobs", "1  controls", "the target is empty", "append-only"] {
        assert!(planned.out.contains(part), "no {part:?} in {planned:?}");
    }
    assert_eq!(redis.ask::<u64>(&["DBSIZE"]).await, 0, "a plan changes nothing");

    let moved = migrate(&data, &["--from", "embedded", "--to", &url]).ok();
    let engine = format!("engine = \"{url}\"");
    for part in ["both sides are the same: 2,000 pending", &engine, "queue.db, is left as it is"] {
        assert!(moved.err.contains(part), "no {part:?} in {}", moved.err);
    }
    let refused =
        tidegate_in(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()], &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("this queue was moved to") && refused.err.contains(&url), "{}", refused.err);

    let mut server = Server::start_on(&data, &["--queue", &url]).await;
    assert_eq!(total(&server, "/v1/jobs?integration=later&state=pending").await, LATER as u64);
    let in_use = migrate(folder.path(), &["--from", &url, "--to", "embedded"]);
    assert!(in_use.code == 1 && in_use.err.contains("stop all servers first"), "{in_use:?}");
    for n in [0, 7, LATER - 1] {
        assert_eq!((cancel(&server, "later", n).await, cancel(&server, "later", n).await), (1, 0), "{n}");
    }
    assert_eq!(cancel(&server, "due", 5).await, 1);
    assert_eq!(total(&server, "/v1/runs?outcome=succeeded").await, 0, "nothing ran while it was paused");
    server.post("/v1/integrations/due/resume", json!({})).await;
    until("the due jobs to run", async || {
        (total(&server, "/v1/runs?integration=due&outcome=succeeded").await >= DUE as u64 - 1).then_some(())
    })
    .await;
    // The cancelled one is in the history too.
    assert_eq!(total(&server, "/v1/runs?integration=due").await, DUE as u64);
    assert_eq!(server.terminate().await.code(), Some(0));

    let back = migrate(&data, &["--from", &url, "--to", "embedded"]);
    assert_eq!(back.code, 1, "{back:?}");
    assert!(back.err.contains("is not empty: it holds 2,000 jobs") && back.err.contains("delete"), "{}", back.err);
    for file in ["queue.db", "queue.db-wal", "queue.db-shm"] {
        fs::remove_file(data.join(file)).ok();
    }
    let back = migrate(&data, &["--from", &url, "--to", "embedded"]).ok();
    assert!(back.err.contains("the same: 1,897 pending"), "{}", back.err);
    let server = Server::start_on(&data, &[]).await;
    assert_eq!(cancel(&server, "later", 8).await, 1);
    assert_eq!(total(&server, "/v1/jobs?integration=later&state=pending").await, LATER as u64 - 4);
}

/// Waits until Redis has noticed that everybody has gone.
async fn nobody_is_connected(redis: &Redis) {
    until("the queue to be closed", async || {
        (redis.ask::<(String, u64)>(&["PUBSUB", "NUMSUB", "{tidegate:0}:wake"]).await.1 == 0).then_some(())
    })
    .await;
}

/// Jobs in a file, without a server.
async fn file_with(data: &Path, jobs: u16) {
    fs::create_dir_all(data).expect("the folder can be made");
    let options = store::embedded::Options { sync: store::embedded::Sync::Normal, ..Default::default() };
    let clock = std::sync::Arc::new(schedules::SystemClock);
    let queue = store::embedded::Embedded::open(&data.join("queue.db"), options, clock).expect("a queue");
    let jobs: Vec<_> = (0..jobs).map(|number| store::conformance::job(number % 7)).collect();
    for some in jobs.chunks(1_000) {
        queue.enqueue(some.to_vec()).await.expect("enqueue answers");
    }
}

/// The commands block their thread; the proxy needs another one.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_migration_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    file_with(&data, 6_000).await;
    let redis = Redis::start(servers::Options::default()).await;
    let proxy = Proxy::start(redis.port()).await;
    // A part takes more than a second.
    proxy.delay(150);
    let url = proxy.url();
    let args = ["store", "migrate", "--from", "embedded", "--to", &url, "--data", data.to_str().unwrap()];
    let mut first = Spawned::start(folder.path(), &args, &[]);
    let file = data.join("migrate.json");
    let read = || -> Option<Value> { serde_json::from_str(&fs::read_to_string(&file).ok()?).ok() };
    until("a part to be copied", async || read().filter(|state| state["read"].as_u64() >= Some(1_000))).await;
    assert_eq!(first.terminate().await.code(), Some(130));
    let copied = read().expect("a state")["read"].as_u64().expect("a number");
    assert!((1_000..6_000).contains(&copied), "{copied}");

    let refused =
        tidegate_in(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--queue", &url, "--data", args[7]], &[]);
    assert!(refused.code == 1 && refused.err.contains("is being moved"), "{refused:?}");
    let other = migrate(&data, &["--from", "embedded", "--to", &redis.url()]);
    assert!(other.code == 1 && other.err.contains("has not finished"), "{other:?}");

    proxy.delay(0);
    // What the proxy still held back may close a connection late.
    nobody_is_connected(&redis).await;
    let second = tidegate_in(folder.path(), &args, &[]).ok();
    for part in ["going on: ", " of 6,000 records were copied before", "the same: 6,000 pending"] {
        assert!(second.err.contains(part), "no {part:?} in {}", second.err);
    }
    let check = tidegate_in(folder.path(), &["store", "check", "--queue", &url], &[]).ok();
    assert_eq!(check.out.trim(), "no contradictions in 6000 jobs");
}

/// What a target lost is found by the comparison, and added by another run.
#[tokio::test]
async fn what_the_target_lost_is_added() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    file_with(&data, 3_000).await;
    let redis = Redis::start(servers::Options::default()).await;
    let url = redis.url();
    let args = ["--from", "embedded", "--to", &url];
    migrate(&data, &args).ok();
    let file = data.join("migrate.json");
    let mut state: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    // As if it had been killed before the comparison, and Redis had lost an integration since.
    state["finished"] = Value::Null;
    fs::write(&file, state.to_string()).unwrap();
    let config = store::redis::Config::parse(&url).unwrap();
    let queue = store::redis::Redis::connect(config, store::redis::Options::default()).await.unwrap();
    queue.purge(store::conformance::integration(3)).await.unwrap();
    drop(queue);
    nobody_is_connected(&redis).await;
    let missing = migrate(&data, &args);
    assert!(missing.code == 1 && missing.err.contains("records are missing in the target"), "{missing:?}");
    assert!(migrate(&data, &args).ok().err.contains("the same: 3,000 pending"));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    file_with(&data, 3).await;
    let redis = Redis::start(servers::Options::default()).await;
    let url = redis.url();
    let check = |data: &Path, args: &[&str], code: i32, parts: &[&str]| {
        let ran = migrate(data, args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        for part in parts {
            assert!(ran.err.contains(part), "{args:?}: no {part:?} in {}", ran.err);
        }
        assert!(!ran.err.contains("s3cret"), "{}", ran.err);
    };
    check(&data, &["--from", "postgres://u:s3cret@h/d", "--to", "embedded"], 2, &["--from", "no kind of Redis"]);
    check(&data, &["--from", "embedded", "--to", "redis"], 2, &["--to", "redis://127.0.0.1:6379/0"]);
    check(&data, &["--from", "embedded", "--to", "embedded"], 2, &["the same queue"]);
    check(&data, &["--from", &url, "--to", &url], 2, &["the same queue", "--to-prefix"]);
    check(&data, &["--from", "embedded"], 2, &["--to"]);
    check(&folder.path().join("none"), &["--from", "embedded", "--to", &url], 3, &["there is no queue", "--data"]);
    check(&data, &["--from", &url, "--to", "embedded"], 3, &["there is no queue", "--prefix"]);
    let nowhere = ["--from", "embedded", "--to", "redis://:s3cret@127.0.0.1:1"];
    check(&data, &nowhere, 1, &["redis://127.0.0.1:1", "unavailable"]);
    fs::remove_file(data.join("migrate.json")).ok();

    let prefixed = |prefix: &'static str| ["--from", "embedded", "--to", &url, "--prefix", prefix].map(str::to_owned);
    let run = |args: [String; 6]| migrate(&data, &args.each_ref().map(String::as_str));
    run(prefixed("one")).ok();
    let again = run(prefixed("one"));
    assert!(again.code == 1 && again.err.contains("is not empty: it holds 3 jobs"), "{again:?}");
    redis.ask::<()>(&["SET", "{two:0}:v", "9 1"]).await;
    let later = run(prefixed("two"));
    assert!(later.code == 1 && later.err.contains("another version of the program wrote it"), "{later:?}");
    let moved = ["--from", &url, "--to", &url, "--prefix", "one", "--to-prefix", "three"];
    assert!(migrate(&data, &moved).ok().err.contains("prefix = \"three\""));
    fs::write(data.join("migrate.json"), "{\"version\":9}").unwrap();
    check(&data, &["--from", "embedded", "--to", &url], 1, &["migrate.json cannot be read", "delete it"]);

    let server = Server::start_on(&folder.path().join("busy"), &[]).await;
    check(server.data(), &["--from", "embedded", "--to", &url], 1, &["in use by another process", "stop it first"]);
}
