//! Names that a real DNS server answers: whatever it says, nothing arrives at an address that is shut.

use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::Notify;

use super::dns_server::{DnsServer, Question, Reply, address, addresses, alias};
use super::listener::{Listener, ok, redirect};
use super::{Config, Gateway, get, received, refused, send};

/// An answer whose connection is not used again, so that the next request looks the name up anew.
fn last(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A gateway that asks `dns` and may reach `open` only.
fn gateway(dns: &DnsServer, open: &Listener) -> Gateway {
    let openings = vec![open.opening().parse().unwrap()];
    Gateway::new(Config { openings, dns: vec![dns.address], ..Config::default() }).unwrap()
}

fn url(host: &str, open: &Listener) -> String {
    format!("http://{host}:{}/", open.port())
}

async fn reached(shut: &[Listener]) -> usize {
    let mut sum = 0;
    for listener in shut {
        sum += listener.connections().await;
    }
    sum
}

#[tokio::test]
async fn good_names_work() {
    let (open, shut) = Listener::start_side_by_side(|_| Some(last("hello"))).await;
    let dns = DnsServer::start(|question| match question.name.as_str() {
        "plain.example" | "under_score.example" | "xn--bcher-kva.example" => addresses(question, &["127.0.0.1"]),
        "alias.example" if question.v6 => Reply::Records(vec![alias("alias.example", "plain.example")]),
        "alias.example" => Reply::Records(vec![
            alias("alias.example", "middle.example"),
            alias("middle.example", "plain.example"),
            address("plain.example", "127.0.0.1"),
        ]),
        // The rest of the chain has to be asked for.
        "pointer.example" => Reply::Records(vec![alias("pointer.example", "plain.example")]),
        "long.example" if question.tcp => addresses(question, &["127.0.0.1"; 100]),
        "long.example" => Reply::Truncated(vec![]),
        _ => Reply::NoName,
    })
    .await;
    let gateway = gateway(&dns, &open);
    for host in [
        "plain.example",
        "PLAIN.example",
        "plain.example.",
        "under_score.example",
        "bücher.example",
        "alias.example",
        "pointer.example",
        "long.example",
    ] {
        assert_eq!(received(send(&gateway, get(url(host, &open))).await).body, b"hello", "{host}");
    }
    assert!(dns.asked().iter().any(|question| question.name == "long.example" && question.tcp));
    assert_eq!((open.requests().len(), reached(&shut).await), (8, 0));
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_each_time_and_asked_once_each_time() {
    let (open, shut) = Listener::start_side_by_side(|_| Some(last("hello"))).await;
    for other in ["127.0.0.2", "::1", "::ffff:127.0.0.2", "169.254.169.254", "10.0.0.1"] {
        let dns = DnsServer::start(move |question| match question.before {
            0 => addresses(question, &["127.0.0.1"]),
            _ => addresses(question, &[other]),
        })
        .await;
        let gateway = gateway(&dns, &open);
        assert_eq!(received(send(&gateway, get(url("rebinds.example", &open))).await).body, b"hello");
        // Between judging and connecting nobody is asked again: there is nothing to change one's mind in.
        assert_eq!(dns.asked().len(), 2, "{:?}", dns.asked());
        refused(send(&gateway, get(url("rebinds.example", &open))).await, "egress_denied");
        assert_eq!(dns.asked().len(), 4, "{:?}", dns.asked());
    }
    assert_eq!((open.requests().len(), reached(&shut).await), (5, 0));
}

#[tokio::test]
async fn a_name_that_changes_its_mind_between_redirects_is_judged_again() {
    let (open, shut) = Listener::start_side_by_side(|request| {
        let there = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let answer = String::from_utf8(redirect(302, &format!("http://{there}/again"))).unwrap();
        Some(answer.replacen("\r\n", "\r\nconnection: close\r\n", 1).into_bytes())
    })
    .await;
    let dns = DnsServer::start(|question| match question.before {
        0 => addresses(question, &["127.0.0.1"]),
        _ => addresses(question, &["127.0.0.2"]),
    })
    .await;
    refused(send(&gateway(&dns, &open), get(url("rebinds.example", &open))).await, "egress_denied");
    assert_eq!((open.requests().len(), reached(&shut).await), (1, 0));
}

#[tokio::test]
async fn one_address_that_is_shut_shuts_the_name() {
    let (open, shut) = Listener::start_side_by_side(|_| Some(ok("hello"))).await;
    let told = |question: &Question| match question.name.as_str() {
        "first.example" => addresses(question, &["127.0.0.2", "127.0.0.1"]),
        "last.example" => addresses(question, &["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"]),
        "other-kind.example" => addresses(question, &["127.0.0.1", "::1"]),
        "mapped.example" => addresses(question, &["127.0.0.1", "::ffff:127.0.0.2"]),
        "metadata.example" => addresses(question, &["127.0.0.1", "169.254.169.254"]),
        "zero.example" => addresses(question, &["127.0.0.1", "0.0.0.0"]),
        "half.example" if question.v6 => addresses(question, &["::1"]),
        "half.example" => Reply::NoName,
        "alias.example" => Reply::Records(vec![
            alias("alias.example", "hidden.example"),
            address("hidden.example", if question.v6 { "::1" } else { "127.0.0.2" }),
        ]),
        "pointer.example" => Reply::Records(vec![alias("pointer.example", "chain.example")]),
        "chain.example" => Reply::Records(vec![alias("chain.example", "hidden.example")]),
        "hidden.example" => addresses(question, &["127.0.0.2"]),
        // What fits into one packet looks good.
        "long.example" if question.tcp => addresses(question, &["127.0.0.1", "127.0.0.2"]),
        "long.example" => Reply::Truncated(vec![address("long.example", "127.0.0.1")]),
        _ => Reply::NoName,
    };
    let dns = DnsServer::start(told).await;
    let gateway = gateway(&dns, &open);
    for host in [
        "first.example",
        "last.example",
        "other-kind.example",
        "mapped.example",
        "metadata.example",
        "zero.example",
        "half.example",
        "alias.example",
        "pointer.example",
        "long.example",
    ] {
        refused(send(&gateway, get(url(host, &open))).await, "egress_denied");
    }
    assert_eq!((open.connections().await, reached(&shut).await), (0, 0));
}

#[tokio::test]
async fn what_is_no_answer_opens_nothing() {
    let (open, shut) = Listener::start_side_by_side(|_| Some(ok("hello"))).await;
    let dns = DnsServer::start(|question| match question.name.as_str() {
        "failing.example" => Reply::Failure,
        "empty.example" => Reply::Records(vec![]),
        "circle.example" => Reply::Records(vec![alias("circle.example", "elcric.example")]),
        "elcric.example" => Reply::Records(vec![alias("elcric.example", "circle.example")]),
        // Records of another name.
        "foreign.example" if !question.v6 => Reply::Records(vec![address("victim.example", "127.0.0.1")]),
        "text.example" => Reply::Records(vec![alias("text.example", "nowhere.example")]),
        _ => Reply::NoName,
    })
    .await;
    let gateway = gateway(&dns, &open);
    for host in ["failing", "empty", "circle", "foreign", "text", "nowhere", "localhost.nowhere"] {
        refused(send(&gateway, get(url(&format!("{host}.example"), &open))).await, "dns_failed");
    }
    // The system's hosts file is not read.
    refused(send(&gateway, get(url("ip6-allnodes", &open))).await, "dns_failed");
    assert_eq!((open.connections().await, reached(&shut).await), (0, 0));
}

#[tokio::test]
async fn an_answer_that_comes_too_late_or_to_another_question_counts_for_nothing() {
    let (open, shut) = Listener::start_side_by_side(|_| Some(ok("hello"))).await;
    let late = Arc::new(Notify::new());
    let when = Arc::clone(&late);
    let dns = DnsServer::start(move |question| match question.name.as_str() {
        "late.example" => Reply::Later(Arc::clone(&when), vec![address("late.example", "127.0.0.1")]),
        _ => Reply::Misnumbered(vec![address(&question.name, "127.0.0.1")]),
    })
    .await;
    let gateway = gateway(&dns, &open);
    // At the same time: each takes as long as the gateway waits for a look-up.
    let (one, other) = tokio::join!(
        send(&gateway, get(url("late.example", &open))),
        send(&gateway, get(url("misnumbered.example", &open)))
    );
    for exchange in [one, other] {
        let message = refused(exchange, "dns_failed").message;
        assert!(message.contains("no answer within 5 s") || message.contains("timed out"), "{message}");
    }
    late.notify_waiters();
    assert_eq!((open.connections().await, reached(&shut).await), (0, 0));
}

#[tokio::test]
async fn a_server_that_is_down_leaves_the_next_one() {
    let (open, shut) = Listener::start_side_by_side(|_| Some(last("hello"))).await;
    let down = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dns = DnsServer::start(|question| addresses(question, &["127.0.0.1"])).await;
    let openings = vec![open.opening().parse().unwrap()];
    let broken = DnsServer::start(|_| Reply::Failure).await;
    let unused = DnsServer::start(|_| Reply::NoName).await;
    let config = Config { openings, dns: vec![down, broken.address, dns.address, unused.address], ..Config::default() };
    let gateway = Gateway::new(config).unwrap();
    assert_eq!(received(send(&gateway, get(url("plain.example", &open))).await).body, b"hello");
    assert_eq!((unused.asked().len(), reached(&shut).await), (0, 0));
}

#[tokio::test]
async fn of_a_thousand_names_that_lead_home_none_does() {
    let (open, shut) = Listener::start_side_by_side(|_| Some(ok("hello"))).await;
    let bad = ["127.0.0.2", "::1", "::ffff:127.0.0.2", "10.1.2.3", "169.254.169.254", "fd00:ec2::254", "0.0.0.0", "::"];
    // The name says it: how many good addresses, which bad one, and where among them.
    let dns = DnsServer::start(move |question| {
        let number: usize = question
            .name
            .trim_start_matches("target.")
            .trim_start_matches('n')
            .split('.')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let mut ips = vec!["127.0.0.1"; number % 9];
        ips.insert(number / 7 % (ips.len() + 1), bad[number % bad.len()]);
        let reply = addresses(question, &ips);
        match (reply, number % 5) {
            (Reply::Records(records), 0) if !question.tcp => Reply::Truncated(records.into_iter().take(1).collect()),
            (Reply::Records(records), 1) if !question.name.starts_with("target.") => {
                let target = format!("target.{}", question.name);
                let mut all = vec![alias(&question.name, &target)];
                all.extend(records.into_iter().map(|record| address(&target, &record.data.to_string())));
                Reply::Records(all)
            }
            (reply, _) => reply,
        }
    })
    .await;
    let gateway = gateway(&dns, &open);
    for number in 0..1000 {
        refused(send(&gateway, get(url(&format!("n{number}.example"), &open))).await, "egress_denied");
    }
    assert!(dns.asked().len() >= 2000);
    assert_eq!((open.connections().await, reached(&shut).await), (0, 0));
}
