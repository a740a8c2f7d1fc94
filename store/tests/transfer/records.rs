//! Records of all kinds, at random, such as one queue may hold together.

use std::collections::BTreeSet;

use proptest::option;
use proptest::prelude::*;
use schedules::rate::gcra::Tat;
use schedules::rate::{Algorithm, Limit, OnExceed, OnMissing, Rule, State};
use schedules::{Millis, Outside, WindowSpec};
use serde_json::json;
use store::conformance::{at, integration, key, schedule};
use store::queue::{
    Cause, Control, Cursor, Debounce, Idempotency, Job, Record, ScheduleRef, Stored, Tick, TickRecord, Verdict,
};
use store::{IntegrationId, JobId};
use ulid::Ulid;

/// The interval of every sliding window.
const INTERVAL_MS: i64 = 60_000;
const INTEGRATIONS: std::ops::Range<u16> = 1..5;

/// What one queue may hold: numbers of arrival are unique, and a key names one pending job.
pub fn records() -> impl Strategy<Value = Vec<Record>> {
    let jobs = prop::collection::vec(stored(), 0..60);
    let schedules = (cursors(), ticks());
    (jobs, controls(), schedules, prop::collection::vec(idempotency(), 0..12), prop::collection::vec(bucket(), 0..12))
        .prop_map(|(jobs, controls, (cursors, ticks), idempotency, buckets)| {
            let rest =
                controls.into_iter().chain(cursors).chain(ticks).chain(distinct(idempotency)).chain(distinct(buckets));
            rest.chain(consistent(jobs)).collect()
        })
}

/// Numbers jobs, and lets the first of those that share a key have it.
fn consistent(jobs: Vec<Stored>) -> impl Iterator<Item = Record> {
    let mut taken = BTreeSet::new();
    let mut arrival = 0;
    jobs.into_iter().map(move |mut stored| {
        arrival += 1 + stored.arrival;
        stored.arrival = arrival;
        let job = &stored.job;
        stored.keyed &= job.key.is_some();
        let name = job.key.as_ref().map(|key| (job.integration, key.canonical().to_owned()));
        let is_holder = stored.keyed && stored.died.is_none() && !stored.detached;
        stored.detached &= stored.keyed && stored.died.is_none();
        if is_holder && !taken.insert(name) {
            stored.detached = true;
        }
        Record::Job(Box::new(stored))
    })
}

fn distinct(records: Vec<Record>) -> Vec<Record> {
    let mut seen = BTreeSet::new();
    let name = |record: &Record| match record {
        Record::Idempotency { integration, asked, .. } => (*integration, asked.key.clone()),
        Record::Bucket { integration, name, .. } => (*integration, name.clone()),
        other => (other.integration(), String::new()),
    };
    records.into_iter().filter(|record| seen.insert(name(record))).collect()
}

fn an_integration() -> impl Strategy<Value = IntegrationId> {
    INTEGRATIONS.prop_map(integration)
}

fn a_time() -> impl Strategy<Value = Millis> {
    prop_oneof![(-100_000_i64..100_000).prop_map(at), Just(Millis(0)), Just(Millis(4_000_000_000_000))]
}

fn stored() -> impl Strategy<Value = Stored> {
    let counts = (0_u64..3, 0_u32..9, 0_u32..4);
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.3));
    let end = (option::weighted(0.25, a_time()), option::of("[a-z\u{e9}\"]{1,20}"));
    (job(), counts, flags, end).prop_map(
        |(job, (arrival, attempts, lost), (charged, keyed, detached), (died, error))| Stored {
            job,
            arrival,
            attempts,
            lost,
            charged,
            keyed,
            detached,
            died,
            error: error.map(Into::into),
        },
    )
}

