//! Many runs in one runner at the same time: none waits for another, none ends another, none has another's memory.

use std::collections::HashMap;

use scripts::protocol::{Answer, Bundle, Format, FromRunner, Limits, Reply, Run, ScriptError, ToRunner};

use crate::engine::{Engine, input};

/// Starts a run of a handler with this body; gives its id.
fn begin(engine: &mut Engine, body: &str, limits: Limits) -> u64 {
    let bundle = Bundle {
        entry: "integration.js".into(),
        format: Format::CommonJs,
        code: format!("module.exports = async () => {{ {body} }}"),
        map: None,
        source: None,
        hash: String::new(),
    };
    let (number, id) = (engine.load(bundle), engine.next_id());
    engine.send(&ToRunner::Run(Box::new(Run { id, bundle: number, input: input("null"), limits })));
    id
}

/// Waits for the end of so many runs; calls stay unanswered.
fn ends(engine: &mut Engine, runs: usize) -> HashMap<u64, Result<String, ScriptError>> {
    let mut ended = HashMap::new();
    while ended.len() < runs {
        if let FromRunner::Finished { id, result, .. } = engine.receive() {
            ended.insert(id, result);
        }
    }
    ended
}

fn code(result: &Result<String, ScriptError>) -> &str {
    result.as_ref().map_or_else(|error| error.code.as_str(), String::as_str)
}

#[test]
fn a_hundred_runs_wait_side_by_side() {
    let mut engine = Engine::start();
    let bundle = engine
        .check(&[("integration.js", "module.exports = async ({ cache }) => { globalThis.n = (globalThis.n ?? 0) + 1; return [n, await cache.get('x')] }")])
        .unwrap();
    let number = engine.load(bundle);
    let ids: Vec<u64> = (0..100).map(|_| engine.next_id()).collect();
    for id in &ids {
        let run = Run { id: *id, bundle: number, input: input("null"), limits: Limits::default() };
        engine.send(&ToRunner::Run(Box::new(run)));
    }
    // All of them ask before any is answered.
    let mut asked = Vec::new();
    while asked.len() < ids.len() {
        if let FromRunner::Call(call) = engine.receive() {
            asked.push((call.id, call.call));
        }
    }
    for (id, call) in asked {
        let answer = Answer { value: format!(r#"{{"hit":true,"value":{id}}}"#), body: None };
        engine.send(&ToRunner::Reply(Reply { id, call, result: Ok(answer) }));
    }
    let ended = ends(&mut engine, ids.len());
    for id in ids {
        assert_eq!(code(&ended[&id]), format!("[1,{id}]"));
    }
    engine.stop().unwrap();
}

#[test]
fn hogs_hold_nobody_up_and_each_has_its_own_end() {
    let mut engine = Engine::start();
    let limits = |timeout_ms| Limits { timeout_ms, ..Limits::default() };
    let spins = begin(&mut engine, "for (;;) {}", limits(60_000));
    let eats = begin(&mut engine, "const a = []; for (;;) a.push(new Uint8Array(1e6))", limits(60_000));
    let late = begin(&mut engine, "for (;;) {}", limits(50));
    let quick = begin(&mut engine, "return 1", limits(60_000));
    let ended = ends(&mut engine, 3);
    assert_eq!([code(&ended[&eats]), code(&ended[&late]), code(&ended[&quick])], ["memory_limit", "timeout", "1"]);
    engine.send(&ToRunner::Cancel(spins));
    assert_eq!(code(&ends(&mut engine, 1)[&spins]), "cancelled");
    engine.stop().unwrap();
}

#[test]
fn a_run_that_waits_is_cancelled_at_once_and_one_that_is_over_is_not() {
    let mut engine = Engine::start();
    let done = begin(&mut engine, "return 1", Limits::default());
    assert_eq!(code(&ends(&mut engine, 1)[&done]), "1");
    let waits = begin(&mut engine, "await new Promise((resolve) => setTimeout(resolve, 1e6))", Limits::default());
    engine.send(&ToRunner::Cancel(done));
    engine.send(&ToRunner::Cancel(waits));
    assert_eq!(code(&ends(&mut engine, 1)[&waits]), "cancelled");
    engine.stop().unwrap();
}

#[test]
fn an_answer_counts_from_its_arrival() {
    let mut engine = Engine::start();
    // It computes while the answer comes, and never looks at it.
    let body = "fetch('http://x.test/'); await null; const end = Date.now() + 60_000; while (Date.now() < end);";
    let fed = begin(&mut engine, body, Limits { memory_bytes: 8 << 20, timeout_ms: 300, ..Limits::default() });
    let asks = "return (await fetch('http://x.test/')).status";
    let other = begin(&mut engine, asks, Limits { memory_bytes: 16 << 20, ..Limits::default() });
    let large = |id| {
        let value = r#"{"status":200,"statusText":"OK","url":"http://x.test/","redirected":false,"headers":[]}"#;
        let answer = Answer { value: value.into(), body: Some(vec![0; 9 << 20]) };
        ToRunner::Reply(Reply { id, call: 1, result: Ok(answer) })
    };
    let mut calls = 0;
    while calls < 2 {
        if let FromRunner::Call(call) = engine.receive() {
            engine.send(&large(call.id));
            calls += 1;
        }
    }
    let ended = ends(&mut engine, 2);
    assert_eq!([code(&ended[&fed]), code(&ended[&other])], ["timeout", "200"]);
    let fed = begin(&mut engine, asks, Limits { memory_bytes: 8 << 20, ..Limits::default() });
    while !matches!(engine.receive(), FromRunner::Call(_)) {}
    engine.send(&large(fed));
    assert_eq!(code(&ends(&mut engine, 1)[&fed]), "memory_limit");
    engine.stop().unwrap();
}

#[test]
fn a_bundle_is_compiled_once_and_runs_as_often_as_it_is_asked_for() {
    let mut engine = Engine::start();
    for file in [
        "module.exports = async () => {\n  throw new Error('x') }",
        "export default async () => {\n  throw new Error('x') }",
    ] {
        let bundle = engine.check(&[("integration.js", file)]).unwrap();
        let number = engine.load(bundle);
        for _ in 0..3 {
            let id = engine.next_id();
            let run = Run { id, bundle: number, input: input("null"), limits: Limits::default() };
            engine.send(&ToRunner::Run(Box::new(run)));
            let error = ends(&mut engine, 1).remove(&id).unwrap().unwrap_err();
            assert!(error.stack.as_deref().unwrap().contains("integration.js:2:"), "{error:?}");
        }
        engine.send(&ToRunner::Forget(number));
    }
    engine.stop().unwrap();
}

#[test]
fn a_run_of_a_bundle_that_was_not_loaded_ends_the_runner() {
    let mut engine = Engine::start();
    let run = Run { id: 1, bundle: 77, input: input("null"), limits: Limits::default() };
    engine.send(&ToRunner::Run(Box::new(run)));
    assert!(engine.stop().unwrap_err().to_string().contains("no bundle 77"));
}
