//! What goes over the wire, over how many connections, and what the trace says of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::listener::{Listener, ok};
use super::{Outgoing, gateway, get, post, received, send};

#[tokio::test]
async fn a_request_arrives_as_it_was_asked_for() {
    let listener = Listener::start(|_| {
        Some(
            b"HTTP/1.1 299 Very Fine\r\nx-a: 1\r\nx-a: caf\xe9\r\nset-cookie: s=1\r\ncontent-length: 2\r\n\r\nhi"
                .to_vec(),
        )
    })
    .await;
    let gateway = gateway(&[listener.opening()], &[]);
    let headers = [
        ("X-Mine", " caf\u{e9} "),
        ("Authorization", "Bearer t0ken"),
        ("Content-Length", "99"),
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
    ];
    let exchange = send(&gateway, post(listener.url("/p a?q=\u{fc}#f"), &headers, "body")).await;
    let request = listener.requests().remove(0);
    let host = format!("host: 127.0.0.1:{}\r\n", listener.port());
    for part in
        ["POST /p%20a?q=%C3%BC HTTP/1.1\r\n", "x-mine: caf\u{e9}\r\n", "content-length: 4\r\n", &host, "\r\n\r\nbody"]
    {
        assert!(request.contains(part), "{part} in {request}");
    }
    for absent in ["transfer-encoding", "connection", "referer", "cookie", "99"] {
        assert!(!request.contains(absent), "{absent} in {request}");
    }
    let trace = exchange.trace.clone();
    assert_eq!(trace.line(), format!("POST {} - 299 Very Fine", listener.url("/p%20a?q=%C3%BC")));
    assert_eq!(
        (trace.sent_bytes, trace.received_bytes, trace.remote.map(|remote| remote.port())),
        (4, 2, Some(listener.port()))
    );
    assert!(trace.dns_ms.is_some() && trace.connect_ms.is_some() && trace.tls_ms.is_none());
    assert!(trace.request_headers.contains(&("authorization".into(), "******".into())));
    assert!(trace.response_headers.contains(&("set-cookie".into(), "******".into())));
    assert!(!trace.detail().to_string().contains("t0ken"));
    let answer = received(exchange);
    assert_eq!(
        (answer.status, answer.status_text.as_str(), answer.body.as_slice()),
        (299, "Very Fine", b"hi".as_slice())
    );
    let values: Vec<_> =
        answer.headers.iter().filter(|(name, _)| name == "x-a").map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["1", "caf\u{e9}"]);
}

#[tokio::test]
async fn methods_arrive_and_empty_bodies_are_declared() {
    let listener = Listener::start(|_| Some(ok(""))).await;
    let gateway = gateway(&[listener.opening()], &[]);
    for (method, line, declared) in [
        ("get", "GET / ", false),
        ("Delete", "DELETE / ", false),
        ("patch", "PATCH / ", false),
        ("POST", "POST / ", true),
        ("PURGE", "PURGE / ", false),
        ("OPTIONS", "OPTIONS / ", false),
    ] {
        received(send(&gateway, Outgoing { method: method.into(), ..get(listener.url("/")) }).await);
        let request = listener.requests().pop().unwrap();
        assert!(request.starts_with(line), "{request}");
        assert_eq!(request.contains("content-length: 0"), declared, "{request}");
    }
}

#[tokio::test]
async fn a_head_request_has_headers_and_no_body() {
    let listener = Listener::start(|_| {
        Some(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\ncontent-encoding: gzip\r\n\r\n".to_vec())
    })
    .await;
    let gateway = gateway(&[listener.opening()], &[]);
    let answer = received(send(&gateway, Outgoing { method: "HEAD".into(), ..get(listener.url("/")) }).await);
    assert_eq!((answer.status, answer.body.len(), answer.headers.len()), (200, 0, 2));
}

#[tokio::test]
async fn connections_are_kept_and_shared_by_clones() {
    let listener = Listener::start(|_| Some(ok("x"))).await;
    let gateway = gateway(&[listener.opening()], &[]);
    let first = send(&gateway, get(listener.url("/1"))).await;
    let second = send(&gateway.clone(), get(listener.url("/2"))).await;
    assert!(first.trace.connect_ms.is_some() && second.trace.connect_ms.is_none());
    assert_eq!((listener.connections().await, listener.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_kept_connection_that_is_gone_costs_a_safe_request_nothing() {
    for (method, sent) in [("GET", 3), ("POST", 2)] {
        let count = AtomicUsize::new(0);
        // The second request finds the connection still open, and closed as soon as it is read.
        let listener = Listener::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
            1 => Some(vec![]),
            _ => Some(ok("x")),
        })
        .await;
        let gateway = gateway(&[listener.opening()], &[]);
        received(send(&gateway, get(listener.url("/"))).await);
        let exchange = send(&gateway, Outgoing { method: method.into(), ..get(listener.url("/")) }).await;
        assert_eq!(exchange.result.map_err(|refused| refused.code).is_ok(), method == "GET");
        assert_eq!((listener.requests().len(), listener.connections().await), (sent, sent - 1), "{method}");
    }
}
