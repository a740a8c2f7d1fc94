//! Hostile scripts: each ends its run with its own code, near its timeout, and the runner goes on.

use scripts::protocol::Limits;

use crate::engine::Engine;

/// Every script, then a harmless one in the same runner.
fn check(timeout_ms: u32, cases: &[(&str, &str)]) {
    check_within(Limits { timeout_ms, ..Limits::default() }, cases);
}

fn check_within(limits: Limits, cases: &[(&str, &str)]) {
    let mut engine = Engine::start();
    for (body, code) in cases {
        let script = format!("module.exports = async ({{ payload }}) => {{ {body} }}");
        let ran = engine.run_limited(&script, limits);
        let shown: String = ran.code().chars().take(100).collect();
        assert_eq!(&shown, code, "{body}");
        assert_eq!(engine.run("module.exports = () => 'fine'").ok(), "\"fine\"", "after {body}");
    }
    engine.stop().unwrap();
}

#[test]
fn computing_for_ever_is_a_timeout() {
    // Some of these leave garbage behind: with the default heap, a fast machine fills that first.
    check_within(
        Limits { timeout_ms: 300, memory_bytes: 512 << 20, ..Limits::default() },
        &[
            ("while (true) {}", "timeout"),
            ("for (;;) { try { for (;;) {} } catch {} }", "timeout"),
            ("for (;;) { try { await null; for (;;) {} } finally { continue } }", "timeout"),
            ("const f = () => { try { f() } catch { f() } }; for (;;) f()", "timeout"),
            ("for (;;) await null", "timeout"),
            ("const loop = () => Promise.resolve().then(loop); return loop()", "timeout"),
            ("const spin = () => queueMicrotask(spin); spin(); await new Promise(() => {})", "timeout"),
            ("/^(a+)+$/.test('a'.repeat(50) + 'b')", "timeout"),
            ("JSON.stringify({ get a() { for (;;) {} } })", "timeout"),
            ("return { toJSON() { for (;;) {} } }", "timeout"),
            ("throw { get message() { for (;;) {} }, stack: 'x' }", "timeout"),
            ("console.log({ get [Symbol.toStringTag]() { for (;;) {} } })", "timeout"),
        ],
    );
}

#[test]
fn waiting_for_too_long_is_a_timeout() {
    check(
        300,
        &[
            ("await new Promise((resolve) => setTimeout(resolve, 60_000))", "timeout"),
            ("setInterval(() => {}, 1); await new Promise(() => {})", "timeout"),
            ("const again = () => setImmediate(again); again(); await new Promise(() => {})", "timeout"),
            ("await fetch('http://never.test/')", "timeout"),
        ],
    );
}

#[test]
fn a_promise_that_nothing_can_settle_is_seen_at_once() {
    let mut engine = Engine::start();
    let ran = engine.run("module.exports = () => new Promise(() => {})");
    assert_eq!(ran.code(), "never_settles");
    let ran = engine.run("module.exports = async () => { await { then() {} } }");
    assert_eq!(ran.code(), "never_settles");
    let ran = engine.run("await new Promise(() => {}); export default () => 1");
    assert_eq!(ran.code(), "never_settles");
    engine.stop().unwrap();
}

#[test]
fn eating_memory_is_a_memory_limit() {
    check(
        60_000,
        &[
            ("const a = []; for (;;) a.push({})", "memory_limit"),
            ("const a = []; for (;;) a.push(new Uint8Array(100_000))", "memory_limit"),
            ("let s = 'x'; for (;;) { s += s; s.charCodeAt(5) }", "memory_limit"),
            ("const m = new Map(); for (let i = 0; ; i++) m.set(i, i)", "memory_limit"),
            ("let a = null; for (;;) a = { a }", "memory_limit"),
            ("return 'x'.repeat(100 << 20)", "memory_limit"),
            ("return new Uint8Array(1 << 30)", "memory_limit"),
            (
                "try { const a = []; for (;;) a.push(new Uint8Array(100_000)) } catch (error) { throw error }",
                "memory_limit",
            ),
            ("try { const a = []; for (;;) a.push({}) } catch (error) { throw error }", "memory_limit"),
            ("globalThis.a = []; for (;;) a.push(new Uint8Array(1000))", "memory_limit"),
        ],
    );
}

#[test]
fn null_is_only_a_memory_limit_when_memory_was_short() {
    check(60_000, &[("throw null", "exception"), ("throw undefined", "exception")]);
}

#[test]
fn what_the_host_keeps_counts_as_the_scripts_memory() {
    let script =
        "module.exports = async () => { for (;;) fetch('http://x.test/', { method: 'POST', body: 'y'.repeat(1e6) }) }";
    let mut engine = Engine::start();
    let ran = engine.run_limited(script, Limits { timeout_ms: 60_000, calls_at_once: 2, ..Limits::default() });
    assert_eq!(ran.code(), "memory_limit");
    assert_eq!(ran.calls.len(), 2);
    engine.stop().unwrap();
}

#[test]
fn deep_recursion_is_a_stack_overflow() {
    check(
        60_000,
        &[
            ("const f = (n) => f(n + 1) + 1; return f(0)", "stack_overflow"),
            ("const f = async (n) => (await f(n + 1)) + 1; return f(0)", "stack_overflow"),
            ("let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a)", "stack_overflow"),
            ("let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a", "stack_overflow"),
            ("return [1].flatMap(function f() { return [1].flatMap(f) })", "stack_overflow"),
            ("return eval('['.repeat(1e5) + ']'.repeat(1e5))", "stack_overflow"),
        ],
    );
}

#[test]
fn large_results_are_refused() {
    check(
        60_000,
        &[
            ("return 'x'.repeat(20 << 20)", "response_too_large"),
            ("return Array.from({ length: 600_000 }, () => 1)", "response_too_large"),
            ("return 'é'.repeat(600_000)", "response_too_large"),
            ("return '\\n'.repeat(600_000)", "response_too_large"),
        ],
    );
    let mut engine = Engine::start();
    let ran = engine.run("module.exports = () => 'x'.repeat((1 << 20) - 2)");
    assert_eq!(ran.ok().len(), 1 << 20);
    engine.stop().unwrap();
}

#[test]
fn a_loop_tells_where_it_was() {
    let mut engine = Engine::start();
    let code = "module.exports = async () => {\n  await null;\n  spin();\n};\nfunction spin() {\n  while (true) {}\n}";
    let ran = engine.run_limited(code, Limits { timeout_ms: 300, ..Limits::default() });
    assert_eq!(ran.code(), "timeout");
    let stack = ran.error().stack.as_deref().unwrap();
    assert!(stack.starts_with("    at spin (integration.js:"), "{stack}");
    assert!(stack.contains("\n    at integration.js:3:"), "{stack}");
    assert!(ran.error().at.as_ref().unwrap().line >= 5);
    engine.stop().unwrap();
}
