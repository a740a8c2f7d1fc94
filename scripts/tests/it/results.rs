//! What a handler may return, and what it gets.

use std::collections::BTreeMap;

use scripts::protocol::{Input, Limits};

use crate::engine::{Engine, input};

fn check(cases: &[(&str, &str)]) {
    let mut engine = Engine::start();
    for (code, expected) in cases {
        let ran = engine.run(&format!("module.exports = async () => {{ {code} }}"));
        let found = match &ran.result {
            Ok(json) => json.clone(),
            Err(error) => format!("{}: {}", error.code, error.message),
        };
        assert!(found == *expected || found.starts_with(&format!("{expected};")), "{code}: {found}");
    }
    engine.stop().unwrap();
}

#[test]
fn json_goes_through() {
    check(&[
        ("", "null"),
        ("return undefined", "null"),
        ("return null", "null"),
        ("return 'text'", "\"text\""),
        ("return NaN", "null"),
        ("return new Date(0)", "\"1970-01-01T00:00:00.000Z\""),
        (
            "return { d: new Date(0), u: undefined, a: [undefined, 1] }",
            "{\"d\":\"1970-01-01T00:00:00.000Z\",\"a\":[null,1]}",
        ),
        ("return { toJSON: () => ({ x: 1 }) }", "{\"x\":1}"),
        ("return Promise.resolve([1])", "[1]"),
        ("const shared = {}; return [shared, shared]", "[{},{}]"),
        (
            "const shared = { z: [1] }; return { a: shared, b: { c: shared } }",
            "{\"a\":{\"z\":[1]},\"b\":{\"c\":{\"z\":[1]}}}",
        ),
        ("return '\\ud800 é'", "\"\\ud800 é\""),
        ("return new Map([[1, 2]])", "{}"),
    ]);
}

#[test]
fn what_is_no_json_is_named_with_its_path() {
    check(&[
        ("return 5n", "invalid_response: result is a BigInt"),
        ("return () => 1", "invalid_response: result is a function"),
        ("return Symbol('a')", "invalid_response: result is a symbol"),
        ("return { items: [1, 2, 3, { total: 5n }] }", "invalid_response: result.items[3].total is a BigInt"),
        ("return { 'a-b': { f() {} } }", "invalid_response: result[\"a-b\"].f is a function"),
        ("const a = { b: {} }; a.b.c = a; return a", "invalid_response: result.b.c is part of a cycle"),
        ("const a = []; a.push(a); return { a }", "invalid_response: result.a[0] is part of a cycle"),
    ]);
}

#[test]
fn the_handler_gets_what_the_engine_sends() {
    let mut engine = Engine::start();
    let bundle = engine
        .check(&[("integration.js", "module.exports = (c) => ({ ...c, cache: typeof c.cache.get, event: c.event ?? 'none', names: Object.keys(c) })")])
        .unwrap();
    let sent = Input {
        payload: "{\"a\":[1,\"\\u0000é\"]}".into(),
        secrets: BTreeMap::from([("TOKEN".into(), "s\"3\u{1F600}".into())]),
        key: Some("{\"email\":\"x\"}".into()),
        event: None,
        request: Some("{\"method\":\"GET\"}".into()),
        run: "{\"id\":\"r\"}".into(),
        test: None,
    };
    let ran = engine.run_bundle(bundle, sent, Limits::default(), |_| None);
    assert_eq!(
        ran.ok(),
        "{\"payload\":{\"a\":[1,\"\\u0000é\"]},\"secrets\":{\"TOKEN\":\"s\\\"3\u{1F600}\"},\"cache\":\"function\",\"key\":{\"email\":\"x\"},\
         \"event\":\"none\",\"request\":{\"method\":\"GET\"},\"run\":{\"id\":\"r\"},\
         \"names\":[\"payload\",\"secrets\",\"cache\",\"key\",\"event\",\"request\",\"run\"]}"
    );
    let ran = engine.run_file(
        "integration.js",
        "module.exports = ({ key }) => [key, Object.isFrozen(key)]",
        input("1"),
        Limits::default(),
        |_| None,
    );
    assert_eq!(ran.ok(), "[null,true]");
    engine.stop().unwrap();
}
