//! The limiter's arithmetic in Lua against the program's: the same random calls, the same verdicts and the same states.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config as Cases, TestRunner};
use redis::Value;
use schedules::Millis;
use schedules::rate::{Algorithm, Bucket, Limit, OnExceed, OnMissing, Rule, State, Verdict, decide, gcra};
use ulid::Ulid;

use super::answer::Answer;
use super::link::Arguments;
use super::script::Script;
use super::{Config, Options, Redis, control};
use crate::IntegrationId;
use crate::queue::Control;
use crate::servers::Server;

/// Calls the limiter of the claim, and answers what it said and what it left behind.
const ASK: &str = "#!lua
-- ARGV: clock, control, integration, weight. Answers: word, place or bucket, number; then each bucket's state.
--@include base turns blob job lanes pending rate shared limits
local rules, integration = cmsgpack.unpack(ARGV[2])[5], ARGV[3]
local word, a, b = admit(integration, rules, nil, true, tonumber(ARGV[4]))
local out = { word, tostring(a), b and string.format('%.0f', b) or '' }
for _, rule in ipairs(rules) do
  local key = P .. ':b:' .. integration .. rule[R_NAME] .. '{}'
  if is_sliding(rule) then
    out[#out + 1] = concat(call('LRANGE', key, 0, -1), ' ')
  else
    out[#out + 1] = call('GET', key) or ''
  end
end
return out
";

#[derive(Clone, Debug)]
struct Call {
    gap_ms: i64,
    weight: u32,
    /// The rules are edited before the call.
    edit: Option<Vec<Limit>>,
}

fn limit() -> impl Strategy<Value = Limit> {
    let numbers = (1_u32..12, prop_oneof![1_u64..3_000, Just(31_557_600_000)], prop::option::of(1_u32..15));
    (numbers, any::<bool>(), any::<bool>()).prop_map(|((limit, interval_ms, burst), slides, delays)| {
        let (algorithm, burst) =
            if slides { (Algorithm::SlidingWindow, None) } else { (Algorithm::LeakyBucket, burst) };
        Limit {
            rule: Rule { limit, interval_ms, burst, algorithm },
            fields: Vec::new(),
            on_exceed: if delays { OnExceed::Delay } else { OnExceed::Reject },
            on_missing: OnMissing::Skip,
            limiter: None,
            back_pressure: false,
        }
    })
}

fn limits() -> impl Strategy<Value = Vec<Limit>> {
    prop::collection::vec(limit(), 1..4)
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let gap = prop_oneof![4 => Just(0_i64), 6 => 0_i64..60, 2 => 0_i64..4_000, 1 => -200_i64..0];
    let edit = prop_oneof![20 => Just(None), 1 => limits().prop_map(Some)];
    let weight = prop_oneof![3 => Just(1_u32), 1 => 2_u32..16];
    prop::collection::vec((gap, weight, edit).prop_map(|(gap_ms, weight, edit)| Call { gap_ms, weight, edit }), 1..80)
}

/// The buckets as the program has them, by the name of their rule.
#[derive(Default)]
struct Model(std::collections::BTreeMap<String, State>);

impl Model {
    fn decide(&mut self, now: Millis, limits: &[Limit], weight: u32) -> Vec<String> {
        let names = schedules::rate::names(limits);
        let state = |name: &String, limit: &Limit| {
            self.0.get(name).cloned().unwrap_or_else(|| State::empty(limit.rule.algorithm))
        };
        let buckets: Vec<_> = limits
            .iter()
            .zip(&names)
            .map(|(limit, name)| (Bucket { weight, ..Bucket::new(limit.rule, state(name, limit)) }, limit.on_exceed))
            .collect();
        let mut said = match decide(now, &buckets) {
            Verdict::Start { states } => {
                self.0.extend(names.iter().cloned().zip(states));
                vec!["start".into(), "nil".into(), String::new()]
            }
            Verdict::Refuse { place, until } => {
                vec!["refuse".into(), place.to_string(), until.since(now).to_string()]
            }
            Verdict::Wait { place, until } => vec!["wait".into(), names[place].clone(), until.0.to_string()],
        };
        said.extend(names.iter().map(|name| self.0.get(name).map_or(String::new(), written)));
        said
    }
}

fn written(state: &State) -> String {
    match state {
        State::LeakyBucket(None) => String::new(),
        State::LeakyBucket(Some(gcra::Tat { ms, part: 0 })) => ms.to_string(),
        State::LeakyBucket(Some(gcra::Tat { ms, part })) => format!("{ms}:{part}"),
        State::SlidingWindow(log) => log.iter().map(|at| at.0.to_string()).collect::<Vec<_>>().join(" "),
    }
}

async fn ask(
    queue: &Redis,
    script: &Script,
    integration: IntegrationId,
    now: Millis,
    (limits, weight): (&[Limit], u32),
) -> Vec<String> {
    let packed =
        control::pack(&Control { limits: limits.to_vec(), ..Control::default() }, false).expect("it is packed");
    let mut arguments = Arguments::default();
    arguments.number(now.0).add(packed).add(integration.to_bytes()).number(weight);
    let value: Value = queue.call(script, 0, &arguments).await.expect("the script answers");
    let mut answer = Answer::new(value).expect("a list");
    let mut said = Vec::new();
    while !answer.is_empty() {
        said.push(answer.text().expect("text"));
    }
    // A bucket's name begins with the integration's bytes, and ends with the subject.
    if said[0] == "wait" {
        said[1] = said[1].trim_end_matches("{}").chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
    }
    said
}

#[tokio::test]
async fn lua_and_rust_say_the_same() {
    let server = Server::start(crate::servers::Options::default()).await;
    let config = Config::parse(&server.url()).expect("a URL");
    let queue = Redis::connect(config, Options::default()).await.expect("a queue");
    let script = Script::new("ask", ASK);
    let mut runner = TestRunner::new(Cases { cases: 200, failure_persistence: None, ..Cases::default() });
    for number in 0..200_u128 {
        let sample = (limits(), calls()).new_tree(&mut runner).expect("a sample").current();
        let (mut limits, calls) = sample;
        let integration = IntegrationId(Ulid::from_parts(1_700_000_000_000, number));
        let (mut model, mut now) = (Model::default(), Millis(1_800_000_000_000));
        for call in calls {
            now = now.after(call.gap_ms);
            limits = call.edit.unwrap_or(limits);
            let said = ask(&queue, &script, integration, now, (&limits, call.weight)).await;
            assert_eq!(said, model.decide(now, &limits, call.weight), "at {now:?} with {limits:?}");
        }
    }
}
