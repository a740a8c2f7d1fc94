//! Queues that were used: whatever state their jobs are in, they move, and go on as they would have.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schedules::rate::{Limit, OnExceed};
use serde_json::json;
use store::conformance::{LEASE_MS, Sample, at, integration, job, limit};
use store::queue::{Claim, Control, IfExists, Inspect, Lease, NewJob, Next, Queue, Selector, Settlement, Transfer};

use crate::world::{World, check, copy, everything};

/// Something that is done to a queue.
#[derive(Clone, Debug)]
enum Use {
    Enqueue {
        of: u16,
        key: Option<u8>,
        lane: Option<u8>,
        due: i64,
        priority: u8,
        beside: bool,
    },
    Claim(usize),
    /// Settles the oldest lease.
    Settle(u8),
    Cancel {
        of: u16,
        key: u8,
    },
    Pass(i64),
}

fn uses() -> impl Strategy<Value = Vec<Use>> {
    let enqueue =
        (1_u16..4, proptest::option::of(0_u8..4), proptest::option::of(0_u8..3), 0_i64..2_000, 3_u8..6, any::<bool>())
            .prop_map(|(of, key, lane, due, priority, beside)| Use::Enqueue { of, key, lane, due, priority, beside });
    let one = prop_oneof![
        6 => enqueue,
        3 => (1_usize..6).prop_map(Use::Claim),
        2 => (0_u8..4).prop_map(Use::Settle),
        1 => (1_u16..4, 0_u8..4).prop_map(|(of, key)| Use::Cancel { of, key }),
        2 => (1_i64..900).prop_map(Use::Pass),
    ];
    prop::collection::vec(one, 1..70)
}

/// The first integration has lanes, the second lets jobs wait in line, the third refuses.
async fn prepare(queue: &impl Queue) {
    let waits = Limit { on_exceed: OnExceed::Delay, ..limit(2) };
    let by_key = Limit { fields: vec!["k".into()], ..waits.clone() };
    let controls = [
        Control { lane_concurrency: Some(1), ..Control::default() },
        Control { limits: vec![waits, by_key], ..Control::default() },
        Control { concurrency: Some(3), limits: vec![limit(1)], ..Control::default() },
    ];
    for (of, control) in (1..).zip(controls) {
        queue.control(integration(of), control).await.expect("control answers");
    }
}

async fn apply(world: &World, queue: &(impl Queue + Inspect), uses: &[Use]) {
    let mut leases: Vec<Lease> = Vec::new();
    for it in uses {
        match it {
            Use::Enqueue { .. } => drop(queue.enqueue(vec![new_job(world, it)]).await.expect("enqueue answers")),
            Use::Claim(limit) => {
                let claimed = queue.claim(Claim { limit: *limit, lease_ms: LEASE_MS }).await.expect("claim answers");
                leases.extend(claimed.jobs.iter().map(|leased| leased.lease));
            }
            Use::Settle(how) if !leases.is_empty() => {
                let next = match how {
                    0 => Next::Remove,
                    1 => Next::Retry { due: at(900), closes: None, error: "\"why\"".into() },
                    2 => Next::Return { due: at(1_500), closes: Some(at(9_000)) },
                    _ => Next::Bury { error: "\"why\"".into() },
                };
                queue.settle(vec![Settlement { lease: leases.remove(0), next }]).await.expect("settle answers");
            }
            Use::Settle(_) => {}
            Use::Cancel { of, key } => {
                let selector = Selector::Key(store::conformance::key(json!({"k": key})));
                queue.cancel(integration(*of), selector).await.expect("cancel answers");
            }
            Use::Pass(ms) => world.clock.advance(*ms),
        }
    }
}

