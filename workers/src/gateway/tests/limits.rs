//! Every answer has an end, and what goes wrong on the way has a code.

use std::time::Duration;

use super::super::decode::tests::gzip;
use super::listener::{Listener, ok};
use super::{Outgoing, Policy, gateway, get, received, refused, send};

fn with_headers(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let body = gzip(plain);
    with_headers(&format!("content-encoding: gzip\r\ncontent-length: {}\r\n", body.len()), &body)
}

#[tokio::test]
async fn bodies_are_bounded_however_they_come() {
    let limit = 100_000;
    let policy = Policy { max_response_bytes: limit, ..Policy::default() };
    let exact = "x".repeat(100_000);
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    for (answer, fits) in [
        (ok(&exact), true),
        (ok(&format!("{exact}x")), false),
        (with_headers("", exact.as_bytes()), true),
        (with_headers("", format!("{exact}x").as_bytes()), false),
        (with_headers("transfer-encoding: chunked\r\n", format!("{chunk}{chunk}0\r\n\r\n").as_bytes()), true),
        (with_headers("transfer-encoding: chunked\r\n", chunk.repeat(4).as_bytes()), false),
        (with_headers("content-length: 99999999999\r\n", b"x"), false),
        (packed(exact.as_bytes()), true),
        (packed(&vec![0; 100_001]), false),
        (packed(&vec![0; 30 << 20]), false),
    ] {
        let head = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        let listener = Listener::start(move |_| Some(answer.clone())).await;
        let gateway = gateway(&[listener.opening()], &[]);
        let exchange = gateway.send(get(listener.url("/")), &policy).await;
        assert!(exchange.trace.received_bytes <= limit + (64 << 10), "{head}");
        if fits {
            assert!(received(exchange).body.len() > 60_000, "{head}");
        } else {
            refused(exchange, "response_too_large");
        }
    }
}

#[tokio::test]
async fn compression_is_taken_off_and_its_headers_with_it() {
    let listener = Listener::start(|_| Some(packed(b"hello hello hello"))).await;
    let gateway = gateway(&[listener.opening()], &[]);
    let exchange = send(&gateway, get(listener.url("/"))).await;
    let detail = exchange.trace.detail();
    assert_eq!(detail["receivedBytes"], gzip(b"hello hello hello").len());
    let answer = received(exchange);
    assert_eq!((answer.body.as_slice(), answer.headers.len()), (b"hello hello hello".as_slice(), 0));
    assert!(listener.requests()[0].contains("accept-encoding: gzip, br, deflate"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_times_out() {
    let limit = Duration::from_millis(100);
    let half = |_: &str| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec());
    let silent = Listener::start(|_| None).await;
    let stalled = Listener::start(half).await;
    let looping = Listener::start(|_| Some(super::listener::redirect(302, "/again"))).await;
    let gateway = gateway(&[silent.opening(), stalled.opening(), looping.opening()], &[]);
    for listener in [&silent, &stalled] {
        let exchange = send(&gateway, Outgoing { timeout: limit, ..get(listener.url("/")) }).await;
        assert!(exchange.trace.total_ms >= 100, "{:?}", exchange.trace);
        assert!(exchange.trace.line().ends_with(" - failed: request_timeout"));
        assert!(refused(exchange, "request_timeout").message.contains("100 ms"));
    }
    let patient = Policy { max_redirects: usize::MAX, ..Policy::default() };
    let exchange = gateway.send(Outgoing { timeout: limit, ..get(looping.url("/")) }, &patient).await;
    assert!(exchange.trace.redirects.len() > 1);
    refused(exchange, "request_timeout");
    let none = Outgoing { timeout: Duration::ZERO, ..get(silent.url("/")) };
    refused(send(&gateway, none).await, "request_timeout");
}

#[tokio::test]
async fn bad_answers_have_codes() {
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "a: b\r\n".repeat(100));
    let long_header = format!("HTTP/1.1 200 OK\r\na: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(70 << 10));
    let broken_gzip = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello";
    let layers = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip, gzip, gzip\r\ncontent-length: 5\r\n\r\nhello";
    for (answer, code) in [
        ("", "connection_closed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nhalf", "connection_closed"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe", "connection_closed"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "bad_response"),
        ("HTTP/1.1 abc\r\n\r\n", "bad_response"),
        ("HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "bad_response"),
        (&*many_headers, "response_too_large"),
        (&*long_header, "response_too_large"),
        (broken_gzip, "bad_response"),
        (layers, "bad_response"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "bad_response"),
    ] {
        let bytes = answer.as_bytes().to_vec();
        let listener = Listener::start(move |_| Some(bytes.clone())).await;
        let gateway = gateway(&[listener.opening()], &[]);
        let exchange = send(&gateway, get(listener.url("/"))).await;
        assert_eq!(exchange.trace.error, Some(code), "{}", answer.chars().take(80).collect::<String>());
        assert_eq!(listener.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_cannot_be_connected_to() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let gateway = gateway(&[format!("127.0.0.1/32:{port}")], &[]);
    refused(send(&gateway, get(format!("http://127.0.0.1:{port}/"))).await, "connect_failed");
}

#[tokio::test]
async fn bad_requests_are_refused_before_anything_is_opened() {
    let listener = Listener::start(|_| Some(ok("x"))).await;
    let gateway = gateway(&[listener.opening()], &[]);
    let url = listener.url("/");
    let header = |name: &str, value: &str| Outgoing { headers: vec![(name.into(), value.into())], ..get(&*url) };
    for (request, code) in [
        (get("ftp://example.com/"), "invalid_url"),
        (get(format!("http://user:hunter22@127.0.0.1:{}/", listener.port())), "invalid_url"),
        (get(format!("{url}{}", "x".repeat(9000))), "invalid_url"),
        (Outgoing { method: "CONNECT".into(), ..get(&*url) }, "invalid_method"),
        (header("x", "a\r\nx-injected: 1"), "invalid_header"),
        (header("x\n", "1"), "invalid_header"),
        (header("host", "example.com"), "invalid_header"),
    ] {
        let exchange = send(&gateway, request).await;
        assert!(!format!("{:?}", exchange).contains("hunter22"));
        refused(exchange, code);
    }
    assert_eq!(listener.connections().await, 0);
}
