//! What a run does to its JavaScript world is gone with it: the next run of the same runner sees nothing of it.

use scripts::protocol::Limits;
use workers::runners::Isolation;

use super::{Script, pool, run};

/// Ways to leave something behind, one a line.
const TRACES: &str = include_str!("../../../scripts/tests/residue.js");

/// What a fresh world looks like, as far as a script can see: every property of every global object, and what the
/// prelude's parts answer.
const LOOK: &str = r"
    const seen = new Set(), found = [];
    const look = (path, value) => {
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
      seen.add(value);
      found.push(`${path} ${Object.isFrozen(value)} ${Object.isExtensible(value)}`);
      for (const key of Reflect.ownKeys(value)) {
        const at = `${path}.${String(key)}`;
        const { get, set, value: held, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(value, key);
        found.push(`${at} ${typeof held} ${writable} ${enumerable} ${configurable} ${get?.name} ${set?.name}`);
        if (typeof held !== 'object' && typeof held !== 'function' && key !== 'timeOrigin') found.push(String(held));
        for (const next of [get, set, held]) look(at, next);
      }
      look(`${path}.__proto__`, Object.getPrototypeOf(value));
    };
    look('global', globalThis);
    look('payload', payload);
    look('function', function* () {});
    look('async', async function () {});
    look('both', async function* () {});
    look('array', [][Symbol.iterator]());
    look('text', Object('x'));
    found.push(JSON.stringify({ a: [1] }), String(new Error('x')), String([1, 2]), String({}), `${1n} ${/a/} ${Symbol('x').toString()}`);
    found.push(typeof require, typeof module, typeof left, typeof exports);
    try { require('left') } catch (error) { found.push(error.message, error.code) }
    let hash = 0;
    const text = found.join('\n');
    for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) | 0;
    return { size: found.length, hash };";

#[tokio::test]
async fn nothing_of_a_run_is_seen_by_the_next_one() {
    let (pool, look) = (pool(1, Isolation::Warm), Script::new(LOOK));
    let limits = Limits { timeout_ms: 30_000, ..Limits::default() };
    let fresh = run(&pool, &look, limits).await.code().to_owned();
    assert!(fresh.contains("\"size\":"), "{fresh}");
    let traces: Vec<&str> = TRACES.lines().filter(|line| !line.starts_with("//") && !line.is_empty()).collect();
    assert!(traces.len() >= 50, "{} traces", traces.len());
    let (mut unseen, mut left) = (Vec::new(), Vec::new());
    for trace in traces {
        // The look itself must notice it, or it would prove nothing.
        let dirty = Script::module(&format!("{trace}\nmodule.exports = async ({{ payload }}) => {{ {LOOK} }}"));
        if run(&pool, &dirty, limits).await.code() == fresh {
            unseen.push(trace);
        }
        if run(&pool, &look, limits).await.code() != fresh {
            left.push(trace);
        }
    }
    assert_eq!((unseen, left), (Vec::new(), Vec::new()), "what leaves nothing to see, and what is left");
}
