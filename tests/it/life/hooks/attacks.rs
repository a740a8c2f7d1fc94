//! What strangers and careless handlers may try.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Call, deploy, secret, send};
use crate::support::{Server, within};

/// Sends bytes as they are; gives everything that is answered until the server closes.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let address = server.url().trim_start_matches("http://").to_owned();
    within("a raw answer", async {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_handler_cannot_write_into_the_head_of_an_answer() {
    let server = Server::start().await;
    let code = "module.exports = ({ payload }) => payload;";
    deploy(&server, "says", code, json!({ "auth": "none" })).await;
    let answered = async |headers: Value| {
        let body = json!({ "status": 200, "headers": headers, "body": "x" }).to_string();
        send(&server, &Call::post("says", body).json()).await
    };
    for headers in [
        json!({ "x": "a\r\nSet-Cookie: session=1" }),
        json!({ "x": "a\nb" }),
        json!({ "x": "a\u{0}b" }),
        json!({ "x\r\nSet-Cookie": "session=1" }),
        json!({ "Set-Cookie": "session=1" }),
        json!({ "transfer-encoding": "chunked" }),
        json!({ "content-length": "0" }),
        json!({ "content-security-policy": "default-src *" }),
        json!({ "access-control-allow-origin": "*" }),
        json!({ "x": "é" }),
    ] {
        let answer = answered(headers.clone()).await;
        assert_eq!((answer.status, &*answer.code()), (502, "invalid_response"), "{headers}");
        assert!(
            answer.headers.get("set-cookie").is_none() && answer.headers.get("access-control-allow-origin").is_none()
        );
    }
    let fine = answered(json!({ "x": "a\tb, c; \"d\"" })).await;
    assert_eq!((fine.status, fine.header("x")), (200, "a\tb, c; \"d\""));
}

#[tokio::test]
async fn fields_with_special_names_are_fields() {
    let server = Server::start().await;
    let code = "module.exports = ({ payload, request }) => ({
      polluted: {}.x ?? [].x ?? null,
      own: [Object.keys(payload), Object.keys(request.query), Object.keys(request.headers).includes('__proto__')],
      copied: ({ ...payload }).isAdmin ?? null,
      plain: Object.getPrototypeOf(payload) === Object.prototype && Object.getPrototypeOf(request.query) === Object.prototype,
    });";
    deploy(&server, "fields", code, json!({ "auth": "none" })).await;
    let form = "__proto__=1&__proto__=2&__proto__[x]=3&constructor[prototype][x]=4&__proto__.x=5";
    let calls = [
        Call::post("fields?__proto__=1&__proto__[x]=2", form)
            .header("content-type", "application/x-www-form-urlencoded"),
        Call::post(
            "fields?__proto__=1&__proto__[x]=2",
            r#"{"__proto__":{"x":1,"isAdmin":true},"constructor":{"prototype":{"x":1}}}"#,
        )
        .json(),
    ];
    for call in calls {
        let answer = send(&server, &call.header("__proto__", "x")).await.json();
        assert_eq!(
            (&answer["polluted"], &answer["copied"], &answer["plain"]),
            (&Value::Null, &Value::Null, &json!(true)),
            "{answer}"
        );
        assert!(answer["own"][0].as_array().expect("names").contains(&json!("__proto__")), "{answer}");
        assert_eq!(
            (&answer["own"][1], &answer["own"][2]),
            (&json!(["__proto__", "__proto__[x]"]), &json!(true)),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn one_request_cannot_be_read_as_two() {
    let server = Server::start().await;
    deploy(
        &server,
        "one",
        "module.exports = ({ payload, request }) => [payload, request.path];",
        json!({ "auth": "none" }),
    )
    .await;
    let check = async |head: &str, body: &str, expected: &[u16]| {
        let bytes = format!("POST /hooks/default/one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n{body}");
        let answer = raw(&server, bytes.as_bytes()).await;
        assert!(expected.contains(&status(&answer)), "{head:?}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() == 1, "{head:?}: {answer}");
    };
    let inner = "GET /hooks/default/one/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    check("Content-Length: 2\r\n", "hi", &[200]).await;
    check("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", &[200]).await;
    check("Content-Length: 2\r\nContent-Length: 3\r\n", "hi!", &[400]).await;
    check("Content-Length: +2\r\n", "hi", &[400]).await;
    check("Content-Length: 2, 2\r\n", "hi", &[400]).await;
    check("Transfer-Encoding: identity, chunked, gzip\r\n", "0\r\n\r\n", &[400]).await;
    check("Transfer-Encoding : chunked\r\n", "0\r\n\r\n", &[400]).await;
    check("Transfer-Encoding: chunked\r\n", "zz\r\nhi\r\n0\r\n\r\n", &[400]).await;
    check("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nhi", &[400]).await;
    check("X: 1\r\n X-Folded: 2\r\n", "", &[400]).await;
    check(" Content-Length: 2\r\n", "hi", &[400]).await;
    // With both lengths the chunks count (RFC 9112, 6.3), and nothing after them is a request: the connection is closed.
    let both = format!("0\r\n\r\n{inner}");
    check(&format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", both.len()), &both, &[200, 400]).await;
    let runs = server.get("/v1/runs?integration=one&first=100").await;
    for run in runs["items"].as_array().expect("items") {
        let run = server.get(&format!("/v1/runs/{}", run["id"].as_str().expect("an id"))).await;
        assert_eq!(run["result"][1], "/", "{run}");
    }
}

#[tokio::test]
async fn a_signed_body_may_come_in_pieces_and_a_giant_head_not_at_all() {
    let server = Server::start().await;
    secret(&server, "S", "github-secret").await;
    let auth = json!({ "preset": "github", "secret": "S" });
    deploy(&server, "push", "module.exports = ({ payload }) => payload.length;", json!({ "auth": auth })).await;
    let body = "x".repeat(100_000);
    let call = Call::post("push", body.clone()).signed(&auth, "github-secret");
    let signature = &call.headers[0].1;
    let chunks: String = body
        .as_bytes()
        .chunks(7_001)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    let head = |signature: &str| {
        format!(
            "POST /hooks/default/push HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nX-Hub-Signature-256: {signature}\r\n\r\n"
        )
    };
    let answer = raw(&server, format!("{}{chunks}0\r\n\r\n", head(signature)).as_bytes()).await;
    assert!(status(&answer) == 200 && answer.contains("100000"), "{answer}");
    // A trailer is no header: it proves nothing.
    let trailed = format!("{}{chunks}0\r\nX-Hub-Signature-256: {signature}\r\n\r\n", head("sha256=00"));
    assert_eq!(status(&raw(&server, trailed.as_bytes()).await), 401);
    let missing = "POST /hooks/default/push HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Hub-Signature-256\r\n\r\n";
    let trailed = format!("{missing}{chunks}0\r\nX-Hub-Signature-256: {signature}\r\n\r\n");
    assert_eq!(status(&raw(&server, trailed.as_bytes()).await), 401);
    let large = Call::post("push", "x".repeat((256 << 10) + 1)).signed(&auth, "github-secret");
    assert_eq!(send(&server, &large).await.status, 413);
    let giant = Call::post("push", "x").header("x-hub-signature-256", &format!("sha256={}", "0".repeat(40_000)));
    assert_eq!(send(&server, &giant).await.status, 431);
    let wide = Call::post("push", "x").header("x-hub-signature-256", &format!("sha256={}", "0".repeat(20_000)));
    assert_eq!(send(&server, &wide).await.status, 401);
    assert_eq!(send(&server, &Call::post(&format!("push?{}", "x".repeat(9_000)), "x")).await.status, 414);
}

#[tokio::test]
async fn what_proves_a_caller_is_seen_nowhere() {
    let server = Server::start().await;
    secret(&server, "S", "t0ken+of/callers").await;
    let code =
        "module.exports = ({ request, secrets }) => { console.log(request); return { request, echo: secrets.S }; };";
    let header = json!({ "kind": "token", "secret": "S", "header": "X-Token" });
    let query = json!({ "kind": "token", "secret": "S", "query": "key" });
    let basic = json!({ "kind": "basic", "user": "shop", "secret": "S" });
    for (name, auth, path, value) in [
        ("header", &header, "header", Some(("x-token", "t0ken+of/callers"))),
        ("query", &query, "query?key=t0ken%2Bof%2Fcallers&x=1", None),
        ("basic", &basic, "basic", Some(("authorization", "Basic c2hvcDp0MGtlbitvZi9jYWxsZXJz"))),
    ] {
        deploy(&server, name, code, json!({ "auth": auth })).await;
        let call = Call::post(path, "1");
        let call = value.iter().fold(call, |call, (name, value)| call.header(name, value));
        let answer = send(&server, &call).await;
        assert_eq!(answer.status, 200, "{name}");
        let seen = answer.json();
        assert!(
            seen["request"]["headers"].get("x-token").is_none()
                && seen["request"]["headers"].get("authorization").is_none(),
            "{seen}"
        );
        assert!(seen["request"]["query"].get("key").is_none(), "{seen}");
        assert_eq!(seen["echo"], "******", "a handler gives no secret away");
        let runs = server.get(&format!("/v1/runs?integration={name}")).await;
        let run =
            server.get(&format!("/v1/runs/{}", runs["items"][0]["id"].as_str().expect("an id"))).await.to_string();
        assert!(!run.contains("t0ken") && !run.contains("c2hvcDp0"), "{run}");
    }
}
