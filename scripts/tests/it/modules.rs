//! Builtin modules: all load, each once, by `require` and by `import`; those that cannot be had say why.

use crate::engine::Engine;

/// Runs bodies of handlers and compares what they return.
pub fn check(cases: &[(&str, &str)]) {
    let mut engine = Engine::start();
    let mut wrong = Vec::new();
    for (code, expected) in cases {
        let ran = engine.run(&format!("module.exports = async () => {{ {code} }}"));
        let found = match &ran.result {
            Ok(json) => json.clone(),
            Err(error) => format!("{}: {}", error.name, error.message),
        };
        if found != *expected {
            wrong.push(format!("{code}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    engine.stop().unwrap();
}

#[test]
fn every_builtin_loads_once_with_and_without_its_scheme() {
    check(&[
        (
            "const failed = []; for (const name of require('module').builtinModules) { try { if (require(name) !== require(`node:${name}`)) failed.push(name); Object.keys(require(name)) } catch (error) { failed.push(`${name}: ${error.message} ${error.stack}`) } } return failed",
            "[]",
        ),
        ("return [require('fs/promises') === require('fs').promises, require.resolve('fs')]", r#"[true,"fs"]"#),
        (
            "return [...new Set(Object.getOwnPropertyNames(globalThis).filter((name) => { try { return globalThis[name] === undefined && name !== 'undefined' } catch (error) { return `${name} ${error.message}` } }))]",
            "[]",
        ),
    ]);
}
