//! Ways out: a fixed address, a proxy that cannot be talked into anything, and the engine's own addresses.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::super::Route;
use super::listener::{Listener, ok};
use super::{Config, Gateway, Names, Policy, gateway, get, received, refused};

/// A proxy that notes what it is asked for, and connects wherever it is told to.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let seen = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        if client.read_buf(&mut head).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let head = String::from_utf8(head).unwrap();
                    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    seen.lock().await.push(head);
                    let _ = client.write_all(answer.as_bytes()).await;
                    if answer.contains(" 200 ")
                        && let Ok(mut server) = TcpStream::connect(target).await
                    {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self { address, asked }
    }

    fn policy(&self) -> Policy {
        let proxy = Some(format!("http://{}", self.address).parse().unwrap());
        Policy { route: Route { source: None, proxy }, ..Policy::default() }
    }
}

fn gateway_with(proxy: &str, openings: &[String], name: &str, addresses: &[&str]) -> Gateway {
    let addresses = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    let table = std::collections::HashMap::from([(name.to_owned(), addresses)]);
    let openings = openings.iter().map(|opening| opening.parse().unwrap()).collect();
    let config = Config { openings, proxies: vec![proxy.parse().unwrap()], ..Config::default() };
    Gateway::with_names(config, Names::Table(Arc::new(table))).unwrap()
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_address_that_was_judged() {
    let server = Listener::start(|_| Some(ok("through"))).await;
    let proxy = Proxy::start("HTTP/1.1 200 Connection established\r\n\r\n").await;
    let listed = format!("http://me:p%40ss@{}", proxy.address);
    let gateway = gateway_with(&listed, &[server.opening()], "a.example", &["127.0.0.1"]);
    let url = format!("http://a.example:{}/x", server.port());
    for _ in 0..2 {
        let exchange = gateway.send(get(url.as_str()), &proxy.policy()).await;
        assert_eq!(exchange.trace.remote, Some(format!("127.0.0.1:{}", server.port()).parse().unwrap()));
        assert_eq!(received(exchange).body, b"through");
    }
    let asked = proxy.asked.lock().await.clone();
    assert_eq!(asked.len(), 1, "the connection is used again");
    assert!(asked[0].starts_with(&format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", server.port())), "{asked:?}");
    assert!(
        asked[0].contains("Proxy-Authorization: Basic bWU6cEBzcw==\r\n") && !asked[0].contains("a.example"),
        "{asked:?}"
    );
    assert!(server.requests()[0].contains("host: a.example"));
    // Without the proxy, a connection of its own.
    received(gateway.send(get(url.as_str()), &Policy::default()).await);
    assert_eq!((proxy.asked.lock().await.len(), server.connections().await), (1, 2));
}

#[tokio::test]
async fn a_proxy_opens_nothing_that_is_closed_and_no_other_one_can_be_named() {
    let hidden = Listener::start_everywhere().await;
    let proxy = Proxy::start("HTTP/1.1 200 OK\r\n\r\n").await;
    let gateway = gateway_with(&format!("http://{}", proxy.address), &[], "home.example", &["127.0.0.1"]);
    for host in ["127.0.0.1", "2130706433", "[::1]", "home.example"] {
        refused(gateway.send(get(format!("http://{host}:{}/", hidden.port())), &proxy.policy()).await, "egress_denied");
    }
    let other = Proxy::start("HTTP/1.1 200 OK\r\n\r\n").await;
    let message = refused(gateway.send(get("http://8.8.8.8/"), &other.policy()).await, "proxy_not_allowed").message;
    assert!(message.contains("egress.proxies"), "{message}");
    assert!(proxy.asked.lock().await.is_empty() && other.asked.lock().await.is_empty());
    assert_eq!(hidden.connections().await, 0);
    for (answer, part) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "it answers 407"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "it answers 403"),
        ("SSH-2.0-x\r\n\r\n", "not HTTP"),
    ] {
        let proxy = Proxy::start(answer).await;
        let gateway = gateway_with(&format!("http://{}", proxy.address), &[], "x.example", &[]);
        let message = refused(gateway.send(get("http://8.8.8.8/"), &proxy.policy()).await, "proxy_failed").message;
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_source_address_is_where_requests_come_from() {
    let server = Listener::start(|_| Some(ok("fine"))).await;
    let gateway = gateway(&[server.opening()], &[]);
    let from = |ip: &str| {
        let route = Route { source: Some(ip.parse().unwrap()), proxy: None };
        Policy { route, ..Policy::default() }
    };
    for ip in ["127.0.0.1", "127.0.0.9"] {
        received(gateway.send(get(server.url("/")), &from(ip)).await);
    }
    assert_eq!(server.connections().await, 2, "a connection is not shared between two addresses");
    for (ip, part) in [("192.0.2.1", "cannot be sent from"), ("::1", "no address of the kind")] {
        let message = refused(gateway.send(get(server.url("/")), &from(ip)).await, "connect_failed").message;
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn the_engines_own_addresses_stay_closed_in_an_open_range() {
    let own = Listener::start_everywhere().await;
    let range = ["127.0.0.0/8".to_owned()];
    let gateway = gateway(&range, &[("own.example", &["127.0.0.1"])]);
    gateway.protect(format!("0.0.0.0:{}", own.port()).parse().unwrap());
    for host in ["127.0.0.1", "127.0.0.77", "own.example"] {
        let message = refused(
            gateway.send(get(format!("http://{host}:{}/", own.port())), &Policy::default()).await,
            "egress_denied",
        );
        assert!(message.message.contains("engine's own"), "{message}");
    }
    assert_eq!(own.connections().await, 0);
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let drips = Listener::start(|_| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n0123456789".to_vec())).await;
    let gateway = gateway(&[drips.opening()], &[]);
    let policy = Policy { slow_after: Duration::from_millis(30), ..Policy::default() };
    refused(gateway.send(get(drips.url("/")), &policy).await, "response_too_slow");
}
