//! Drafts: which pass, in which format, and what is said about the others.

use scripts::protocol::{Format, Limits};

use crate::engine::{Engine, input};

const JS: &str = "integration.js";
const TS: &str = "integration.ts";

#[test]
fn every_form_of_a_handler_is_found_and_runs() {
    let cases = [
        (JS, "module.exports = ({ payload }) => payload", Format::CommonJs),
        (JS, "module.exports = async function handler({ payload }) { return payload }", Format::CommonJs),
        (JS, "exports.default = ({ payload }) => payload", Format::CommonJs),
        (JS, "module.exports = { default: ({ payload }) => payload, other: 1 }", Format::CommonJs),
        (JS, "#!/usr/bin/env node\nmodule.exports = ({ payload }) => payload", Format::CommonJs),
        (JS, "undeclared = 1; with ({ a: 1 }) {} module.exports = ({ payload }) => payload", Format::CommonJs),
        (JS, "if (false) return;\nmodule.exports = ({ payload }) => payload", Format::CommonJs),
        (JS, "module.exports = ({ payload }) => payload // no line end", Format::CommonJs),
        (JS, "export default ({ payload }) => payload", Format::Module),
        (JS, "#!/usr/bin/env node\nexport default function ({ payload }) { return payload }", Format::Module),
        (JS, "const handler = ({ payload }) => payload;\nexport { handler as default };", Format::Module),
        (JS, "const add = await Promise.resolve(0);\nexport default async ({ payload }) => payload", Format::Module),
        (
            JS,
            "await new Promise((resolve) => setTimeout(resolve, 1)); export default ({ payload }) => payload",
            Format::Module,
        ),
        (TS, "export default ({ payload }: { payload: unknown }): unknown => payload", Format::Module),
        (
            TS,
            "import type { X } from 'x';\nimport { Y } from 'y';\nexport default ({ payload }: X): Y => payload",
            Format::Module,
        ),
        (
            TS,
            "enum E { A = 'a' }\nmodule.exports = ({ payload }: any) => E.A && (payload satisfies unknown)",
            Format::CommonJs,
        ),
    ];
    let mut engine = Engine::start();
    for (file, code, format) in cases {
        let bundle =
            engine.check(&[(file, code), ("package.json", "{}")]).unwrap_or_else(|error| panic!("{code}: {error:?}"));
        assert_eq!(bundle.format, format, "{code}");
        assert_eq!(bundle.hash.len(), 64);
        if file == JS {
            assert_eq!((bundle.code.as_str(), &bundle.map, &bundle.source), (code, &None, &None));
        } else {
            assert_eq!(bundle.source.as_deref(), Some(code));
        }
        let ran = engine.run_bundle(bundle, input("[1,{\"a\":null}]"), Limits::default(), |_| None);
        assert_eq!(ran.ok(), "[1,{\"a\":null}]", "{code}");
    }
    engine.stop().unwrap();
}

#[test]
fn a_draft_that_exports_no_function_is_refused_at_the_export() {
    let cases = [
        ("module.exports = { a() {}, b: 1 }", "exports an object with a, b;", Some(1)),
        ("const x = 1;\nmodule.exports = 5;", "exports a number;", Some(2)),
        ("module.exports = [() => 1]", "exports an array;", Some(1)),
        ("module.exports = class A {}", "exports a class;", Some(1)),
        ("\n\nexports.handler = () => 1", "exports an object with handler;", Some(3)),
        ("const x = 1", "exports nothing;", None),
        ("", "exports nothing;", None),
        ("export const foo = () => 1, bar = 2", "exports no default, only bar, foo;", Some(1)),
        ("export default 'text'", "exports a string;", Some(1)),
    ];
    let mut engine = Engine::start();
    for (code, expected, line) in cases {
        let error = engine.check(&[(JS, code)]).unwrap_err();
        assert_eq!(error.code, "no_handler", "{code}");
        assert!(error.message.contains(expected), "{code}: {}", error.message);
        assert!(error.message.contains("`module.exports = async ({ payload }) => { … }`"), "{}", error.message);
        assert_eq!(error.at.map(|place| place.line), line, "{code}");
    }
    engine.stop().unwrap();
}

/// Files, the code, a part of the message, line and column.
type Broken<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, Option<(u32, u32)>);

