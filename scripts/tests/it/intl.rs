//! `Intl` against what Node 20 prints: `intl.json` holds expressions and their values there.

use crate::engine::Engine;

#[test]
fn english_is_printed_as_node_prints_it() {
    let cases: Vec<(String, serde_json::Value)> = serde_json::from_str(include_str!("intl.json")).unwrap();
    let list: Vec<String> = cases.iter().map(|(code, _)| format!("() => {code}")).collect();
    let mut engine = Engine::start();
    let ran = engine.run(&format!(
        "module.exports = () => [{}].map((run) => {{ try {{ return run() }} catch (error) {{ return String(error) }} }})",
        list.join(",\n")
    ));
    let found: Vec<serde_json::Value> = serde_json::from_str(ran.ok()).unwrap();
    let wrong: Vec<String> = cases
        .iter()
        .zip(&found)
        .filter(|((_, expected), found)| expected != *found)
        .map(|((code, expected), found)| format!("{code}\n  node {expected}\n  ours {found}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    engine.stop().unwrap();
}

#[test]
fn other_locales_answer_in_english_and_mistakes_are_named() {
    crate::modules::check(&[
        (
            "return [new Intl.NumberFormat('de-DE').format(1234.5), new Date(0).toLocaleDateString('fr', { timeZone: 'UTC' })]",
            r#"["1,234.5","1/1/1970"]"#,
        ),
        (
            "new Intl.DateTimeFormat('en', { timeZone: 'Mars/Base' })",
            "RangeError: Invalid time zone specified: Mars/Base",
        ),
        (
            "new Intl.NumberFormat('en', { style: 'currency' })",
            "TypeError: Currency code is required with currency style.",
        ),
        ("new Intl.NumberFormat('not a tag')", "RangeError: Incorrect locale information provided"),
        ("return new Date(NaN).toLocaleString()", "\"Invalid Date\""),
    ]);
}
