//! The globals that scripts find, beyond the language.

use crate::engine::Engine;

fn check(cases: &[(&str, &str)]) {
    let mut engine = Engine::start();
    for (code, expected) in cases {
        let ran = engine.run(&format!("module.exports = async () => {{ {code} }}"));
        let found = match &ran.result {
            Ok(json) => json.clone(),
            Err(error) => format!("{}: {}", error.name, error.message),
        };
        assert_eq!(found, *expected, "{code}");
    }
    engine.stop().unwrap();
}

#[test]
fn timers() {
    check(&[
        (
            "const out = []; setTimeout((a) => out.push(a), 8, 'late'); setTimeout(() => out.push('soon'), 1); setImmediate(() => out.push('now')); queueMicrotask(() => out.push('micro')); await new Promise((r) => setTimeout(r, 20)); return out",
            r#"["micro","now","soon","late"]"#,
        ),
        (
            "let n = 0; await new Promise((done) => { const t = setInterval(() => { if (++n === 3) { clearInterval(t); done() } }, 1) }); return n",
            "3",
        ),
        (
            "const t = setTimeout(() => { throw 1 }, 1); clearTimeout(t); clearTimeout(undefined); await new Promise((r) => setTimeout(r, 4)); return t.unref().hasRef()",
            "true",
        ),
        ("setTimeout('code')", "TypeError: The \"callback\" argument must be of type function, not string"),
        ("setInterval(() => {}, 1); return 'done'", "\"done\""),
    ]);
}

#[test]
fn urls() {
    check(&[
        ("return new URL('../c?x=1#h', 'https://u:p@host:8443/a/b').href", "\"https://u:p@host:8443/c?x=1#h\""),
        (
            "const u = new URL('http://x.test'); u.searchParams.append('a b', 'é&'); u.hash = 'z'; u.port = '81'; return [u.href, u.search, u.host]",
            r##"["http://x.test:81/?a+b=%C3%A9%26#z","?a+b=%C3%A9%26","x.test:81"]"##,
        ),
        (
            "const u = new URL('http://x.test/?a=1&a=2'); u.search = '?b=3'; return [u.searchParams.get('a'), u.searchParams.get('b')]",
            r#"[null,"3"]"#,
        ),
        (
            "return [URL.canParse('x'), URL.parse('x'), JSON.stringify(new URL('http://x.test'))]",
            r#"[false,null,"\"http://x.test/\""]"#,
        ),
        ("new URL('nope')", "TypeError: Invalid URL"),
        (
            "const p = new URLSearchParams('?a=1&b=2&a=3'); p.set('a', 'x'); p.sort(); p.delete('b'); return [p.toString(), p.size, p.has('a'), [...p]]",
            r#"["a=x",1,true,[["a","x"]]]"#,
        ),
        ("return new URLSearchParams([['a', '1'], ['b', '+ ']]).toString()", "\"a=1&b=%2B+\""),
    ]);
}

#[test]
fn text_and_bytes() {
    check(&[
        ("return [...new TextEncoder().encode('aé€😀')].length", "10"),
        ("return new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 104, 255]))", "\"h\u{fffd}\""),
        (
            "const d = new TextDecoder(); return d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + d.decode(new Uint8Array([0xac]))",
            "\"€\"",
        ),
        (
            "new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255]))",
            "TypeError: The encoded data was not valid for encoding utf-8",
        ),
        (
            "new TextDecoder('koi8-r')",
            "RangeError: TextDecoder: the encoding 'koi8-r' is not supported; use utf-8, utf-16le or latin1",
        ),
        (
            "return [new TextDecoder('latin1').decode(new Uint8Array([228, 128])), new TextDecoder('utf-16le').decode(new Uint8Array([228, 0, 172, 32]))]",
            r#"["ä€","ä€"]"#,
        ),
        ("return new TextEncoder().encodeInto('é€', new Uint8Array(4))", r#"{"read":1,"written":2}"#),
        ("return [btoa('hi'), atob('aGk=')]", r#"["aGk=","hi"]"#),
    ]);
}

#[test]
fn copies_and_randomness() {
    check(&[
        (
            "const a = { d: new Date(0), m: new Map([[1, new Set([2])]]), r: /x/g, b: new Uint8Array([1, 2]), n: null, big: 1n }; a.self = a; const c = structuredClone(a); return [c !== a, c.self === c, c.d.getTime(), c.m.get(1).has(2), c.r.flags, c.b[1], c.b.buffer !== a.b.buffer, typeof c.big]",
            r#"[true,true,0,true,"g",2,true,"bigint"]"#,
        ),
        (
            "const e = structuredClone(new TypeError('t', { cause: { a: 1 } })); return [e instanceof TypeError, e.message, e.cause]",
            r#"[true,"t",{"a":1}]"#,
        ),
        ("structuredClone({ f() {} })", "DataCloneError: the function f could not be cloned."),
        (
            "return /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())",
            "true",
        ),
        ("return crypto.getRandomValues(new Uint8Array(64)).some((byte) => byte > 0)", "true"),
        (
            "crypto.getRandomValues(new Uint8Array(65537))",
            "QuotaExceededError: getRandomValues: 65537 bytes asked for, at most 65536 at a time",
        ),
        (
            "const n = new Set(Array.from({ length: 100 }, Math.random)); return n.size === 100 && [...n].every((x) => x >= 0 && x < 1)",
            "true",
        ),
        ("return typeof performance.now()", "\"number\""),
        (
            "return [typeof process, typeof Buffer, typeof require, typeof integration, typeof global.fetch]",
            r#"["object","function","function","function","function"]"#,
        ),
    ]);
}

#[test]
fn requests_and_responses_by_hand() {
    check(&[
        (
            "const r = Response.json({ a: 1 }, { status: 418 }); return [r.status, r.ok, r.headers.get('content-type'), await r.json()]",
            r#"[418,false,"application/json",{"a":1}]"#,
        ),
        ("return new Response('x', { status: 99 })", "RangeError: Response: the status 99 is not between 200 and 599"),
        (
            "const h = new Headers({ B: '1', a: '2' }); h.append('b', '3'); h.delete('none'); return [...h]",
            r#"[["a","2"],["b","1, 3"]]"#,
        ),
        (
            "const r = new Request('http://x.test', { method: 'patch', body: 'b' }); const c = r.clone(); return [r.method, c.url, await c.text(), r.bodyUsed]",
            r#"["PATCH","http://x.test/","b",false]"#,
        ),
        ("return (await new Response(new Uint8Array([104, 105])).text())", "\"hi\""),
    ]);
}

#[test]
fn random_numbers_differ_between_runs() {
    let mut engine = Engine::start();
    let code = "module.exports = () => [Math.random(), crypto.randomUUID()]";
    assert_ne!(engine.run(code).ok(), engine.run(code).ok());
    engine.stop().unwrap();
}
