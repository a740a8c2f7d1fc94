//! Random calls: what may be asked of a queue, drawn so that calls meet each other's jobs.

use proptest::prelude::*;
use proptest::sample::Index;
use schedules::rate::{Algorithm, Limit, LimiterId, OnExceed, OnMissing, Rule};
use serde_json::json;
use store::conformance::at;
use store::queue::{Adjustment, Control, IfBusy, IfExists};

/// How many integrations the calls know.
pub const INTEGRATIONS: u16 = 3;

/// How many schedules each has beside that of its settings.
pub const SCHEDULES: u16 = 2;

#[derive(Clone, Debug)]
pub enum Call {
    Enqueue(Vec<Sketch>),
    Again(Index),
    Claim(usize),
    Settle(Vec<(Index, Kind, i64, Option<i64>)>),
    Extend(Vec<Index>),
    Rescue(usize),
    Cancel(u16, Choice),
    Find(u16, Choice),
    Reschedule(Vec<(Index, i64, Option<i64>, bool)>),
    Fire { of: u16, schedule: u16, from_cursor: bool, ticks: u8, if_busy: IfBusy },
    ClearOutbox(usize),
    Control(u16, ControlSketch),
    Adjust(u16, usize, u8, Adjustment),
    ClaimAll,
    Replay(Index, i64, bool),
    Discard(Vec<Index>),
    Purge(u16),
    Prune(i64, u64),
    Clock(i64),
}