fn new_job(world: &World, it: &Use) -> NewJob {
    let Use::Enqueue { of, key, lane, due, priority, beside } = it else { unreachable!("only these are jobs") };
    let mut new = job(*of).priority(*priority);
    new.job.due = schedules::Clock::now(&world.clock).after(*due - 1_000);
    new.job.lane = lane.map(|lane| json!({"l": lane}).to_string().into());
    if let Some(key) = key {
        new = new.key(json!({"k": key}));
    }
    new.if_exists(if *beside { IfExists::Beside } else { IfExists::Replace })
}

/// What is left, as it is handed out: by integration, lane and priority, for between those there are turns.
async fn drained(world: &World, queue: &(impl Queue + Inspect)) -> Vec<String> {
    for of in 1..4 {
        queue.control(integration(of), Control::default()).await.expect("control answers");
    }
    world.clock.advance(20_000);
    let (mut all, mut lanes) = (Vec::new(), std::collections::BTreeMap::<String, Vec<String>>::new());
    loop {
        let claimed = queue.claim(Claim { limit: 7, lease_ms: LEASE_MS }).await.expect("claim answers").jobs;
        if claimed.is_empty() {
            break;
        }
        for leased in claimed {
            let job = &leased.job;
            let lane = format!("{} {:?} {}", job.integration, job.lane, job.priority);
            lanes.entry(lane).or_default().push(format!("{} {} {}", job.id, leased.attempt, leased.lost));
            all.push(Settlement { lease: leased.lease, next: Next::Remove });
        }
    }
    for some in all.chunks(500) {
        queue.settle(some.to_vec()).await.expect("settle answers");
    }
    lanes.into_iter().map(|(lane, jobs)| format!("{lane}: {jobs:?}")).collect()
}

async fn moves<A, B>(world: &World, source: A, target: B, back: A, uses: &[Use])
where
    A: Queue + Inspect + Transfer,
    B: Queue + Inspect + Transfer,
{
    world.clock.set(at(0));
    prepare(&source).await;
    apply(world, &source, uses).await;
    world.clock.advance(i64::from(LEASE_MS));
    check(&source).await;
    let before = source.survey().await.expect("survey answers");
    let held = everything(&source, 5).await;
    copy(&source, &target).await;
    assert_eq!(everything(&target, 7).await, held, "what arrives");
    copy(&target, &back).await;
    assert_eq!(everything(&back, 9).await, held, "what comes back");
    for survey in [target.survey().await, back.survey().await] {
        let survey = survey.expect("survey answers");
        assert_eq!((survey.pending, survey.dead), (before.pending + before.overdue, before.dead));
    }
    check(&target).await;
    check(&back).await;
    assert_eq!(source.survey().await.expect("survey answers"), before, "the source is left as it was");
    let now = schedules::Clock::now(&world.clock);
    let there = drained(world, &target).await;
    world.clock.set(now);
    assert_eq!(drained(world, &back).await, there, "they go on in the same order");
    check(&target).await;
    check(&back).await;
}

fn run(cases: u32, each: impl Fn(&tokio::runtime::Runtime, &World, Vec<Use>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let world = runtime.block_on(World::new());
    let mut runner = TestRunner::new(Config { cases, ..Config::default() });
    let result = runner.run(&uses(), |uses| {
        each(&runtime, &world, uses);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn an_embedded_queue_moves_to_redis_and_back() {
    run(48, |runtime, world, uses| {
        runtime.block_on(async {
            moves(world, world.embedded(), world.redis().await, world.embedded(), &uses).await;
        });
    });
}

#[test]
fn a_queue_in_redis_moves_to_a_file_and_back() {
    run(48, |runtime, world, uses| {
        runtime.block_on(async {
            moves(world, world.redis().await, world.embedded(), world.redis().await, &uses).await;
        });
    });
}

#[test]
fn a_queue_in_redis_moves_to_another_number_of_partitions() {
    run(24, |runtime, world, uses| {
        runtime.block_on(async {
            moves(world, world.partitioned(1).await, world.partitioned(5).await, world.partitioned(1).await, &uses)
                .await;
        });
    });
}
