//! Calls to the engine: fetch, cache, integration; how many at once.

use scripts::protocol::{Answer, Call, HostError, Limits};

use crate::engine::{Engine, input, json};

fn denied() -> Option<Result<Answer, HostError>> {
    Some(Err(HostError { code: "store_down".into(), message: "the store is down".into(), retry_after_ms: None }))
}

/// What the script asks, as `op args body`.
fn asked(code: &str, answer: impl FnMut(&Call) -> Option<Result<Answer, HostError>>) -> (String, Vec<String>) {
    let mut engine = Engine::start();
    let ran = engine.run_answering(&format!("module.exports = async ({{ cache }}) => {{ {code} }}"), answer);
    engine.stop().unwrap();
    let asked = ran
        .calls
        .iter()
        .map(|call| match &call.body {
            Some(body) => format!("{} {} {}", call.op, call.args, String::from_utf8_lossy(body)),
            None => format!("{} {}", call.op, call.args),
        })
        .collect();
    let end = match ran.result {
        Ok(result) => result,
        Err(error) => format!("{}: {}", error.name, error.message),
    };
    (end, asked)
}

fn page(body: &[u8]) -> Option<Result<Answer, HostError>> {
    let value = r#"{"status":201,"statusText":"Created","url":"http://x.test/b","redirected":true,"headers":[["content-type","application/json"],["set-cookie","a=1"],["set-cookie","b=2"]]}"#;
    Some(Ok(Answer { value: value.into(), body: Some(body.to_vec()) }))
}

#[test]
fn requests_travel_as_the_protocol_says() {
    let cases = [
        (
            "await fetch('http://x.test')",
            r#"fetch {"method":"GET","url":"http://x.test/","headers":[],"redirect":"follow"}"#,
        ),
        (
            "await fetch(new URL('http://x.test/?a=b c'), { method: 'post', headers: { 'X-A': ' 1 ' }, body: 'hé', redirect: 'manual' })",
            r#"fetch {"method":"POST","url":"http://x.test/?a=b%20c","headers":[["content-type","text/plain;charset=UTF-8"],["x-a","1"]],"redirect":"manual"} hé"#,
        ),
        (
            "await fetch('http://x.test/', { method: 'PUT', body: new URLSearchParams({ a: 'b c', d: '&' }) })",
            r#"fetch {"method":"PUT","url":"http://x.test/","headers":[["content-type","application/x-www-form-urlencoded;charset=UTF-8"]],"redirect":"follow"} a=b+c&d=%26"#,
        ),
        (
            "await fetch('http://x.test/', { method: 'POST', headers: [['content-type', 'application/json']], body: JSON.stringify({ a: 1 }) })",
            r#"fetch {"method":"POST","url":"http://x.test/","headers":[["content-type","application/json"]],"redirect":"follow"} {"a":1}"#,
        ),
        (
            "await fetch(new Request('http://x.test/', { method: 'POST', body: new Uint8Array([104, 195, 169]) }), { headers: { b: '2' } })",
            r#"fetch {"method":"POST","url":"http://x.test/","headers":[["b","2"]],"redirect":"follow"} hé"#,
        ),
        (
            "await fetch('http://x.test/', { method: 'POST', body: new TextEncoder().encode('ab').buffer, signal: AbortSignal.timeout(5000) })",
            r#"fetch {"method":"POST","url":"http://x.test/","headers":[],"redirect":"follow","timeoutMs":5000} ab"#,
        ),
    ];
    for (code, expected) in cases {
        let (end, asked) = asked(code, |_| page(b""));
        assert_eq!(asked, [expected], "{end}");
    }
}

