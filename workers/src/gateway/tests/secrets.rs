//! Secrets in requests: where they land, how they are written there, and where they never go.

use std::sync::Arc;

use super::listener::{Listener, ok, redirect};
use super::{Insert, Inserts, Outgoing, Policy, gateway, get, post, received, refused};

const AWKWARD: &str = "p@ss \"w\"\\&=+%/é$(secret:PLAIN)";

fn policy(secrets: &[(&str, &str, &[String])]) -> Policy {
    let insert = |&(name, value, hosts): &(&str, &str, &[String])| {
        let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        (name.to_owned(), Insert { value: value.to_owned().into(), hosts })
    };
    let secrets: Inserts = secrets.iter().map(insert).collect();
    Policy { secrets: Arc::new(secrets), ..Policy::default() }
}

async fn echo() -> Listener {
    Listener::start(|_| Some(ok("fine"))).await
}

#[tokio::test]
async fn a_placeholder_becomes_the_secret_as_it_is_written_there() {
    let server = echo().await;
    let gateway = gateway(&[server.opening()], &[]);
    let policy = policy(&[("PLAIN", "k-12345", &[]), ("AWKWARD", AWKWARD, &[])]);
    let escaped = "p%40ss%20%22w%22%5C%26%3D%2B%25%2F%C3%A9%24%28secret%3APLAIN%29";
    let in_json = r#"p@ss \"w\"\\&=+%/é$(secret:PLAIN)"#;
    let latin1: String = in_json.bytes().map(char::from).collect();
    let raw: String = AWKWARD.bytes().map(char::from).collect();
    for (request, expected) in [
        (get(server.url("/$(secret:PLAIN)/x?k=$(secret:PLAIN)&k=2")), "GET /k-12345/x?k=k-12345&k=2 HTTP".to_owned()),
        (get(server.url("/bot$(secret:AWKWARD)/")), format!("GET /bot{escaped}/ HTTP")),
        (get(server.url("/?q=%24%28secret%3AAWKWARD%29")), format!("GET /?q={escaped} HTTP")),
        (post(server.url("/"), &[("x-key", "a $(secret:PLAIN) b")], ""), "x-key: a k-12345 b\r\n".to_owned()),
        (
            post(server.url("/"), &[("content-type", "application/json")], r#"{"k":"$(secret:AWKWARD)"}"#),
            format!("\r\n\r\n{{\"k\":\"{latin1}\"}}"),
        ),
        (
            post(server.url("/"), &[("content-type", "application/ld+json; charset=utf-8")], r#""$(secret:AWKWARD)""#),
            format!("\r\n\r\n\"{latin1}\""),
        ),
        (
            post(
                server.url("/"),
                &[("content-type", "application/x-www-form-urlencoded")],
                "a=%24%28secret%3AAWKWARD%29&b=1",
            ),
            format!("\r\n\r\na={escaped}&b=1"),
        ),
        (post(server.url("/"), &[("content-type", "text/plain")], "<$(secret:AWKWARD)>"), format!("\r\n\r\n<{raw}>")),
        // base64 of "user:$(secret:PLAIN)", and of "user:k-12345"
        (
            post(server.url("/"), &[("authorization", "basic dXNlcjokKHNlY3JldDpQTEFJTik=")], ""),
            "authorization: Basic dXNlcjprLTEyMzQ1\r\n".to_owned(),
        ),
        (
            post(server.url("/"), &[("content-type", "text/plain")], "$(secret:) $(secret:PLAIN"),
            "\r\n\r\n$(secret:) $(secret:PLAIN".to_owned(),
        ),
    ] {
        received(gateway.send(request, &policy).await);
        let seen = server.requests().pop().unwrap();
        assert!(seen.contains(&expected), "{expected:?} in {seen:?}");
        let length = seen.split_once("\r\n\r\n").unwrap().1.chars().count();
        assert!(length == 0 || seen.contains(&format!("content-length: {length}\r\n")), "{seen:?}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_and_names_that_are_not_there_are_left_or_refused() {
    let server = echo().await;
    let gateway = gateway(&[server.opening()], &[]);
    let policy = policy(&[("PLAIN", "k-12345", &[]), ("LINES", "two\r\nlines", &[]), ("WIDE", "snow ☃ snow", &[])]);
    let binary = Outgoing { body: Some(b"\xff$(secret:PLAIN)".to_vec()), ..post(server.url("/"), &[], "") };
    received(gateway.send(binary, &policy).await);
    assert!(server.requests().pop().unwrap().ends_with("$(secret:PLAIN)"));
    for (request, code) in [
        (get(server.url("/?$(secret:NOBODY)")), "unknown_secret"),
        (post(server.url("/"), &[("x", "$(secret:NOBODY)")], ""), "unknown_secret"),
        (post(server.url("/"), &[], "$(secret:plain)"), "unknown_secret"),
        (post(server.url("/"), &[("x", "$(secret:LINES)")], ""), "invalid_header"),
        (post(server.url("/"), &[("x", "$(secret:WIDE)")], ""), "invalid_header"),
        (post(server.url("/"), &[], &"$(secret:PLAIN)".repeat(65)), "too_many_secrets"),
        (get("http://$(secret:PLAIN)/"), "invalid_url"),
        (get("http://$(secret:PLAIN)@example.com/"), "invalid_url"),
    ] {
        let message = refused(gateway.send(request, &policy).await, code).message;
        assert!(!message.contains("k-12345") && !message.contains("lines"), "{message}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn neither_the_log_nor_the_answer_tells_what_was_inserted() {
    let server = Listener::start(|request| match request.starts_with("GET /k-12345/first") {
        true => Some(redirect(302, "second?x=1")),
        false => Some(ok("fine")),
    })
    .await;
    let gateway = gateway(&[server.opening()], &[]);
    let policy = policy(&[("PLAIN", "k-12345", &[])]);
    let request = Outgoing {
        headers: vec![("x-custom".into(), "$(secret:PLAIN)".into())],
        ..get(server.url("/$(secret:PLAIN)/first"))
    };
    let exchange = gateway.send(request, &policy).await;
    let told = format!("{} {} {:?}", exchange.trace.line(), exchange.trace.detail(), exchange.trace);
    assert!(told.contains("$(secret:PLAIN)") && !told.contains("k-12345"), "{told}");
    assert_eq!(received(exchange).url, server.url("/$(secret:PLAIN)/second?x=1"));
    let second = server.requests().pop().unwrap();
    assert!(second.starts_with("GET /k-12345/second?x=1") && second.contains("x-custom: k-12345"), "{second}");
}

#[tokio::test]
async fn a_secret_goes_to_its_hosts_only() {
    let (server, port) = {
        let server = echo().await;
        let port = server.port();
        (server, port)
    };
    let names: [(&str, &[&str]); 5] = [
        ("api.example.", &["127.0.0.1"]),
        ("api.example", &["127.0.0.1"]),
        ("x.api.example", &["127.0.0.1"]),
        ("evil.example", &["127.0.0.1"]),
        ("xn--pi-6kc.example", &["127.0.0.1"]),
    ];
    let gateway = gateway(&[server.opening()], &names);
    let mut tried = 0;
    for rule in [
        format!("http://api.example:{port}"),
        format!("http://*.api.example:{port}"),
        format!("api.example:{port}"),
        "api.example".to_owned(),
        "http://api.example".to_owned(),
        format!("http://127.0.0.1:{port}"),
    ] {
        let hosts = [rule.clone()];
        let policy = policy(&[("BOUND", "only-for-its-hosts", &hosts)]);
        for host in [
            "api.example",
            "API.example",
            "api.example.",
            "x.api.example",
            "evil.example",
            "127.0.0.1",
            "2130706433",
            "evil.example?api.example",
            "evil.example/api.example",
            "evil.example#api.example",
            "аpi.example",
            "api.example.evil.example",
            "api.example@evil.example",
        ] {
            let (host, tail) = host.find(['?', '/', '#']).map_or((host, ""), |at| host.split_at(at));
            let url = format!("http://{host}:{port}{tail}");
            let name = host.to_ascii_lowercase();
            let name = name.trim_end_matches('.');
            let may = match rule.strip_prefix("http://").and_then(|rule| rule.strip_suffix(&format!(":{port}"))) {
                Some("api.example") => name == "api.example",
                Some("*.api.example") => name == "x.api.example",
                Some("127.0.0.1") => name == "127.0.0.1" || name == "2130706433",
                _ => false,
            };
            let json: &[(&str, &str)] = &[("content-type", "application/json")];
            for request in [
                post(&*url, &[("x-key", "$(secret:BOUND)")], ""),
                post(&*url, json, "[\"$(secret:BOUND)\"]"),
                get(format!("{}?k=$(secret:BOUND)", url.split('#').next().unwrap())),
            ] {
                tried += 1;
                let exchange = gateway.send(request, &policy).await;
                assert_eq!(exchange.result.is_ok(), may, "{rule} {url} {:?}", exchange.result);
                let seen = server.requests().iter().filter(|seen| seen.contains("only-for-its-hosts")).count();
                assert!(
                    may || exchange.result.is_err_and(|refused| {
                        ["secret_not_allowed_here", "dns_failed", "invalid_url"].contains(&refused.code)
                    }),
                    "{rule} {url} {seen}"
                );
            }
        }
    }
    let reached = server.requests();
    let right = |seen: &String| {
        ["host: api.example", "host: x.api.example", "host: 127.0.0.1"].iter().any(|host| seen.contains(host))
    };
    assert!(reached.iter().all(right) && tried > 200, "{tried}");
}

#[tokio::test]
async fn no_redirect_takes_a_secret_to_another_origin() {
    let other = echo().await;
    let names: [(&str, &[&str]); 2] = [("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])];
    for status in [301, 302, 303, 307, 308] {
        for location in [
            other.url("/x"),
            format!("http://b.example:{}/x", other.port()),
            "//b.example/".to_owned(),
            other.url("/$(secret:PLAIN)?$(secret:PLAIN)"),
            format!("http://u:p@127.0.0.1:{}/", other.port()),
        ] {
            let to = location.clone();
            let door = Listener::start(move |_| Some(redirect(status, &to))).await;
            let gateway = gateway(&[door.opening(), other.opening()], &names);
            let policy = policy(&[("PLAIN", "k-12345", &[])]);
            let headers = [
                ("authorization", "Bearer $(secret:PLAIN)"),
                ("x-api-key", "$(secret:PLAIN)"),
                ("user-agent", "$(secret:PLAIN)"),
                ("accept", "$(secret:PLAIN)"),
                ("cookie", "$(secret:PLAIN)"),
                ("content-type", "application/json"),
            ];
            let request = post(
                format!("http://a.example:{}/p?k=$(secret:PLAIN)", door.port()),
                &headers,
                "[\"$(secret:PLAIN)\"]",
            );
            let _ = gateway.send(request, &policy).await;
            assert!(door.requests()[0].contains("k-12345"));
        }
    }
    let seen = other.requests();
    assert!(seen.len() >= 15, "{}", seen.len());
    assert!(seen.iter().all(|request| !request.contains("k-12345")), "{seen:?}");
}
