//! `http` and `https` on the gateway's one call.

use scripts::protocol::{Answer, Call, HostError};

use crate::engine::Engine;

/// Runs a handler's body; every request is answered with its own arguments and body.
fn check(cases: &[(&str, &str)]) {
    let mut engine = Engine::start();
    for (code, expected) in cases {
        let code = format!(
            "const http = require('http'); const ask = (options, body) => new Promise((resolve, reject) => {{ const request = http.request(options, (response) => {{ let text = ''; response.setEncoding('utf8'); response.on('data', (part) => {{ text += part }}); response.on('end', () => resolve({{ response, text }})) }}); request.on('error', reject); request.end(body) }}); module.exports = async () => {{ {code} }}"
        );
        let ran = engine.run_answering(&code, answer);
        let found = match &ran.result {
            Ok(json) => json.clone(),
            Err(error) => format!("{}: {}", error.name, error.message),
        };
        assert_eq!(found, *expected, "{code}");
    }
    engine.stop().unwrap();
}

#[expect(clippy::unnecessary_wraps, reason = "what the closures of the fake engine return")]
fn answer(call: &Call) -> Option<Result<Answer, HostError>> {
    if call.args.contains("/refused") {
        let message = "nobody answers".to_owned();
        return Some(Err(HostError { code: "connect_failed".into(), message, retry_after_ms: None }));
    }
    let value = r#"{"status":201,"statusText":"Created","url":"http://x.test/","redirected":false,"headers":[["X-A","1"],["x-a","2"],["set-cookie","a"],["set-cookie","b"],["content-type","text/plain"],["content-type","ignored"]]}"#;
    let body = format!("{} {}", call.args, String::from_utf8_lossy(call.body.as_deref().unwrap_or(b"-")));
    Some(Ok(Answer { value: value.into(), body: Some(body.into_bytes()) }))
}

#[test]
fn requests_are_sent_as_they_are_described() {
    check(&[
        (
            "const { text } = await ask({ host: 'x.test', port: 81, path: '/a?b', method: 'post', headers: { 'X-A': ['1', '2'] }, auth: 'u:p' }, 'body'); return text",
            r#""{\"method\":\"POST\",\"url\":\"http://x.test:81/a?b\",\"headers\":[[\"X-A\",\"1\"],[\"X-A\",\"2\"],[\"Host\",\"x.test:81\"],[\"Authorization\",\"Basic dTpw\"]],\"redirect\":\"manual\",\"plain\":true} body""#,
        ),
        (
            "return await new Promise((done) => require('https').get(new URL('https://x.test/é?q=1'), (response) => done([response.statusCode, response.statusMessage, response.headers, response.rawHeaders.length])))",
            r#"[201,"Created",{"x-a":"1, 2","set-cookie":["a","b"],"content-type":"text/plain"},12]"#,
        ),
        (
            "const request = http.request('http://x.test/'); request.write(Buffer.from([0, 255])); request.end('z'); const [response] = await require('events').once(request, 'response'); const parts = []; for await (const part of response) parts.push(part); return [Buffer.concat(parts).subarray(-5).length, response.complete, request.writableEnded]",
            "[5,true,true]",
        ),
        (
            "return await ask('http://x.test/refused').catch((error) => [error.code, error.gatewayCode, error.message])",
            r#"["ECONNREFUSED","connect_failed","nobody answers"]"#,
        ),
        (
            "const request = http.get('http://x.test/'); request.destroy(); return await new Promise((done) => request.on('error', (error) => done(error.code)))",
            r#""ECONNRESET""#,
        ),
        (
            "const stop = new AbortController(); const request = http.get('http://x.test/', { signal: stop.signal }); stop.abort(); return await new Promise((done) => request.on('error', (error) => done(error.name)))",
            r#""AbortError""#,
        ),
        ("http.request({ path: '/a b' })", "TypeError: Request path contains unescaped characters"),
        (
            "http.request('ftp://x.test')",
            "TypeError: Protocol \"ftp:\" not supported. Expected \"http:\" or \"https:\"",
        ),
        (
            "http.request('http://x.test').setHeader('a', 'b\\nc')",
            "TypeError: Invalid character in header content [\"a\"]",
        ),
    ]);
}

#[test]
fn old_and_other_clients_work_too() {
    check(&[
        (
            "const { XMLHttpRequest } = require('xmlhttprequest'); const x = new XMLHttpRequest(); x.open('PUT', 'http://x.test/'); x.setRequestHeader('a', 'b'); const states = []; x.onreadystatechange = () => states.push(x.readyState); await new Promise((done) => { x.onload = done; x.send('body') }); return [x.status, states, x.getResponseHeader('x-a'), x.responseText.endsWith(' body'), typeof globalThis.XMLHttpRequest]",
            r#"[201,[2,3,4],"1, 2",true,"undefined"]"#,
        ),
        (
            "const { request } = require('undici'); const { statusCode, headers, body } = await request('http://x.test/', { method: 'POST', body: 'b' }); return [statusCode, headers['x-a'], (await body.text()).endsWith(' b')]",
            r#"[201,"1, 2",true]"#,
        ),
        (
            "const s = new WebSocket('wss://x.test'); return await new Promise((done) => { s.onclose = ({ code, reason }) => done([code, reason]) })",
            r#"[1006,"WebSocket is not supported: every request goes through the HTTP gateway"]"#,
        ),
        (
            "const body = new ReadableStream({ start(c) { c.enqueue(new Uint8Array([104])); c.enqueue('i'); c.close() } }); const r = await fetch('http://x.test/', { method: 'POST', body, duplex: 'half' }); let out = ''; for await (const part of r.body.pipeThrough(new TextDecoderStream())) out += part; return out.endsWith(' hi')",
            "true",
        ),
    ]);
}
