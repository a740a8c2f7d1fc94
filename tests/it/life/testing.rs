//! `tidegate test`: what passes, what fails and how it says so, recordings, the clock, and that tests do not meet.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Ran, Registry, Sink, esbuild, tidegate_in};

/// A folder with an integration and a file of tests.
fn folder(handler: &str, tests: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("it");
    fs::create_dir(&folder).expect("a folder");
    for (name, text) in [
        ("integration.toml", "[settings]\ntimeout_ms = 1000\n"),
        ("integration.js", handler),
        ("sample.json", "{\"n\":1}"),
        ("integration.test.js", tests),
    ] {
        fs::write(folder.join(name), text).expect("written");
    }
    root
}

fn names(tests: &str) -> String {
    format!(
        "const {{ test, assert, run, http, clock, cache, secrets, integrations, calls }} = require('tidegate:test');\n{tests}"
    )
}

fn run(root: &tempfile::TempDir, more: &[&str]) -> Ran {
    let args: Vec<&str> = ["test"].iter().chain(more).copied().collect();
    tidegate_in(root.path(), &args, &[])
}

/// Each test of the output of `--json`: its name, and the message it failed with.
fn outcomes(ran: &Ran) -> Vec<(String, Option<String>)> {
    let one = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let failed = line["outcome"] == "failed";
        let message = failed.then(|| line["error"]["message"].as_str().expect("a message").to_owned());
        (line["test"].as_str().expect("a name").to_owned(), message)
    };
    ran.out.lines().map(one).collect()
}

const ADD: &str = "module.exports = async ({ payload, secrets, cache, run }) => {\n  console.log('adding');\n  if (payload.fail) throw new TypeError('no way');\n  return { sum: payload.n + 1, attempt: run.attempt, release: run.release, at: run.scheduledAt, key: secrets.API_KEY };\n};\n";

#[test]
fn new_integrations_pass_the_tests_they_come_with() {
    let root = tempfile::tempdir().expect("a temporary folder");
    tidegate_in(root.path(), &["new", "plain"], &[]).ok();
    tidegate_in(root.path(), &["new", "typed", "--typescript"], &[]).ok();
    let ran = run(&root, &[]).ok();
    for part in ["plain/integration.test.js", "typed/integration.test.ts", "✓ greets by name", "2 passed"] {
        assert!(ran.out.contains(part), "no {part:?} in {}", ran.out);
    }
    fs::remove_file(root.path().join("plain/integration.test.js")).expect("removed");
    let none = run(&root, &["plain"]);
    assert!(none.code == 2 && none.err.contains("integration.test.js beside"), "{none:?}");
    let none = run(&root, &["--filter", "nothing"]);
    assert!(none.code == 2 && none.err.contains("`nothing`"), "{none:?}");
    assert_eq!(run(&root, &["--allow", "127.0.0.1/32:1"]).code, 2);
}

