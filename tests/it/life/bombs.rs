//! Scripts that go wild: each ends with its own code, close to its timeout, and its neighbours do not notice.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use crate::support::{Server, until};

const TIMEOUT_MS: u64 = 1_000;

/// Name, code, the codes it may end with, and how often it is expected to take its whole timeout.
const BOMBS: &[(&str, &str, &[&str])] = &[
    ("endless-loop", "module.exports = () => { while (true) {} };", &["timeout"]),
    ("catch-all-loop", "module.exports = () => { for (;;) { try { for (;;) {} } catch {} } };", &["timeout"]),
    (
        "memory-bomb",
        "module.exports = () => { const a = []; for (;;) a.push(new Array(1000).fill({})); };",
        &["memory_limit"],
    ),
    ("deep-recursion", "module.exports = () => { const f = () => 1 + f(); return f(); };", &["stack_overflow"]),
    ("never-settles", "module.exports = () => new Promise(() => {});", &["never_settles"]),
    ("waits-for-ever", "module.exports = () => new Promise(() => setInterval(() => {}, 1000));", &["timeout"]),
    ("big-string", "module.exports = () => 'x'.repeat(100 * 1024 * 1024);", &["memory_limit", "response_too_large"]),
    ("evil-regex", "module.exports = () => /^(a+)+$/.test('a'.repeat(40) + '!');", &["timeout"]),
    ("await-storm", "module.exports = async () => { for (;;) await null; };", &["timeout"]),
    ("native-loop", "module.exports = () => Array.prototype.reverse.call({ length: 2 ** 53 - 1 });", &["timeout"]),
];

const NEIGHBOUR: &str = "module.exports = ({ payload }) => payload.n + 1;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_end_with_their_own_code_and_neighbours_go_on() {
    let server = Server::start().await;
    server.deploy("neighbour", NEIGHBOUR, json!({})).await;
    for (name, code, _) in BOMBS {
        server.deploy(name, code, json!({ "timeoutMs": TIMEOUT_MS, "retry": { "attempts": 1 } })).await;
    }
    let (stop, stopped) = watch::channel(false);
    let explode = async {
        for (name, _, codes) in BOMBS {
            explode(&server, name, codes).await;
        }
        stop.send_replace(true);
    };
    let (idle_ms, ()) = (neighbours(&server, None, 100).await, ());
    let (busy_ms, ()) = tokio::join!(neighbours(&server, Some(stopped), usize::MAX), explode);
    println!(
        "neighbours: idle p50 {:?} p99 {:?}; beside bombs p50 {:?} p99 {:?}, {} runs",
        idle_ms.0, idle_ms.1, busy_ms.0, busy_ms.1, busy_ms.2
    );
}

async fn explode(server: &Server, name: &str, codes: &[&str]) {
    let body = json!({ "payload": {} });
    let (status, answer) = server.call("POST", &format!("/v1/integrations/{name}/execute"), Some(body)).await;
    let code = answer["error"]["code"].as_str().unwrap_or_default();
    assert!(status == 422 && codes.contains(&code), "{name}: {status} {answer}");
    let run = server.get(&format!("/v1/runs/{}", answer["error"]["runId"].as_str().expect("runId"))).await;
    let ms = |field: &str| schedules::Millis::parse_rfc3339(run[field].as_str().expect("a time")).expect("RFC 3339").0;
    let took_ms = ms("finishedAt") - ms("startedAt");
    let outcome = if code == "timeout" { "timed_out" } else { "failed" };
    assert_eq!(run["outcome"], outcome, "{name}: {run}");
    println!("{name}: {code} after {took_ms} ms of {TIMEOUT_MS}");
    // On an idle machine it is within 100 ms; the bound here only tells an ended run from one that was forgotten.
    assert!(took_ms < TIMEOUT_MS as i64 + 1_000, "{name} took {took_ms} ms");
}

/// Executes the neighbour one after the other; every answer must be right. Gives p50, p99 and the number of runs.
async fn neighbours(
    server: &Server,
    mut until: Option<watch::Receiver<bool>>,
    most: usize,
) -> (Duration, Duration, usize) {
    let mut took = Vec::new();
    while took.len() < most && !until.as_mut().is_some_and(|until| *until.borrow_and_update()) {
        let n = took.len();
        let watch = schedules::Stopwatch::start();
        assert_eq!(server.execute("neighbour", json!({ "payload": { "n": n } })).await, json!(n + 1));
        took.push(watch.elapsed());
    }
    took.sort_unstable();
    (took[took.len() / 2], took[took.len() * 99 / 100], took.len())
}

#[tokio::test]
async fn a_script_that_writes_while_it_is_answered_does_not_stand_still() {
    let server = Server::start().await;
    // Answers larger than the socket's buffer come while the script, without reading, writes more than fits as well.
    let code = "module.exports = async ({ cache }) => {
        const big = 'x'.repeat(250 * 1024);
        await cache.set('big', big);
        const calls = [];
        for (let i = 0; i < 20; i++) calls.push(cache.get('big'), cache.set('other' + i, big));
        return (await Promise.all(calls)).filter((value) => value === big).length;
      };";
    server.deploy("talker", code, json!({ "timeoutMs": 20_000, "memoryMb": 256 })).await;
    assert_eq!(server.execute("talker", json!({})).await, json!(20));
}

#[tokio::test]
async fn a_runner_that_died_while_it_was_idle_costs_no_run() {
    let mut server = Server::start().await;
    server.deploy("neighbour", NEIGHBOUR, json!({})).await;
    let call = json!({ "payload": { "n": 1 } });
    assert_eq!(server.execute("neighbour", call.clone()).await, json!(2));
    let runners = children(server.process().id());
    assert!(!runners.is_empty());
    for runner in runners {
        let killed = tokio::process::Command::new("kill").args(["-KILL", &runner.to_string()]).status().await;
        assert!(killed.expect("`kill` runs").success());
        until("the runner to be gone", async || is_dead(runner).then_some(())).await;
    }
    assert_eq!(server.execute("neighbour", call).await, json!(2));
}

/// The processes that this one started.
fn children(parent: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).expect("the process runs");
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Whether nothing is left of a process but what its parent has to take note of: all its other threads have ended too.
fn is_dead(process: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count);
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    threads == 0 || (threads == 1 && stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z')))
}
