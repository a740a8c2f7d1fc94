//! However a private address is written, nothing arrives there.

use super::listener::{Listener, ok, redirect};
use super::{Config, Gateway, Policy, gateway, get, received, refused, send};

/// Hosts that are, or lead to, this machine or another private one; `PORT` is the listener's.
const SPELLINGS: [&str; 92] = [
    "127.0.0.1:PORT",
    "127.0.0.1.:PORT",
    "127.1:PORT",
    "127.0.1:PORT",
    "127.000.000.001:PORT",
    "127.255.255.254:PORT",
    "2130706433:PORT",
    "2130706434:PORT",
    "017700000001:PORT",
    "0x7f000001:PORT",
    "0X7F000001:PORT",
    "0x7f.1:PORT",
    "0x7f.0.0.1:PORT",
    "0x7f.0x0.0x0.0x1:PORT",
    "0177.0.0.1:PORT",
    "0177.0.1:PORT",
    "0177.0x0.0.01:PORT",
    "00000177.0.0.1:PORT",
    "0x0000007f.0.0.1:PORT",
    "127.0x00.1:PORT",
    "0:PORT",
    "0.0:PORT",
    "0.0.0.0:PORT",
    "0x0:PORT",
    "00:PORT",
    "0.0.0.1:PORT",
    "[::]:PORT",
    "[::1]:PORT",
    "[0:0:0:0:0:0:0:1]:PORT",
    "[0000::0001]:PORT",
    "[::0.0.0.1]:PORT",
    "[::127.0.0.1]:PORT",
    "[::7f00:1]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "[::ffff:7f00:1]:PORT",
    "[::FFFF:7F00:0001]:PORT",
    "[0:0:0:0:0:ffff:127.0.0.1]:PORT",
    "[::ffff:0:127.0.0.1]:PORT",
    "[::ffff:0.0.0.0]:PORT",
    "[64:ff9b::127.0.0.1]:PORT",
    "[64:ff9b:1::7f00:1]:PORT",
    "[2002:7f00:1::]:PORT",
    "[2001:0:7f00:1::]:PORT",
    "[fe80::1]:PORT",
    "[fc00::1]:PORT",
    "[fd00:ec2::254]:PORT",
    "[ff02::1]:PORT",
    "localhost:PORT",
    "LOCALHOST:PORT",
    "localhost.:PORT",
    "LocalHost:PORT",
    "loc%61lhost:PORT",
    "%6cocalhost:PORT",
    "lo\tcalhost:PORT",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT",
    "ｌｏｃａｌｈｏｓｔ:PORT",
    "local\u{ad}host:PORT",
    "①②⑦.⓪.⓪.①:PORT",
    "１２７.０.０.１:PORT",
    "127。0。0。1:PORT",
    "127．0．0．1:PORT",
    "127｡1:PORT",
    "⓪:PORT",
    "0ⅹ7f.1:PORT",
    "%31%32%37.0.0.1:PORT",
    "127%2e0%2e0%2e1:PORT",
    "127.0.0.1\t:PORT",
    "user@127.0.0.1:PORT",
    "user:pass@127.0.0.1:PORT",
    "example.com@127.0.0.1:PORT",
    "example.com:80@127.0.0.1:PORT",
    ":@127.0.0.1:PORT",
    "@127.0.0.1:PORT",
    "example.com%40@127.0.0.1:PORT",
    "127.0.0.1:PORT\\@example.com",
    "127.0.0.1:PORT#@example.com/",
    "127.0.0.1:PORT?@example.com/",
    "127.0.0.1:0PORT",
    "127.0.0.1:PORT@127.0.0.1:PORT",
    "10.0.0.1:PORT",
    "0xa000001:PORT",
    "167772161:PORT",
    "172.16.0.1:PORT",
    "192.168.0.1:PORT",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
];

