//! console against what Node 20 prints: `console.json` holds arguments and Node's own output for them.

use serde::Deserialize;

use crate::engine::Engine;

#[derive(Deserialize)]
struct Case {
    args: String,
    prints: String,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("console.json")).unwrap()
}

#[test]
fn values_print_as_in_node() {
    let mut engine = Engine::start();
    let calls: String = cases().iter().map(|case| format!("console.log({});\n", case.args)).collect();
    let ran = engine.run(&format!("module.exports = () => {{\n{calls}}}"));
    ran.ok();
    assert_eq!(ran.lines.len(), cases().len());
    for (case, line) in cases().iter().zip(&ran.lines) {
        assert_eq!(line.message, case.prints, "console.log({})", case.args);
    }
    engine.stop().unwrap();
}

fn check(code: &str, expected: &[&str]) {
    let mut engine = Engine::start();
    let ran = engine.run(&format!("module.exports = async () => {{\n{code}\n}}"));
    ran.ok();
    assert_eq!(ran.messages(), expected, "{code}");
    engine.stop().unwrap();
}

#[test]
fn errors_print_with_their_stack_and_properties() {
    check("const e = new TypeError('bad'); console.log(e)", &["TypeError: bad\n    at integration.js:2:15"]);
    check(
        "console.log(Object.assign(new Error('x', { cause: 'why' }), { code: 'E_X' }))",
        &["Error: x\n    at integration.js:2:31 {\n  code: 'E_X',\n  [cause]: 'why'\n}"],
    );
    check(
        "console.log({ nested: new RangeError('y') })",
        &["{\n  nested: RangeError: y\n      at integration.js:2:27\n}"],
    );
}

#[test]
fn the_other_methods() {
    check("console.group('a'); console.log('b\\nc'); console.groupEnd(); console.log('d')", &["a", "  b\n  c", "d"]);
    check(
        "console.count(); console.count(); console.count('x'); console.countReset(); console.count()",
        &["default: 1", "default: 2", "x: 1", "default: 1"],
    );
    check(
        "console.assert(true, 'no'); console.assert(false, 'yes %d', 1); console.assert(false)",
        &["Assertion failed: yes 1", "Assertion failed"],
    );
    check("console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 })", &["{ a: [Object] }"]);
    check(
        "console.table([{ a: 1, b: 'x' }, { a: 2 }])",
        &[
            "┌─────────┬───┬─────┐\n│ (index) │ a │  b  │\n├─────────┼───┼─────┤\n│    0    │ 1 │ 'x' │\n│    1    │ 2 │     │\n└─────────┴───┴─────┘",
        ],
    );
    check(
        "console.table([1, 'a'])",
        &[
            "┌─────────┬────────┐\n│ (index) │ Values │\n├─────────┼────────┤\n│    0    │   1    │\n│    1    │  'a'   │\n└─────────┴────────┘",
        ],
    );
    check("console.trace('here')", &["Trace: here\n    at integration.js:2:9"]);
}

#[test]
fn hostile_values_print_as_well() {
    check("console.log({ get a() { throw new Error('no') } })", &["{ a: [Getter] }"]);
    check("const a = []; a[2 ** 33] = 1; console.log(a)", &["[ '8589934592': 1 ]"]);
    check("const a = []; a[4e8] = 1; console.log(a)", &["[ <400000000 empty items>, 1 ]"]);
    check("console.log('\\ud800')", &["\u{fffd}"]);
    check(
        "console.log(Object.assign(Object.create(null), { constructor: 1 }))",
        &["[Object: null prototype] { constructor: 1 }"],
    );
}