#[test]
fn responses_can_be_read_in_every_way() {
    let code = |read: &str| format!("const r = await fetch('http://x.test/'); return {read}");
    let cases = [
        (
            "[r.ok, r.status, r.statusText, r.url, r.redirected, r.type]",
            r#"[true,201,"Created","http://x.test/b",true,"basic"]"#,
        ),
        ("r.json()", r#"{"a":"é"}"#),
        ("r.text()", r#""{\"a\":\"é\"}""#),
        ("[...new Uint8Array(await r.arrayBuffer())].length", "10"),
        ("[...(await r.bytes())].slice(0, 3)", "[123,34,97]"),
        ("[await r.clone().json(), await r.json()]", r#"[{"a":"é"},{"a":"é"}]"#),
        (
            "[r.headers.get('Content-Type'), r.headers.getSetCookie(), [...r.headers.keys()]]",
            r#"["application/json",["a=1","b=2"],["content-type","set-cookie","set-cookie"]]"#,
        ),
        ("r.text().then(() => r.text()).catch((e) => e.message.slice(0, 16))", r#""Body is unusable""#),
        ("[r.bodyUsed, await r.text() && r.bodyUsed]", "[false,true]"),
    ];
    for (read, expected) in cases {
        let (end, _) = asked(&code(read), |_| page("{\"a\":\"é\"}".as_bytes()));
        assert_eq!(end, expected, "{read}");
    }
}

#[test]
fn bad_requests_are_refused_before_they_leave() {
    let cases = [
        ("await fetch('/path')", "TypeError: fetch: \"/path\" is no absolute URL; start with https://"),
        (
            "await fetch('http://u:p@x.test/')",
            "TypeError: fetch: the URL contains credentials; send an Authorization header instead",
        ),
        ("await fetch('http://x.test/', { body: 'x' })", "TypeError: fetch: a GET request cannot have a body"),
        (
            "await fetch('http://x.test/', { method: 'POST', body: { a: 1 } })",
            "TypeError: fetch: the body is an object; pass JSON.stringify(body) and the header content-type: application/json",
        ),
        (
            "await fetch('http://x.test/', { headers: { 'a b': '1' } })",
            "TypeError: Headers: \"a b\" is no valid header name",
        ),
        (
            "await fetch('http://x.test/', { headers: { a: '1\\r\\n2' } })",
            "TypeError: Headers: the value of 'a' contains a line break or a NUL",
        ),
        ("await fetch('http://x.test/', { method: 'TRACE' })", "TypeError: fetch: the method TRACE is not allowed"),
        (
            "await fetch('http://x.test/', { redirect: 'no' })",
            "TypeError: fetch: redirect is \"no\"; use 'follow', 'error' or 'manual'",
        ),
        (
            "await fetch('http://x.test/', { method: 'POST', body: 'x'.repeat(11 << 20) })",
            "RangeError: fetch: 11534336 bytes of body are too many; send at most 10485760 (10 MiB)",
        ),
        ("await fetch('http://x.test/', { signal: AbortSignal.abort() })", "AbortError: This operation was aborted"),
        (
            "integration('Bad Name')",
            "TypeError: integration: \"Bad Name\" is no name of an integration; use letters a-z, digits and -, such as 'order-alert'",
        ),
        (
            "await integration('a').execute(() => 1)",
            "TypeError: integration().execute: the payload is a function; pass JSON",
        ),
        (
            "await integration('a').schedule(1, 'soon')",
            "TypeError: integration().schedule: the options must be an object, such as { key: { id: 1 } }",
        ),
        (
            "await integration('a').cancel('x')",
            "TypeError: integration().cancel: pass { key: { … } } or { match: { … } }",
        ),
        ("await cache.get(5)", "TypeError: cache: the key must be a string, not number; use for example 'token:eu'"),
        ("await cache.get('')", "RangeError: cache: the key is empty; use for example 'token:eu'"),
        ("await cache.get('é'.repeat(129))", "RangeError: cache: the key has 258 bytes; use at most 256"),
        ("await cache.set('k', 1, { ttl: 0 })", "RangeError: cache: ttl is 0 ms; use 1 to 2592000000 (30 days)"),
        (
            "await cache.set('k', 1, { ttl: 31 * 864e5 })",
            "RangeError: cache: ttl is 2678400000 ms; use 1 to 2592000000 (30 days)",
        ),
        (
            "await cache.set('k', 1, { ttl: '1h' })",
            "TypeError: cache: ttl must be a number of milliseconds, such as 60_000",
        ),
        ("await cache.set('k', 1, 5)", "TypeError: cache: the options must be an object, such as { ttl: 60_000 }"),
        ("await cache.set('k', () => 1)", "TypeError: cache: a function cannot be stored; store JSON"),
        (
            "await cache.set('k', 'x'.repeat(256 * 1024))",
            "RangeError: cache: the value has 262146 bytes of JSON; store at most 262144 (256 KiB)",
        ),
    ];
    for (code, expected) in cases {
        let (end, calls) = asked(code, |_| json("null"));
        assert_eq!(end, expected, "{code}");
        assert!(calls.is_empty(), "{code}: {calls:?}");
    }
}

#[test]
fn a_request_can_be_given_up() {
    let code = "const c = new AbortController(); setTimeout(() => c.abort(), 2); await fetch('http://x.test/', { signal: c.signal })";
    assert_eq!(asked(code, |_| None).0, "AbortError: This operation was aborted");
    let code = "await fetch('http://x.test/', { signal: AbortSignal.timeout(2) })";
    assert_eq!(asked(code, |_| None).0, "TimeoutError: The operation was aborted due to timeout");
    let code = "const c = new AbortController(); c.abort(new Error('mine')); await fetch('http://x.test/', { signal: AbortSignal.any([c.signal]) })";
    assert_eq!(asked(code, |_| None).0, "Error: mine");
}

#[test]
fn the_cache_as_promised() {
    let miss = r#"{"hit":false}"#;
    let hit = r#"{"hit":true,"value":{"a":1}}"#;
    let get = r#"cache.get {"key":"k"}"#;
    let asks = r#"cache.get {"key":"k","compute":true}"#;
    let lead = r#"{"hit":false,"lead":true}"#;
    let abandon = r#"cache.abandon {"key":"k"}"#;
    let set = r#"cache.set {"key":"k","value":5,"ttlMs":3600000}"#;
    let set_short = r#"cache.set {"key":"k","value":5,"ttlMs":1000}"#;
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("return cache.get('k')", miss, "null", &[get]),
        ("return cache.get('k')", hit, r#"{"a":1}"#, &[get]),
        ("return cache.get('k', { getValue: () => 9 })", hit, r#"{"a":1}"#, &[asks]),
        ("return cache.get('k', { getValue: () => 5 })", miss, "5", &[asks, set]),
        ("return cache.get('k', { ttl: 1000, getValue: async () => 5 })", miss, "5", &[asks, set_short]),
        ("return cache.get('k', { getValue: Promise.resolve(5) })", miss, "5", &[asks, set]),
        ("return cache.get('k', { getValue: 5 })", miss, "5", &[asks, set]),
        ("return (await cache.get('k', { getValue: () => undefined })) === null", miss, "true", &[asks]),
        ("return (await cache.get('k', { getValue: () => undefined })) === null", lead, "true", &[asks, abandon]),
        ("return cache.get('k', { getValue: () => { throw 1 } }).catch((e) => e)", lead, "1", &[asks, abandon]),
        ("return cache.get('k', { getValue: () => 5 })", lead, "5", &[asks, set]),
        ("await cache.set('k', 5)", "null", "null", &[set]),
        ("await cache.delete('k')", "null", "null", &[r#"cache.delete {"key":"k"}"#]),
        (
            "let n = 0; const f = () => cache.get('k', { getValue: async () => { n++; return 5 } }); return [...await Promise.all([f(), f(), f()]), n]",
            miss,
            "[5,5,5,1]",
            &[asks, set],
        ),
    ];
    for (code, answer, end, calls) in cases {
        let found = asked(code, |call| if call.op == "cache.get" { json(answer) } else { json("null") });
        assert_eq!(
            (found.0.as_str(), found.1.iter().map(String::as_str).collect::<Vec<_>>()),
            (*end, calls.to_vec()),
            "{code}"
        );
    }
}

#[test]
fn a_failing_store_is_a_miss_and_a_failing_value_is_the_scripts_error() {
    assert_eq!(asked("return cache.get('k')", |_| denied()).0, "null");
    assert_eq!(asked("return cache.get('k', { getValue: () => 5 })", |_| denied()).0, "5");
    assert_eq!(asked("await cache.set('k', 1); await cache.delete('k'); return 'on'", |_| { denied() }).0, "\"on\"");
    let code = "const f = () => cache.get('k', { getValue: () => { throw new Error('source') } }); return Promise.allSettled([f(), f()]).then((all) => all.map((one) => one.reason.message))";
    assert_eq!(asked(code, |_| json(r#"{"hit":false}"#)).0, r#"["source","source"]"#);
    let code = "await cache.get('k', { getValue: () => { throw new Error('first') } }).catch(() => {}); return cache.get('k', { getValue: () => 2 })";
    assert_eq!(asked(code, |_| json(r#"{"hit":false}"#)).0, "2");
}

#[test]
fn other_integrations_are_reached_by_name() {
    let cases = [
        (
            "return integration('a-b').execute({ x: 1 }, { key: { id: 1 } })",
            r#"integration.execute {"name":"a-b","payload":{"x":1},"options":{"key":{"id":1}}}"#,
        ),
        ("return integration('a@2').execute()", r#"integration.execute {"name":"a@2","payload":null,"options":{}}"#),
        (
            "return integration('a').schedule(5, { delay: '2 days', window: { day: 'monday' } })",
            r#"integration.schedule {"name":"a","payload":5,"options":{"delay":"2 days","window":{"day":"monday"}}}"#,
        ),
        (
            "return integration('a').cancel({ key: { id: 1 } })",
            r#"integration.cancel {"name":"a","payload":null,"options":{"key":{"id":1}}}"#,
        ),
        (
            "return integration('a').cancel({ id: 1 })",
            r#"integration.cancel {"name":"a","payload":null,"options":{"key":{"id":1}}}"#,
        ),
        (
            "return integration('a').cancel({ key: 'x' })",
            r#"integration.cancel {"name":"a","payload":null,"options":{"key":{"key":"x"}}}"#,
        ),
        (
            "return integration('a').cancel({ match: { id: 1 } })",
            r#"integration.cancel {"name":"a","payload":null,"options":{"match":{"id":1}}}"#,
        ),
        (
            "return integration('a').reschedule({ key: { id: 1 }, delay: 5 })",
            r#"integration.reschedule {"name":"a","payload":null,"options":{"key":{"id":1},"delay":5}}"#,
        ),
    ];
    for (code, expected) in cases {
        let (end, calls) = asked(code, |_| json(r#"{"done":true}"#));
        assert_eq!((end.as_str(), calls.as_slice()), (r#"{"done":true}"#, [expected.to_owned()].as_slice()), "{code}");
    }
}

#[test]
fn calls_beyond_the_limit_wait_for_a_slot() {
    let mut engine = Engine::start();
    let code = "module.exports = async () => (await Promise.all([1, 2, 3, 4, 5, 6, 7].map((n) => integration('a').execute(n)))).length";
    let limits = Limits { calls_at_once: 2, timeout_ms: 500, ..Limits::default() };
    // The first call is never answered here but by hand below: with two slots, all the others go through the second.
    let mut held = None;
    let mut seen = 0;
    let ran = engine.run_file("integration.js", code, input("null"), limits, |call| {
        seen += 1;
        if held.is_none() {
            held = Some(call.call);
            return None;
        }
        json("1")
    });
    // One stays open for ever: the run ends at its deadline, not before all others were sent.
    assert_eq!((ran.code(), seen, ran.calls.len()), ("timeout", 7, 7));
    assert_eq!(ran.usage.calls, 7);
    engine.stop().unwrap();
}