#[tokio::test]
async fn no_spelling_of_a_private_host_is_connected_to() {
    let listener = Listener::start_everywhere().await;
    let gateway = Gateway::new(Config::default()).unwrap();
    for spelling in SPELLINGS {
        let host = spelling.replace("PORT", &listener.port().to_string());
        for url in
            [format!("http://{host}/"), format!("https://{host}/"), format!("http:{host}"), format!("http:\\\\{host}/")]
        {
            let exchange = send(&gateway, get(&*url)).await;
            let code = exchange.result.expect_err(&url).code;
            assert!(["egress_denied", "invalid_url", "dns_failed"].contains(&code), "{url}: {code}");
        }
    }
    assert_eq!(listener.connections().await, 0);
    assert_eq!(listener.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn the_spellings_would_reach_the_listener_if_they_were_let() {
    let listener = Listener::start_everywhere().await;
    let everything = ["0.0.0.0/0".to_owned(), "[::]/0".to_owned()];
    let openings = everything.iter().map(|opening| opening.parse().unwrap()).collect();
    let gateway = Gateway::new(Config { openings, ..Config::default() }).unwrap();
    let hot = [
        "127.0.0.1:PORT",
        "0177.0.0.1:PORT",
        "2130706433:PORT",
        "0:PORT",
        "localhost:PORT",
        "①②⑦.⓪.⓪.①:PORT",
        "%31%32%37.0.0.1:PORT",
        "0x7f.1:PORT",
        "127。0。0。1:PORT",
        "127.0.0.1:PORT#@example.com/",
    ];
    for spelling in hot {
        let url = format!("http://{}/", spelling.replace("PORT", &listener.port().to_string()));
        assert_eq!(received(send(&gateway, get(&*url)).await).body, b"reached", "{url}");
    }
    assert_eq!(listener.requests().len(), hot.len());
}

#[tokio::test]
async fn a_refusal_names_the_address_and_how_to_open_it() {
    let gateway = gateway(&[], &[("db.internal.example", &["10.1.2.3"])]);
    for (url, parts) in [
        ("http://127.1:9000/", ["127.0.0.1 is a loopback address", "egress.allow = [\"127.0.0.1/32:9000\"]"]),
        ("https://[::1]/", ["::1 is a loopback address", "TIDEGATE_EGRESS_ALLOW=[::1]/128:443"]),
        ("https://db.internal.example/", ["db.internal.example resolves to 10.1.2.3, a private", "10.1.2.3/32:443"]),
    ] {
        let message = refused(send(&gateway, get(url)).await, "egress_denied").message;
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[tokio::test]
async fn every_answer_of_dns_must_pass() {
    let listener = Listener::start(|_| Some(ok("hello"))).await;
    let names: [(&str, &[&str]); 5] = [
        ("open.example", &["127.0.0.1"]),
        ("mixed.example", &["127.0.0.1", "127.0.0.2"]),
        ("last.example", &["8.8.8.8", "127.0.0.1", "1.1.1.1", "::1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("nowhere.example", &[]),
    ];
    let gateway = gateway(&[listener.opening()], &names);
    let url = |host: &str| format!("http://{host}:{}/", listener.port());
    for (host, code) in [
        ("mixed.example", "egress_denied"),
        ("last.example", "egress_denied"),
        ("mapped.example", "egress_denied"),
        ("nowhere.example", "dns_failed"),
        ("unknown.example", "dns_failed"),
    ] {
        refused(send(&gateway, get(url(host))).await, code);
    }
    assert_eq!(listener.connections().await, 0);
    assert_eq!(received(send(&gateway, get(url("open.example"))).await).body, b"hello");
    assert!(listener.requests()[0].contains(&format!("host: open.example:{}", listener.port())));
}

#[tokio::test]
async fn an_opening_is_for_its_port_and_a_domain_list_still_counts() {
    let (open, shut) = (Listener::start(|_| Some(ok("open"))).await, Listener::start(|_| Some(ok("shut"))).await);
    let gateway = gateway(&[open.opening()], &[("a.example", &["127.0.0.1"])]);
    assert_eq!(received(send(&gateway, get(open.url("/"))).await).body, b"open");
    refused(send(&gateway, get(shut.url("/"))).await, "egress_denied");
    let policy = Policy { allowed_domains: Some(vec!["*.example".to_owned()]), ..Policy::default() };
    refused(gateway.send(get(open.url("/")), &policy).await, "domain_not_allowed");
    let url = format!("http://a.example:{}/", open.port());
    assert_eq!(received(gateway.send(get(url), &policy).await).body, b"open");
    assert_eq!((open.requests().len(), shut.connections().await), (2, 0));
}

#[tokio::test]
async fn redirects_lead_to_no_private_host_either() {
    let hidden = Listener::start_everywhere().await;
    let port = hidden.port();
    for spelling in SPELLINGS {
        let location = format!("http://{}/", spelling.replace("PORT", &port.to_string()));
        if !location.is_ascii() || location.contains('\t') {
            continue;
        }
        let to = location.clone();
        let door = Listener::start(move |_| Some(redirect(302, &to))).await;
        let openings = vec![door.opening().parse().unwrap()];
        let gateway = Gateway::new(Config { openings, ..Config::default() }).unwrap();
        let exchange = send(&gateway, get(door.url("/"))).await;
        let code = exchange.result.expect_err(&location).code;
        assert!(["egress_denied", "redirect_refused", "dns_failed"].contains(&code), "{location}: {code}");
        assert_eq!(exchange.trace.status, Some(302));
    }
    assert_eq!(hidden.connections().await, 0);
}

#[tokio::test]
async fn a_redirect_outside_the_domain_list_is_refused() {
    let hidden = Listener::start(|_| Some(ok("hidden"))).await;
    let location = format!("http://b.example:{}/", hidden.port());
    let door = Listener::start(move |_| Some(redirect(307, &location))).await;
    let names: [(&str, &[&str]); 2] = [("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])];
    let gateway = gateway(&[door.opening(), hidden.opening()], &names);
    let policy = Policy { allowed_domains: Some(vec!["a.example".to_owned()]), ..Policy::default() };
    let url = format!("http://a.example:{}/", door.port());
    refused(gateway.send(get(url), &policy).await, "domain_not_allowed");
    assert_eq!((door.requests().len(), hidden.connections().await), (1, 0));
}
