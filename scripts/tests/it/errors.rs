//! How runs fail: codes, stacks in the user's lines, what retries go by.

use scripts::protocol::{HostError, Limits};

use crate::engine::{Engine, input};

#[test]
fn stacks_have_the_users_lines_and_nothing_else() {
    let cases = [
        ("integration.js", "module.exports = () => { throw new Error('x') }", 1, "    at integration.js:1:36"),
        (
            "integration.js",
            "module.exports = async function handler() {\n  await null;\n  return inner();\n};\nfunction inner() {\n  null.x;\n}",
            6,
            "    at inner (integration.js:6:7)\n    at handler (integration.js:3:15)",
        ),
        (
            "integration.js",
            "export default async function handler() {\n  [1].map(function each() { throw new TypeError('x') });\n}",
            2,
            "    at each (integration.js:2:39)\n    at handler (integration.js:2:7)",
        ),
        (
            "integration.ts",
            "interface A {\n  a: number\n}\ntype B = A;\nenum Color { Red }\nexport default async function handler({ payload }: { payload: B }) {\n  const get = (b: B): number => {\n    throw new RangeError('x');\n  };\n  return get(payload);\n}",
            8,
            "    at get (integration.ts:8:15)\n    at handler (integration.ts:10:13)",
        ),
        (
            "integration.ts",
            "type T = string;\n\nmodule.exports = () => {\n  (undefined as any).x;\n}",
            4,
            "    at integration.ts:4:4",
        ),
    ];
    let mut engine = Engine::start();
    for (file, code, line, stack) in cases {
        let ran = engine.run_file(file, code, input("{}"), Limits::default(), |_| None);
        let error = ran.error();
        assert_eq!(error.code, "exception", "{code}");
        let place = error.at.as_ref().unwrap();
        assert_eq!((place.file.as_str(), place.line), (file, line), "{code}");
        assert_eq!(error.stack.as_deref().map(lines), Some(lines(stack)), "{code}");
        let marked = place.frame.lines().find(|shown| shown.starts_with('>')).unwrap();
        assert!(marked.contains(&format!(" {line} | ")), "{}", place.frame);
    }
    engine.stop().unwrap();
}

/// Functions and lines; the engine's columns are checked where they are exact.
fn lines(stack: &str) -> Vec<String> {
    stack.lines().map(|line| line.rsplit_once(':').map_or(line, |(line, _)| line).to_owned()).collect()
}

#[test]
fn whatever_is_thrown_is_told() {
    let cases = [
        ("throw new TypeError('t')", "TypeError", "t"),
        ("throw 'text'", "", "'text'"),
        ("throw { a: 1 }", "", "{ a: 1 }"),
        ("throw 5n", "", "5n"),
        ("throw Symbol('s')", "", "Symbol(s)"),
        ("throw () => 1", "", "[Function (anonymous)]"),
        ("throw Object.assign(new Error('m'), { name: 'Mine' })", "Mine", "m"),
        ("return Promise.reject(new Error('r'))", "Error", "r"),
        ("setTimeout(() => { throw new Error('late') }, 1); await new Promise(() => {})", "Error", "late"),
        ("throw new (class Own extends Error {})('o')", "Error", "o"),
        ("throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })", "", "object"),
        ("await import('axios')", "ReferenceError", ""),
        ("throw '\\ud800'", "", "'\\ud800'"),
        ("throw new Error('\\ud800')", "Error", "\u{fffd}"),
    ];
    let mut engine = Engine::start();
    for (code, name, message) in cases {
        let ran = engine.run(&format!("module.exports = async () => {{ {code} }}"));
        let error = ran.error();
        assert_eq!(error.name, name, "{code}: {error:?}");
        assert!(error.message == message || (message.is_empty() && !error.message.is_empty()), "{code}: {error:?}");
        assert!(!error.permanent && error.retry_after_ms.is_none(), "{code}");
    }
    engine.stop().unwrap();
}

#[test]
fn errors_say_how_to_retry() {
    let cases = [
        ("Object.assign(new Error('x'), { retryable: false })", true, None),
        ("Object.assign(new Error('x'), { retryAfter: 1500.4 })", false, Some(1500)),
        ("({ retryable: false, retryAfter: 0 })", true, Some(0)),
        ("Object.assign(new Error('x'), { retryable: 0, retryAfter: -1 })", false, None),
        ("Object.assign(new Error('x'), { retryAfter: Infinity })", false, None),
        ("Object.assign(new Error('x'), { retryAfter: '5' })", false, None),
    ];
    let mut engine = Engine::start();
    for (value, permanent, retry_after_ms) in cases {
        let ran = engine.run(&format!("module.exports = () => {{ throw {value} }}"));
        let error = ran.error();
        assert_eq!((error.permanent, error.retry_after_ms), (permanent, retry_after_ms), "{value}");
    }
    engine.stop().unwrap();
}

#[test]
fn a_refused_call_that_is_let_through_keeps_its_pause_and_place() {
    let mut engine = Engine::start();
    let refusal = HostError { code: "egress_denied".into(), message: "no".into(), retry_after_ms: Some(2_000) };
    let code = "module.exports = async () => {\n  await fetch('http://x.test/');\n}";
    let ran = engine.run_answering(code, |_| Some(Err(refusal.clone())));
    let error = ran.error();
    assert_eq!((error.code.as_str(), error.message.as_str(), error.retry_after_ms), ("exception", "no", Some(2_000)));
    assert_eq!(error.at.as_ref().unwrap().line, 2);
    let code = "module.exports = () => fetch('http://x.test/').catch((e) => [e instanceof Error, e.code, e.message, e.retryAfter])";
    let ran = engine.run_answering(code, |_| Some(Err(refusal.clone())));
    assert_eq!(ran.ok(), r#"[true,"egress_denied","no",2000]"#);
    engine.stop().unwrap();
}

#[test]
fn a_rejection_that_nobody_waits_for_is_a_warning() {
    let mut engine = Engine::start();
    let ran = engine.run(
        "module.exports = async () => {\n  Promise.reject(new Error('lost'));\n  const kept = Promise.reject(1);\n  kept.catch(() => {});\n  await new Promise((resolve) => setTimeout(resolve, 2));\n  Promise.reject('last');\n  return 'fine';\n}",
    );
    assert_eq!(ran.ok(), "\"fine\"");
    let lines = ran.messages();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("Unhandled rejection: Error: lost\n    at integration.js:2:"), "{lines:?}");
    assert_eq!(lines[1], "Unhandled rejection: 'last'");
    assert!(ran.lines.iter().all(|line| line.level == scripts::protocol::Level::Warn));
    engine.stop().unwrap();
}

#[test]
fn nothing_leaks_from_run_to_run() {
    let mut engine = Engine::start();
    let bundle = engine
        .check(&[("integration.js", "let n = 0; module.exports = () => { globalThis.m = (globalThis.m ?? 0) + 1; Array.prototype.x = 1; return [++n, m] }")])
        .unwrap();
    for _ in 0..3 {
        let ran = engine.run_bundle(bundle.clone(), input("null"), Limits::default(), |_| None);
        assert_eq!(ran.ok(), "[1,1]");
        assert!(ran.usage.heap_bytes > 10_000);
    }
    engine.stop().unwrap();
}
