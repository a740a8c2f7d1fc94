//! The corpus of hostile scripts: each run ends in time and with its own code, and its neighbours go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use schedules::Stopwatch;
use scripts::protocol::Limits;
use workers::runners::{Isolation, Pool};
use workers::{Event, Events, Observer};

use super::{Script, observed_pool, run, run_payload};

const CORPUS: &[&str] = &[
    include_str!("../../../scripts/tests/bombs/loops.js"),
    include_str!("../../../scripts/tests/bombs/native.js"),
    include_str!("../../../scripts/tests/bombs/memory.js"),
    include_str!("../../../scripts/tests/bombs/recursion.js"),
    include_str!("../../../scripts/tests/bombs/regex.js"),
    include_str!("../../../scripts/tests/bombs/promises.js"),
    include_str!("../../../scripts/tests/bombs/values.js"),
];

/// What is expected to run until it is stopped has this long.
const STOPPED_MS: u32 = 200;
/// What is expected to end by itself has plenty.
const ENDS_MS: u32 = 10_000;
/// The engine's grace before it kills.
const GRACE: Duration = Duration::from_millis(250);
/// How late a loaded machine may be with anything. Sixteen runs share two processors here, often with other tests.
const SLACK: Duration = Duration::from_secs(2);
/// Bombs at one time.
const AT_ONCE: usize = 16;

struct Bomb {
    name: &'static str,
    /// The codes it may end with, or its results.
    codes: Vec<&'static str>,
    body: &'static str,
}

impl Bomb {
    /// `// name: code, code`, and below it the body of a handler.
    fn parse(text: &'static str) -> Self {
        let (head, body) = text.split_once('\n').expect("a body");
        let (name, codes) = head.split_once(": ").expect("a name and codes");
        Self { name, codes: codes.split(", ").collect(), body }
    }

    fn limits(&self) -> Limits {
        let timeout_ms = if self.codes[0] == "timeout" { STOPPED_MS } else { ENDS_MS };
        Limits { timeout_ms, ..Limits::default() }
    }
}

fn corpus() -> Vec<Bomb> {
    CORPUS.iter().flat_map(|file| file.split("// ").filter(|part| part.contains('\n')).map(Bomb::parse)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_end_in_time_with_their_own_code_and_neighbours_go_on() {
    let (bombs, killed) = (corpus(), Arc::new(Killed::default()));
    let pool = observed_pool(2, Isolation::Warm, Events::new(vec![killed.clone()]));
    assert!(bombs.len() >= 150, "{} bombs", bombs.len());
    pool.warm(1).expect("a runner");
    let idle = neighbours(&pool, &AtomicBool::new(true)).await;
    let exploding = AtomicBool::new(true);
    let watch = Stopwatch::start();
    let explode = async {
        let outcomes: Vec<_> =
            stream::iter(&bombs).map(|bomb| explode(&pool, bomb)).buffer_unordered(AT_ONCE).collect().await;
        exploding.store(false, Ordering::Relaxed);
        outcomes
    };
    let (outcomes, beside) = tokio::join!(explode, neighbours_while(&pool, &exploding));
    println!("{} bombs in {:?}", bombs.len(), watch.elapsed());
    println!("neighbours: idle {idle}; beside bombs {beside}");
    let worst = outcomes.iter().max_by_key(|(_, late, _)| *late).expect("bombs");
    println!("the latest past its deadline: {} by {:?} (bound: {:?} + {SLACK:?})", worst.0, worst.1, GRACE);
    let killed = killed.0.lock().expect("no panic").clone();
    println!("runners replaced: {killed:?}");
    assert!(!killed.contains_key("crashed"), "a script crashed its runner");
    let wrong: Vec<_> = outcomes.iter().filter_map(|(_, _, wrong)| wrong.as_ref()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Why runners ended, and how many.
#[derive(Default)]
struct Killed(Mutex<BTreeMap<&'static str, u32>>);

impl Observer for Killed {
    fn observe(&self, event: &Event) {
        if let Event::RunnerKilled { reason } = event {
            *self.0.lock().expect("no panic").entry(reason).or_default() += 1;
        }
    }
}

/// Its name, how far past its deadline it ended, and what is wrong with how it ended.
async fn explode<'a>(pool: &Pool, bomb: &'a Bomb) -> (&'a str, Duration, Option<String>) {
    let ran = run(pool, &Script::new(bomb.body), bomb.limits()).await;
    let late = ran.took.saturating_sub(Duration::from_millis(bomb.limits().timeout_ms.into()));
    let shown: String = ran.code().chars().take(60).collect();
    let wrong = if !bomb.codes.contains(&&*shown) {
        Some(format!("{}: {shown} is none of {:?}; {:?}", bomb.name, bomb.codes, ran.ended.result.err()))
    } else if late > GRACE + SLACK {
        Some(format!("{}: {late:?} late", bomb.name))
    } else {
        None
    };
    (bomb.name, late, wrong)
}

/// What the neighbour's runs took.
struct Took(Vec<Duration>, u32);

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |percent: usize| self.0[(self.0.len() - 1) * percent / 100];
        write!(f, "p50 {:?} p99 {:?} of {} runs, {} given back", at(50), at(99), self.0.len(), self.1)
    }
}

async fn neighbours(pool: &Pool, going: &AtomicBool) -> Took {
    let script = Script::new("return payload + 1");
    let mut took = Took(Vec::new(), 0);
    while took.0.len() < 200 && going.load(Ordering::Relaxed) {
        neighbour(pool, &script, &mut took).await;
    }
    took.0.sort_unstable();
    took
}

async fn neighbours_while(pool: &Pool, going: &AtomicBool) -> Took {
    let script = Script::new("return payload + 1");
    let mut took = Took(Vec::new(), 0);
    while going.load(Ordering::Relaxed) {
        neighbour(pool, &script, &mut took).await;
    }
    took.0.sort_unstable();
    took
}

/// Every answer must be right, whatever happens beside it.
async fn neighbour(pool: &Pool, script: &Script, took: &mut Took) {
    let (n, watch) = (took.0.len(), Stopwatch::start());
    let ran = run_payload(pool, script, Limits::default(), &n.to_string()).await;
    assert_eq!(ran.code(), (n + 1).to_string());
    took.0.push(watch.elapsed());
    took.1 += ran.given_back;
}