#[derive(Clone, Debug)]
pub struct Sketch {
    pub of: u16,
    pub due: i64,
    pub priority: u8,
    pub weight: u32,
    pub key: Option<u8>,
    pub if_exists: IfExists,
    pub idempotency: Option<(u8, u8, i64)>,
    pub tick: bool,
    pub lane: Option<u8>,
    pub closes: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct ControlSketch {
    pub paused: bool,
    pub concurrency: Option<u32>,
    pub lane_concurrency: Option<u32>,
    pub lane_backlog: Option<u32>,
    pub lane_fifo: bool,
    pub limits: Vec<Limit>,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Remove,
    Retry,
    Return,
    Bury,
}

#[derive(Clone, Debug)]
pub enum Choice {
    Key(u8),
    Match(u8),
    Job(Index),
    All,
}

pub fn a_key(number: u8) -> serde_json::Value {
    match number {
        0 => json!({"a": 1}),
        1 => json!({"a": 1, "b": "x"}),
        2 => json!({"a": "1"}),
        _ => json!({"b": "x"}),
    }
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let of = 1..=INTEGRATIONS;
    let idempotency = proptest::option::weighted(0.2, (0..3_u8, 0..2_u8, -5..60_i64));
    let key = proptest::option::of(0..4_u8);
    let weight = prop_oneof![3 => Just(1_u32), 1 => 2_u32..5];
    let place = (proptest::option::of(0..3_u8), closes(), weight);
    (of, -20..60_i64, 0..10_u8, key, if_exists(), idempotency, any::<bool>(), place).prop_map(
        |(of, due, priority, key, if_exists, idempotency, tick, (lane, closes, weight))| Sketch {
            of,
            due,
            priority,
            weight,
            key,
            if_exists,
            idempotency,
            tick,
            lane,
            closes,
        },
    )
}

impl Sketch {
    /// A tick as a schedule makes it.
    pub fn tick() -> Self {
        Self {
            of: 0,
            due: 0,
            priority: 5,
            weight: 1,
            key: None,
            if_exists: IfExists::Replace,
            idempotency: None,
            tick: true,
            lane: None,
            closes: None,
        }
    }
}

impl ControlSketch {
    pub fn control(&self) -> Control {
        Control {
            paused: self.paused,
            concurrency: self.concurrency,
            lane_concurrency: self.lane_concurrency,
            lane_backlog: self.lane_backlog,
            lane_fifo: self.lane_fifo,
            limits: self.limits.clone(),
        }
    }
}

fn if_exists() -> impl Strategy<Value = IfExists> {
    prop_oneof![
        Just(IfExists::Replace),
        Just(IfExists::Keep),
        Just(IfExists::Reject),
        Just(IfExists::Debounce),
        Just(IfExists::Singleton),
    ]
}

fn closes() -> impl Strategy<Value = Option<i64>> {
    proptest::option::weighted(0.2, 0..90_i64)
}

fn limit() -> impl Strategy<Value = Limit> {
    let fields = proptest::sample::subsequence(vec!["a".to_owned(), "b".to_owned()], 0..=2);
    let numbers = (1..4_u32, 5..60_u64, proptest::option::of(1..4_u32), any::<bool>());
    (fields, numbers, proptest::bool::weighted(0.7), proptest::bool::weighted(0.2)).prop_map(
        |(fields, (limit, interval_ms, burst, slides), delays, rejects_missing)| {
            let algorithm = if slides { Algorithm::SlidingWindow } else { Algorithm::LeakyBucket };
            Limit {
                rule: Rule { limit, interval_ms, burst: burst.filter(|_| !slides), algorithm },
                fields,
                on_exceed: if delays { OnExceed::Delay } else { OnExceed::Reject },
                on_missing: if rejects_missing { OnMissing::Reject } else { OnMissing::Skip },
                limiter: None,
                back_pressure: false,
            }
        },
    )
}

/// A rule of one of two limiters, whose numbers are the same wherever it is named.
fn shared() -> impl Strategy<Value = Limit> {
    (any::<bool>(), proptest::bool::weighted(0.7), proptest::sample::subsequence(vec!["a".to_owned()], 0..=1)).prop_map(
        |(slides, delays, fields)| {
            let algorithm = if slides { Algorithm::SlidingWindow } else { Algorithm::LeakyBucket };
            Limit {
                rule: Rule { limit: 2, interval_ms: 30, burst: None, algorithm },
                fields,
                on_exceed: if delays { OnExceed::Delay } else { OnExceed::Reject },
                on_missing: OnMissing::Skip,
                limiter: Some(LimiterId(1 + u128::from(slides))),
                back_pressure: false,
            }
        },
    )
}

fn adjustment() -> impl Strategy<Value = Adjustment> {
    prop_oneof![
        2 => Just(Adjustment::Pause),
        3 => Just(Adjustment::Resume),
        2 => (-20..60_i64).prop_map(|ms| Adjustment::Hold { until: at(ms) }),
        2 => Just(Adjustment::Reset),
    ]
}

fn control() -> impl Strategy<Value = ControlSketch> {
    let numbers =
        (proptest::option::of(0..4_u32), proptest::option::of(0..3_u32), proptest::option::weighted(0.3, 0..4_u32));
    let switches = (proptest::bool::weighted(0.2), proptest::bool::weighted(0.4));
    let limits = (proptest::collection::vec(limit(), 0..4), proptest::option::weighted(0.4, shared()));
    let limits = limits.prop_map(|(mut limits, shared)| {
        limits.extend(shared);
        limits
    });
    (switches, numbers, limits).prop_map(
        |((paused, lane_fifo), (concurrency, lane_concurrency, lane_backlog), limits)| ControlSketch {
            paused,
            concurrency,
            lane_concurrency,
            lane_backlog,
            lane_fifo,
            limits,
        },
    )
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        (0..4_u8).prop_map(Choice::Key),
        (0..4_u8).prop_map(Choice::Match),
        any::<Index>().prop_map(Choice::Job),
        Just(Choice::All),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![1 => Just(Kind::Remove), 3 => Just(Kind::Retry), 1 => Just(Kind::Return), 2 => Just(Kind::Bury)]
}

fn if_busy() -> impl Strategy<Value = IfBusy> {
    prop_oneof![Just(IfBusy::Queue), Just(IfBusy::Skip), Just(IfBusy::Revoke), Just(IfBusy::Wait)]
}

pub fn call() -> impl Strategy<Value = Call> {
    let of = || 1..=INTEGRATIONS;
    let indices = || proptest::collection::vec(any::<Index>(), 1..4);
    let settlements = proptest::collection::vec((any::<Index>(), kind(), -20..60_i64, closes()), 1..4);
    let moves = proptest::collection::vec((any::<Index>(), -20..60_i64, closes(), any::<bool>()), 1..4);
    prop_oneof![
        8 => proptest::collection::vec(sketch(), 1..4).prop_map(Call::Enqueue),
        1 => any::<Index>().prop_map(Call::Again),
        6 => (0..6_usize).prop_map(Call::Claim),
        6 => settlements.prop_map(Call::Settle),
        1 => indices().prop_map(Call::Extend),
        2 => (0..4_usize).prop_map(Call::Rescue),
        2 => (of(), choice()).prop_map(|(of, choice)| Call::Cancel(of, choice)),
        1 => (of(), choice()).prop_map(|(of, choice)| Call::Find(of, choice)),
        2 => moves.prop_map(Call::Reschedule),
        6 => ((of(), 0..=SCHEDULES), proptest::bool::weighted(0.8), 0..3_u8, if_busy()).prop_map(
            |((of, schedule), from_cursor, ticks, if_busy)| Call::Fire { of, schedule, from_cursor, ticks, if_busy }
        ),
        1 => (0..5_usize).prop_map(Call::ClearOutbox),
        3 => (of(), control()).prop_map(|(of, control)| Call::Control(of, control)),
        2 => (of(), 0..4_usize, 0..4_u8, adjustment()).prop_map(|(of, place, key, it)| Call::Adjust(of, place, key, it)),
        2 => Just(Call::ClaimAll),
        2 => (any::<Index>(), -20..60_i64, any::<bool>()).prop_map(|(job, due, edits)| Call::Replay(job, due, edits)),
        1 => indices().prop_map(Call::Discard),
        1 => of().prop_map(Call::Purge),
        1 => (-20..60_i64, 0..3_u64).prop_map(|(before, keep)| Call::Prune(before, keep)),
        4 => (-5..40_i64).prop_map(Call::Clock),
    ]
}