fn job() -> impl Strategy<Value = Job> {
    let times = (
        a_time(),
        option::of(a_time()),
        a_time(),
        option::of(((a_time(), option::of(a_time())), option::of(1_u16..3))),
    );
    let numbers = (0_u8..10, option::of(1_u32..9), 0_u32..1_000, option::of(1_u32..20), any::<bool>());
    let weight = prop_oneof![3 => Just(1_u32), 1 => 2_u32..1_000_000];
    let texts = (payload(), option::weighted(0.2, Just("{\"event\":{\"a\":1}}".into())), a_key(), a_lane());
    let rest = (
        an_integration(),
        prop::sample::select(Cause::ALL.to_vec()),
        option::weighted(0.3, window()),
        any::<u128>(),
        weight,
    );
    (times, numbers, texts, rest).prop_map(
        |((due, closes, created, tick), (priority, release, jitter_ms, attempts, awaited), texts, rest)| {
            let (payload, context, key, lane): (_, Option<String>, _, _) = texts;
            let (integration, (cause, _), window, random, weight) = rest;
            Job {
                id: JobId(Ulid::from_parts(1_750_000_000_000, random)),
                integration,
                cause,
                release,
                payload,
                key,
                due,
                closes,
                window,
                jitter_ms,
                priority,
                weight,
                lane,
                awaited,
                debounce: (tick.is_none() && random % 5 == 0)
                    .then(|| Debounce { latest: at(priority.into()), pushes: jitter_ms }),
                tick: tick.map(|((nominal, previous), number)| {
                    let own = ScheduleRef::from(integration);
                    let schedule = number.map_or(own, |number| schedule_in(integration, number)).schedule;
                    Tick { schedule, nominal, previous, upcoming: None }
                }),
                attempts,
                context: context.map(Into::into),
                created,
            }
        },
    )
}

/// Some are so large that a part has room for few of them.
fn payload() -> impl Strategy<Value = Box<str>> {
    prop_oneof![
        40 => "[ -~]{0,40}".prop_map(|text| json!(text).to_string().into()),
        1 => Just(json!("x".repeat(300_000)).to_string().into()),
    ]
}