#[test]
fn broken_drafts_say_what_and_where() {
    let cases: &[Broken] = &[
        (&[(JS, "let x = ;")], "syntax_error", "", Some((1, 9))),
        (&[(JS, "let a;\nlet a;")], "syntax_error", "", Some((1, 5))),
        (&[(JS, "module.exports = () => {")], "syntax_error", "", Some((1, 25))),
        (&[(JS, "}); (() => {")], "syntax_error", "", Some((1, 1))),
        (&[(JS, "module.exports = () => /(/")], "syntax_error", "", Some((1, 25))),
        (&[(JS, "a\0b")], "syntax_error", "NUL", Some((1, 2))),
        (&[(TS, "const x: = 1")], "syntax_error", "", Some((1, 10))),
        (&[(JS, "const x: number = 1")], "syntax_error", "", Some((1, 7))),
        (&[], "no_entry", "add integration.js", None),
        (&[(JS, ""), (TS, "")], "no_entry", "keep one", None),
        (&[("main.js", "")], "no_entry", "'main.js'", None),
        (&[(JS, ""), ("lib/a.js", "")], "no_entry", "'lib/a.js'", None),
        (&[(JS, ""), ("package.json", "{ \"a\": }")], "invalid_package_json", "not valid JSON", Some((1, 8))),
        (&[(JS, ""), ("package.json", "[]")], "invalid_package_json", "must be a JSON object", None),
        (
            &[(JS, "require('axios')")],
            "module_not_found",
            "'axios', required by integration.js: it is no builtin module",
            Some((1, 1)),
        ),
        (
            &[(JS, "require('./a')")],
            "module_not_found",
            "'./a', required by integration.js: a draft is one file",
            Some((1, 1)),
        ),
        (&[(JS, "\nimport fs from 'node:sf';\nexport default fs")], "module_not_found", "'node:sf'", Some((2, 16))),
        (
            &[(TS, "import { get } from 'axios';\nexport default () => get()")],
            "module_not_found",
            "'axios'",
            Some((1, 21)),
        ),
        (&[(JS, "export * from './other.js'")], "module_not_found", "'./other.js'", Some((1, 15))),
        (
            &[(JS, "fetch('http://x.test'); module.exports = () => 1")],
            "exception",
            "fetch is not possible at the top level",
            Some((1, 1)),
        ),
        (
            &[(JS, "await fetch('http://x.test').catch(() => 1); export default () => 1")],
            "exception",
            "fetch is not possible",
            Some((1, 7)),
        ),
        (&[(JS, "throw new TypeError('at the top')")], "exception", "at the top", Some((1, 7))),
    ];
    let mut engine = Engine::start();
    for (files, code, message, place) in cases {
        let error = engine.check(files).unwrap_err();
        assert_eq!(error.code, *code, "{files:?}: {error:?}");
        assert!(error.message.contains(message), "{files:?}: {}", error.message);
        let at = error.at.as_ref().map(|place| (place.line, place.column));
        match (place, at) {
            // The engine marks calls at a part of the expression; the line is what counts.
            (Some((line, _)), Some((found, _))) if *code == "exception" || message.contains("required by") => {
                assert_eq!(*line, found, "{files:?}");
            }
            _ => assert_eq!(at, *place, "{files:?}: {}", error.message),
        }
    }
    engine.stop().unwrap();
}

#[test]
fn the_size_of_code_is_limited() {
    let mut engine = Engine::start();
    let fits = format!("module.exports = () => 1 //{}", "x".repeat((5 << 20) - 26));
    assert_eq!(fits.len(), (5 << 20) + 1);
    assert_eq!(engine.check(&[(JS, &fits)]).unwrap_err().code, "code_too_large");
    let bundle = engine.check(&[(JS, &fits[..5 << 20])]).unwrap();
    assert_eq!(bundle.code.len(), 5 << 20);
    let package = format!("{{\"a\":\"{}\"}}", "x".repeat(5 << 20));
    assert_eq!(engine.check(&[(JS, ""), ("package.json", &package)]).unwrap_err().code, "code_too_large");
    engine.stop().unwrap();
}

#[test]
fn the_top_level_runs_under_the_limits() {
    let mut engine = Engine::start();
    assert_eq!(engine.check(&[(JS, "while (true) {}")]).unwrap_err().code, "timeout");
    assert_eq!(engine.check(&[(JS, "const a = []; for (;;) a.push({})")]).unwrap_err().code, "memory_limit");
    assert_eq!(engine.check(&[(JS, "(function f() { f() })()")]).unwrap_err().code, "stack_overflow");
    engine.stop().unwrap();
}

#[test]
fn a_syntax_error_shows_the_lines_around_it() {
    let mut engine = Engine::start();
    let code = "const a = 1;\nconst b = 2;\nconst c = ;\nconst d = 4;\nconst e = 5;\nconst f = 6;";
    let error = engine.check(&[(JS, code)]).unwrap_err();
    assert_eq!(
        error.at.as_ref().unwrap().frame,
        "  1 | const a = 1;\n  2 | const b = 2;\n> 3 | const c = ;\n    |           ^\n  4 | const d = 4;\n  5 | const e = 5;"
    );
    let text = scripts::frame_text(&error);
    assert!(text.starts_with("SyntaxError: "), "{text}");
    assert!(text.contains("\n\nintegration.js:3:11\n  1 | const a"), "{text}");
    engine.stop().unwrap();
}
