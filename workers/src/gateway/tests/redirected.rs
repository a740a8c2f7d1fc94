//! What arrives at the end of a redirect, and what stays behind.

use super::listener::{Listener, ok, redirect};
use super::{Outgoing, Policy, Redirect, gateway, get, post, received, refused, send};

const PRIVATE: [(&str, &str); 7] = [
    ("authorization", "Bearer CANARY"),
    ("cookie", "a=CANARY"),
    ("x-api-key", "CANARY"),
    ("x-auth-token", "CANARY"),
    ("x-custom", "CANARY"),
    ("referer", "https://CANARY.example/"),
    ("content-type", "text/CANARY"),
];

#[tokio::test]
async fn nothing_private_reaches_another_origin() {
    for status in [301, 302, 303, 307, 308] {
        let other = Listener::start(|_| Some(ok("end"))).await;
        let location = other.url("/end");
        let first = Listener::start(move |_| Some(redirect(status, &location))).await;
        let gateway = gateway(&[first.opening(), other.opening()], &[]);
        let exchange = send(&gateway, post(first.url("/start?key=CANARY"), &PRIVATE, "CANARY body")).await;
        assert_eq!(exchange.trace.redirects, [other.url("/end")]);
        let answer = received(exchange);
        assert_eq!((answer.url, answer.redirected, &*answer.body), (other.url("/end"), true, &b"end"[..]));
        let (sent, arrived) = (first.requests().remove(0), other.requests().remove(0));
        assert_eq!(sent.matches("CANARY").count(), PRIVATE.len() + 2, "{sent}");
        assert!(!arrived.contains("CANARY"), "{status}: {arrived}");
        assert!(arrived.contains("user-agent: tidegate/"), "{arrived}");
        let method = if status > 303 { "POST /end " } else { "GET /end " };
        assert!(arrived.starts_with(method), "{arrived}");
    }
}

#[tokio::test]
async fn the_same_origin_gets_everything_but_a_dropped_body() {
    for (status, method, body) in
        [(301, "GET", false), (302, "GET", false), (303, "GET", false), (307, "POST", true), (308, "POST", true)]
    {
        let listener = Listener::start(move |request| {
            Some(if request.contains(" /start ") { redirect(status, "/end?x=1#frag") } else { ok("end") })
        })
        .await;
        let gateway = gateway(&[listener.opening()], &[]);
        let answer = received(send(&gateway, post(listener.url("/start"), &PRIVATE, "CANARY body")).await);
        assert_eq!(answer.url, listener.url("/end?x=1"));
        let arrived = listener.requests().remove(1);
        assert!(arrived.starts_with(&format!("{method} /end?x=1 ")), "{arrived}");
        assert!(arrived.contains("x-api-key: CANARY") && arrived.contains("authorization: Bearer CANARY"), "{arrived}");
        assert_eq!((arrived.contains("CANARY body"), arrived.contains("text/CANARY")), (body, body), "{arrived}");
    }
}

#[tokio::test]
async fn what_was_dropped_stays_dropped_on_the_way_back() {
    let names: [(&str, &[&str]); 2] = [("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])];
    let listener = Listener::start(|request| {
        let port = request.split("example:").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or_default();
        Some(match request.split(' ').nth(1) {
            Some("/1") => redirect(307, &format!("http://b.example:{port}/2")),
            Some("/2") => redirect(307, &format!("http://a.example:{port}/3")),
            _ => ok("end"),
        })
    })
    .await;
    let gateway = gateway(&[listener.opening()], &names);
    let exchange = send(&gateway, post(format!("http://a.example:{}/1", listener.port()), &PRIVATE, "CANARY")).await;
    assert_eq!(exchange.trace.redirects.len(), 2);
    assert_eq!(received(exchange).status, 200);
    let canaries: Vec<_> = listener.requests().iter().map(|request| request.matches("CANARY").count()).collect();
    assert_eq!(canaries, [PRIVATE.len() + 1, 0, 0]);
}

#[tokio::test]
async fn redirects_are_counted() {
    let listener = Listener::start(|request| {
        let at: usize = request.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        Some(if at == 0 { ok("end") } else { redirect(302, &format!("/{}", at - 1)) })
    })
    .await;
    let gateway = gateway(&[listener.opening()], &[]);
    for (start, max, requests) in [(5, 5, Ok(6)), (6, 5, Err(6)), (1, 0, Err(1)), (0, 0, Ok(1))] {
        let before = listener.requests().len();
        let policy = Policy { max_redirects: max, ..Policy::default() };
        let exchange = gateway.send(get(listener.url(&format!("/{start}"))), &policy).await;
        let seen = listener.requests().len() - before;
        match requests {
            Ok(expected) => assert_eq!((received(exchange).status, seen), (200, expected)),
            Err(expected) => {
                assert!(refused(exchange, "too_many_redirects").message.contains(&format!("more than {max} times")));
                assert_eq!(seen, expected);
            }
        }
    }
}

#[tokio::test]
async fn redirects_can_be_handed_on_or_refused() {
    let listener = Listener::start(|_| Some(redirect(302, "/elsewhere"))).await;
    let gateway = gateway(&[listener.opening()], &[]);
    let manual = Outgoing { redirect: Redirect::Manual, ..get(listener.url("/")) };
    let answer = received(send(&gateway, manual).await);
    assert_eq!((answer.status, answer.status_text.as_str(), answer.redirected), (302, "Moved", false));
    assert!(answer.headers.contains(&("location".to_owned(), "/elsewhere".to_owned())));
    let error = Outgoing { redirect: Redirect::Error, ..get(listener.url("/")) };
    refused(send(&gateway, error).await, "redirect_refused");
    assert_eq!(listener.requests().len(), 2);
}