fn a_key() -> impl Strategy<Value = Option<schedules::Key>> {
    let written = |text: &str| Some(key(serde_json::from_str(text).expect("JSON")));
    prop_oneof![
        Just(None),
        Just(written(r#"{"email":"a"}"#)),
        Just(written(r#"{"email":"b","n":1.0}"#)),
        Just(written(r#"{"n":1,"email":"b"}"#)),
        (0..20).prop_map(|n| Some(key(json!({"email": n})))),
    ]
}

fn a_lane() -> impl Strategy<Value = Option<Box<str>>> {
    prop_oneof![Just(None), (0..3).prop_map(|n| Some(json!({"email": n}).to_string().into()))]
}

fn window() -> impl Strategy<Value = WindowSpec> {
    any::<bool>().prop_map(|drops| WindowSpec {
        day: Some("mon-fri".into()),
        time: Some("09:00-17:00".into()),
        timezone: Some("Europe/Berlin".into()),
        timezone_offset_minutes: None,
        holidays: vec!["2025-12-25".into()],
        outside: if drops { Outside::Drop } else { Outside::Move },
    })
}

/// Each integration has the limits that the buckets need, and some more.
fn controls() -> impl Strategy<Value = Vec<Record>> {
    let number = || option::of(0_u32..5);
    let one = (any::<bool>(), number(), number(), number(), any::<bool>(), 1_u32..100);
    prop::collection::vec(one, INTEGRATIONS.len()).prop_map(|all| {
        let control = |(paused, concurrency, lane_concurrency, lane_backlog, delays, limit)| {
            let rule = Rule { limit, interval_ms: 1_000, burst: None, algorithm: Algorithm::LeakyBucket };
            let on_exceed = if delays { OnExceed::Delay } else { OnExceed::Reject };
            let leaky = Limit {
                rule,
                fields: vec![],
                on_exceed,
                on_missing: OnMissing::Skip,
                limiter: None,
                back_pressure: false,
            };
            let rule = Rule { interval_ms: INTERVAL_MS.unsigned_abs(), algorithm: Algorithm::SlidingWindow, ..rule };
            let fields = vec!["email".to_owned()];
            let sliding = Limit { rule, fields, on_missing: OnMissing::Reject, ..leaky.clone() };
            Control {
                paused,
                concurrency,
                lane_concurrency,
                lane_backlog,
                lane_fifo: delays,
                limits: vec![leaky, sliding],
            }
        };
        let records = INTEGRATIONS.zip(all.into_iter().map(control));
        records.map(|(of, control)| Record::Control { integration: integration(of), control }).collect()
    })
}

fn schedule_in(integration: IntegrationId, number: u16) -> ScheduleRef {
    ScheduleRef { integration, ..schedule(0, number) }
}

fn a_schedule() -> impl Strategy<Value = ScheduleRef> {
    (INTEGRATIONS, 0_u16..3).prop_map(|(of, number)| match number {
        0 => integration(of).into(),
        number => schedule(of, number),
    })
}

fn cursors() -> impl Strategy<Value = Vec<Record>> {
    let cursor = (a_time(), prop_oneof![Just(0), 0_u64..1_000_000], 0_u32..3, option::of(a_time()));
    let all = prop::collection::btree_map(a_schedule(), cursor, 0..12);
    all.prop_map(|all| {
        let record = |(schedule, (nominal, fired, revision, seen))| Record::Cursor {
            schedule,
            cursor: Cursor { nominal, fired, revision, seen },
        };
        all.into_iter().map(record).collect()
    })
}

/// What became of ticks, each of another name.
fn ticks() -> impl Strategy<Value = Vec<Record>> {
    let verdict = prop::sample::select(Verdict::ALL.map(|(verdict, ..)| verdict).to_vec());
    let numbers = (option::of(0_u64..1_000_000), 0_u32..3, option::of(any::<u128>()));
    let record = (numbers, verdict, a_time(), a_time(), option::of(a_time()));
    prop::collection::btree_map((a_schedule(), a_time()), record, 0..12).prop_map(|all| {
        all.into_iter()
            .map(|((schedule, first), ((count, revision, job), verdict, last, recorded, effective))| {
                let job = job.map(|random| JobId(Ulid::from_parts(1_750_000_000_000, random)));
                let cause = job.map(|_| Cause::Catchup);
                Record::Tick(TickRecord {
                    schedule,
                    first,
                    last,
                    count,
                    verdict,
                    job,
                    cause,
                    effective,
                    revision,
                    recorded,
                })
            })
            .collect()
    })
}

fn idempotency() -> impl Strategy<Value = Record> {
    (an_integration(), "[a-z/ :é]{1,8}", any::<[u8; 32]>(), any::<u128>(), (a_time(), a_time()), any::<bool>())
        .prop_map(|(integration, key, fingerprint, first, (until, due), replaced)| Record::Idempotency {
            integration,
            asked: Idempotency { key, fingerprint, until },
            first: JobId(Ulid::from_parts(1_750_000_000_000, first)),
            due,
            replaced,
        })
}

fn bucket() -> impl Strategy<Value = Record> {
    let leaky = (1_i64..100_000, 0_u32..7).prop_map(|(ms, part)| {
        let tat = Tat { ms: at(ms).0, part };
        ("l0{}".to_owned(), State::LeakyBucket(Some(tat)), tat.empty_at())
    });
    let log = prop::collection::btree_set(1 - INTERVAL_MS..0, 1..5);
    let sliding = (log, "[a-zé/ ]{0,6}").prop_map(|(log, email)| {
        let log: Vec<Millis> = log.into_iter().map(at).collect();
        let until = log.last().expect("there is one").after(INTERVAL_MS);
        (format!("s0{}", json!({"email": email})), State::SlidingWindow(log), until)
    });
    (an_integration(), prop_oneof![leaky, sliding]).prop_map(|(integration, (name, state, until))| Record::Bucket {
        integration,
        name,
        state,
        until,
    })
}