#[test]
fn a_failing_test_shows_where_why_and_what_was_logged() {
    let root = folder(
        ADD,
        &names(
            "test('passes', async () => { assert.equal((await run()).sum, 2); });\n\
             test('differs', async () => {\n  const { sum } = await run({ payload: { n: 2 } });\n  assert.deepEqual({ sum, a: [1] }, { sum: 4, a: [1] });\n});\n\
             test('throws', () => run({ payload: { fail: true } }));\n",
        ),
    );
    let ran = run(&root, &["it"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for part in [
        "✓ passes",
        "✗ differs",
        "INFO  adding",
        "-   \"sum\": 4,",
        "+   \"sum\": 3,",
        "integration.test.js:5:",
        "✗ throws",
        "TypeError: no way",
        "integration.js:3:",
        "1 passed, 2 failed",
    ] {
        assert!(ran.out.contains(part), "no {part:?} in {}", ran.out);
    }
    let filtered = run(&root, &["--filter", "pass"]).ok();
    assert!(filtered.out.contains("1 passed") && !filtered.out.contains("differs"), "{filtered:?}");
    fs::write(root.path().join("it/integration.test.js"), "const = 1;\n").expect("written");
    let broken = run(&root, &[]);
    assert!(broken.code == 1 && broken.out.contains("integration.test.js:1:7"), "{broken:?}");
}

#[test]
fn the_world_of_a_test_is_its_own() {
    let root = folder(
        "let runs = 0;\nmodule.exports = async ({ cache, payload, run }) => {\n  runs += 1;\n  const kept = await cache.get('kept');\n  const child = payload.child ? await integration('child').execute({ n: 1 }) : null;\n  const after = new Promise((resolve) => setTimeout(() => resolve(new Date().toISOString()), 60_000));\n  return { runs, kept, child, scheduledAt: run.scheduledAt, after: payload.wait ? await after : null };\n};\n",
        &names(
            "globalThis.seen = (globalThis.seen ?? 0) + 1;\n\
             for (const name of ['first', 'second']) test(name, async () => {\n  clock.set(0);\n  assert.equal(await cache.get('kept'), null);\n  await cache.set('kept', name, { ttl: 1000 });\n  const { runs, kept } = await run();\n  assert.deepEqual([globalThis.seen, runs, kept], [1, 1, name]);\n  await clock.advance(1000);\n  assert.equal(await cache.get('kept'), null);\n});\n\
             test('clock', async () => {\n  clock.set('2030-01-01T09:00:00Z');\n  const started = performance.now();\n  const running = run({ payload: { wait: true } });\n  await clock.advance(60_000);\n  const { scheduledAt, after } = await running;\n  assert.deepEqual([scheduledAt, after, performance.now() - started], ['2030-01-01T09:00:00.000Z', '2030-01-01T09:01:00.000Z', 60_000]);\n});\n\
             test('calls', async () => {\n  clock.set(0);\n  integrations.on('child', ({ payload }) => payload.n + 1);\n  assert.equal((await run({ payload: { child: true } })).child, 2);\n  assert.deepEqual(calls.map(({ name, verb }) => [name, verb]), [['child', 'execute']]);\n});\n\
             test('unanswered', async () => { clock.set(0); await run({ payload: { child: true } }).catch(() => {}); });\n\
             test('spins', () => { for (;;); });\n\
             test('hangs', () => new Promise(() => {}));\n",
        ),
    );
    let ran = run(&root, &["--json"]);
    let failed = |part: &str| Some(part.to_owned());
    let expected = [
        ("first", None),
        ("second", None),
        ("clock", None),
        ("calls", None),
        ("unanswered", failed("integrations.on(\"child\"")),
        ("spins", failed("1000 ms")),
        ("hangs", failed("nothing can settle")),
    ];
    let found = outcomes(&ran);
    assert_eq!(found.len(), expected.len(), "{ran:?}");
    for ((name, message), (wanted, part)) in found.iter().zip(&expected) {
        let fits = match (message, part) {
            (Some(message), Some(part)) => message.contains(part.as_str()),
            (message, part) => message.is_none() && part.is_none(),
        };
        assert!(name == wanted && fits, "{name}: {message:?}");
    }
    assert_eq!(ran.code, 1);
}

#[test]
fn a_request_is_stubbed_or_recorded_and_then_replayed_without_its_server() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sink = runtime.block_on(Sink::start());
    let url = sink.url();
    let root = folder(
        &format!(
            "module.exports = async ({{ payload, secrets }}) => {{\n  const send = (n) => fetch(`{url}/${{n}}?key=${{secrets.API_KEY}}`, {{ method: 'POST', body: JSON.stringify({{ n }}) }});\n  const answers = [await send(payload.n), await send(payload.n)];\n  return Promise.all(answers.map((answer) => answer.json()));\n}};\n"
        ),
        &names(&format!(
            "test('stubbed', async () => {{\n  http.on(/^POST .*\\/1\\?/, (request) => ({{ status: 201, json: {{ n: request.json().n }} }}));\n  assert.deepEqual(await run({{ secrets: {{ API_KEY: 'k-1' }} }}), [{{ n: 1 }}, {{ n: 1 }}]);\n  assert.equal(http.requests[1].url, '{url}/1?key=k-1');\n}});\n\
             test('recorded', async () => {{ assert.deepEqual(await run({{ payload: {{ n: 2 }} }}), [{{ ok: true }}, {{ ok: true }}]); }});\n",
        )),
    );
    let unmatched = run(&root, &["--json", "--secret", "API_KEY=k-20394857"]);
    let found = outcomes(&unmatched);
    let said = found[1].1.clone().unwrap_or_default();
    assert!(said.contains("POST") && said.contains("/2?key=******"), "{unmatched:?}");
    assert!(said.contains("http.on(") && said.contains("--record"), "{said}");
    assert_eq!((unmatched.code, found[0].1.as_ref(), sink.requests().len()), (1, None, 0));
    let record = ["--record", "--secret", "API_KEY=k-20394857", "--allow", &sink.opening()];
    run(&root, &record).ok();
    let asked: Vec<String> = sink.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/2?key=k-20394857", "/2?key=k-20394857"], "what has a stub is not sent");
    drop((sink, runtime));
    let kept = fs::read_to_string(root.path().join("it/integration.test.http.json")).expect("a recording");
    assert!(!kept.contains("k-20394857") && kept.contains("******"), "{kept}");
    run(&root, &["--secret", "API_KEY=another-value"]).ok();
    let other = folder("module.exports = () => 1", "");
    fs::write(
        other.path().join("it/integration.test.js"),
        names("test('once', async () => { await fetch('https://x.example/'); });"),
    )
    .expect("written");
    assert!(run(&other, &[]).out.contains("GET https://x.example/ has no answer"), "without a recording");
}

#[test]
fn tests_have_packages_other_files_and_types() {
    let registry = Registry::start();
    registry.publish("tone", "2.0.1", json!({}), &[("index.js", "module.exports = word => `${word}!`")]);
    let root = folder(
        "const tone = require('tone');\nconst { loud } = require('./lib/loud');\nmodule.exports = async ({ payload }) => tone(loud(payload.word));\n",
        "import { test, assert, run } from 'tidegate:test';\nimport { createHash } from 'node:crypto';\ntest('module', async () => { assert.equal(createHash('md5').update(await run({ payload: { word: 'a' } })).digest('hex').length, 32); });\n",
    );
    let folder = root.path().join("it");
    fs::create_dir(folder.join("lib")).expect("a folder");
    for (name, text) in [
        ("package.json", "{\"dependencies\":{\"tone\":\"^2\"}}"),
        (
            "lib/loud.js",
            "exports.loud = (word) => {\n  if (!word) throw new RangeError('nothing to say');\n  return word.toUpperCase();\n};\n",
        ),
        (
            "typed.test.ts",
            "import { test, assert, run } from 'tidegate:test';\nimport { loud } from './lib/loud';\nconst word: string = 'ada';\ntest('typed', async () => { assert.equal(await run({ payload: { word } }), loud(word) + '!'); });\ntest('fails', async () => {\n  await run({ payload: {} });\n});\n",
        ),
    ] {
        fs::write(folder.join(name), text).expect("written");
    }
    let (url, opening, esbuild) = (registry.url(), registry.opening(), esbuild());
    let env = [
        ("TIDEGATE_PACKAGES__REGISTRY", url.as_str()),
        ("TIDEGATE_PACKAGES__ALLOW", opening.as_str()),
        ("TIDEGATE_ESBUILD", esbuild.to_str().expect("UTF-8")),
    ];
    let ran = tidegate_in(root.path(), &["test"], &env);
    assert_eq!(ran.code, 1, "{ran:?}");
    let parts = ["✓ module", "✓ typed", "✗ fails", "lib/loud.js:2:", "integration.js:3:", "typed.test.ts:6:"];
    for part in parts {
        assert!(ran.out.contains(part), "no {part:?} in {}", ran.out);
    }
}

#[test]
fn real_runs_have_no_module_for_tests() {
    let root = folder("const { run } = require('tidegate:test');\nmodule.exports = () => 1;\n", "");
    let ran = tidegate_in(root.path(), &["run", "it"], &[]);
    assert!(ran.code == 1 && ran.err.contains("Cannot find module 'tidegate:test'"), "{ran:?}");
}
