//! More than 50,000 URLs that lead to this machine or another private place, sent for real: no listener hears of any.
//!
//! Names lead to this machine as well, whatever they are: what is refused is the address, never the spelling.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::listener::{Listener, ok, redirect};
use super::{Config, Gateway, Names, Policy, get, send};

/// Addresses that nobody but this machine, its network or its cloud answers to.
const FORBIDDEN: [[u8; 4]; 22] = [
    [127, 0, 0, 1],
    [127, 0, 0, 2],
    [127, 1, 2, 3],
    [127, 255, 255, 254],
    [0, 0, 0, 0],
    [0, 0, 0, 1],
    [10, 0, 0, 1],
    [10, 255, 255, 255],
    [100, 64, 0, 1],
    [100, 100, 100, 200],
    [168, 63, 129, 16],
    [169, 254, 169, 254],
    [169, 254, 170, 2],
    [172, 16, 0, 1],
    [172, 31, 255, 255],
    [192, 0, 0, 192],
    [192, 168, 0, 1],
    [192, 168, 255, 255],
    [198, 18, 0, 1],
    [224, 0, 0, 1],
    [240, 0, 0, 1],
    [255, 255, 255, 255],
];

/// A number as URLs may write it.
fn numbers(n: u64) -> Vec<String> {
    vec![
        format!("{n}"),
        format!("0{n:o}"),
        format!("0x{n:x}"),
        format!("0X{n:X}"),
        format!("000{n:o}"),
        format!("0x000{n:x}"),
    ]
}

/// An IPv4 address in its forms of four, three, two and one part, each part in every base.
fn spellings_4(octets: [u8; 4]) -> BTreeSet<String> {
    let [a, b, c, d] = octets.map(u64::from);
    let forms = [
        vec![a, b, c, d],
        vec![a, b, c << 8 | d],
        vec![a, b << 16 | c << 8 | d],
        vec![u64::from(u32::from_be_bytes(octets))],
    ];
    let mut found = BTreeSet::new();
    for form in forms {
        let parts: Vec<Vec<String>> = form.iter().map(|part| numbers(*part)).collect();
        for base in 0..6 {
            found.insert(parts.iter().map(|part| part[base].clone()).collect::<Vec<_>>().join("."));
            for other in 0..6 {
                let mixed =
                    parts.iter().enumerate().map(|(at, part)| part[if at % 2 == 0 { base } else { other }].clone());
                found.insert(mixed.collect::<Vec<_>>().join("."));
            }
        }
    }
    let plain = Ipv4Addr::from(octets).to_string();
    let digits = |zero: u32| {
        plain
            .chars()
            .map(move |c| c.to_digit(10).and_then(|digit| char::from_u32(zero + digit)).unwrap_or(c))
            .collect::<String>()
    };
    // Full-width, mathematical and circled digits; other dots; percent-encoded.
    found.extend([digits(0xff10), digits(0x1d7ce), digits(0x1d7d8), digits(0x1d7f6)]);
    let circled = plain.chars().map(|c| match c {
        '0' => '⓪',
        '1'..='9' => char::from_u32(0x2460 + u32::from(c) - u32::from('1')).unwrap_or(c),
        other => other,
    });
    found.insert(circled.collect());
    found.extend(['。', '．', '｡'].map(|dot| plain.replace('.', &dot.to_string())));
    found.insert(plain.bytes().map(|byte| format!("%{byte:02x}")).collect());
    found.insert(plain.replace('.', "%2E"));
    found.insert(plain.replace('1', "%31").replace('0', "%30"));
    found.insert(format!("{plain}."));
    found
}

/// IPv6 addresses that are, carry or lead to an IPv4 address, in their spellings.
fn spellings_6(octets: [u8; 4]) -> BTreeSet<String> {
    let [a, b, c, d] = octets;
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let v4 = Ipv4Addr::from(octets);
    let mut found = BTreeSet::new();
    for prefix in [
        "::",
        "::ffff:",
        "::FFFF:",
        "0:0:0:0:0:ffff:",
        "0000:0000:0000:0000:0000:ffff:",
        "::ffff:0:",
        "64:ff9b::",
        "64:ff9b:1::",
        "fe80::",
        "fc00::",
        "fd00::",
        "fec0::",
        "ff02::",
        "100::",
        "::1:",
        "2001:0:",
        "2001:db8::",
        "3fff::",
        "5f00::",
    ] {
        let tail = if prefix == "2001:0:" { "::" } else { "" };
        found.insert(format!("[{prefix}{high:x}:{low:x}{tail}]"));
        found.insert(format!("[{prefix}{high:04X}:{low:04X}{tail}]"));
        if tail.is_empty() {
            found.insert(format!("[{prefix}{v4}]"));
        }
    }
    found.insert(format!("[2002:{high:x}:{low:x}::1]"));
    found.insert(format!("[2606:4700::5efe:{high:x}:{low:x}]"));
    found.extend(
        ["[::]", "[::1]", "[0::1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[::1%lo]", "[fe80::1%25eth0]"]
            .map(str::to_owned),
    );
    found
}

fn names() -> Vec<String> {
    let plain = [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "foo.localhost",
        "localhost.localdomain",
        "metadata.google.internal",
        "127.0.0.1.nip.io",
        "spoofed.example",
        "xn--4gbrim.example",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "ｌｏｃａｌｈｏｓｔ",
        "local\u{ad}host",
        "loc%61lhost",
        "bücher.example",
        "0x7f.1.example",
        "1.example",
        "kubernetes.default.svc",
        "host.docker.internal",
    ];
    plain.map(str::to_owned).to_vec()
}

/// What may stand around a host.
fn urls(host: &str, port: u16) -> Vec<String> {
    vec![
        format!("http://{host}:{port}/"),
        format!("https://{host}:{port}/"),
        format!("HTTP://{host}:{port}"),
        format!("http:{host}:{port}/x"),
        format!("http:/{host}:{port}/"),
        format!("http:\\\\{host}:{port}\\"),
        format!("http:////{host}:{port}/"),
        format!("http://example.com@{host}:{port}/"),
        format!("http://example.com:80@{host}:{port}/"),
        format!("http://@{host}:{port}/"),
        format!("http://{host}:{port}#@example.com/"),
        format!("http://{host}:{port}?@example.com/"),
        format!("http://{host}:{port}\\@example.com/"),
        format!(" \thttp://{host}:{port}/\n"),
        format!("ht\ntp://{host}:0{port}/"),
        format!("http://{host}/"),
        format!("https://{host}:443/"),
        format!("ftp://{host}:{port}/"),
        format!("//{host}:{port}/"),
        format!("ws://{host}:{port}/"),
    ]
}

fn corpus(port: u16) -> BTreeSet<String> {
    let hosts = FORBIDDEN.iter().flat_map(|octets| spellings_4(*octets).into_iter().chain(spellings_6(*octets)));
    hosts.chain(names()).flat_map(|host| urls(&host, port)).collect()
}

/// Codes that a URL which leads nowhere public may be refused with.
const REFUSALS: [&str; 2] = ["egress_denied", "invalid_url"];

#[tokio::test]
async fn no_spelling_of_more_than_50_000_reaches_a_listener() {
    let listener = Listener::start_everywhere().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let lead_home = move |_: &str| {
        counter.fetch_add(1, Ordering::Relaxed);
        vec![IpAddr::from([127, 0, 0, 1])]
    };
    let gateway = Gateway::with_names(Config::default(), Names::Told(Arc::new(lead_home))).unwrap();
    let corpus = corpus(listener.port());
    assert!(corpus.len() >= 50_000, "{} URLs", corpus.len());
    let mut denied = 0;
    for url in &corpus {
        let exchange = send(&gateway, get(url.as_str())).await;
        let code = exchange.result.map(|_| ()).expect_err(url).code;
        assert!(REFUSALS.contains(&code), "{url}: {code}");
        denied += usize::from(code == "egress_denied");
    }
    assert_eq!((listener.connections().await, listener.requests().len()), (0, 0));
    assert!(denied > 25_000 && asked.load(Ordering::Relaxed) > 100, "most of them are URLs: {denied}");
}

#[tokio::test]
async fn dns_that_lies_changes_and_floods_leads_nowhere() {
    let hidden = Listener::start_everywhere().await;
    let allowed = Listener::start(|_| Some(ok("allowed"))).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let (public, home) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([127, 0, 0, 2]));
    // `allowed` alone is opened, by address and port; every other answer is to be refused.
    let answer = move |name: &str| {
        let nth = counter.fetch_add(1, Ordering::Relaxed);
        match name.split('.').next().unwrap_or_default() {
            "home" => vec![home],
            "first" => vec![home, public],
            "last" => vec![public, public, home],
            "many" => std::iter::repeat_n(public, 10_000).chain([home]).collect(),
            "six" => vec!["::1".parse().unwrap()],
            "mapped" => vec!["::ffff:127.0.0.2".parse().unwrap()],
            "flips" if nth.is_multiple_of(2) => vec![home],
            "flips" => Vec::new(),
            _ => Vec::new(),
        }
    };
    let openings = vec![allowed.opening().parse().unwrap()];
    let gateway = Gateway::with_names(Config { openings, ..Config::default() }, Names::Told(Arc::new(answer))).unwrap();
    for n in 0..1_000 {
        let kind = ["home", "first", "last", "many", "six", "mapped", "flips", "nothing"][n % 8];
        let url = format!("http://{kind}.n{n}.example:{}/", hidden.port());
        let code = send(&gateway, get(url.as_str())).await.result.map(|_| ()).expect_err(&url).code;
        assert!(["egress_denied", "dns_failed"].contains(&code), "{url}: {code}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1_000, "each name is looked up once");
    assert_eq!((hidden.connections().await, allowed.connections().await), (0, 0));
}

/// A name that leads to an opened address when it is checked, and home ever after: what is dialled is what was checked.
#[tokio::test]
async fn rebinding_between_check_and_connection_is_not_possible() {
    let (allowed, hidden) =
        (Listener::start(|_| Some(redirect(302, "/again"))).await, Listener::start_everywhere().await);
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let answer = move |_: &str| match counter.fetch_add(1, Ordering::Relaxed) {
        0 => vec![IpAddr::from([127, 0, 0, 1])],
        _ => vec![IpAddr::from([127, 0, 0, 2])],
    };
    let openings = vec![allowed.opening().parse().unwrap()];
    let gateway = Gateway::with_names(Config { openings, ..Config::default() }, Names::Told(Arc::new(answer))).unwrap();
    for _ in 0..20 {
        let url = format!("http://rebound.example:{}/", allowed.port());
        let code = send(&gateway, get(url)).await.result.map(|_| ()).expect_err("a loop, or refused").code;
        assert!(["too_many_redirects", "egress_denied"].contains(&code), "{code}");
    }
    assert!(allowed.requests().iter().all(|request| request.contains("host: rebound.example")));
    assert_eq!(hidden.connections().await, 0);
}

#[tokio::test]
async fn two_hundred_good_urls_are_let_through() {
    let server = Listener::start(|_| Some(ok("fine"))).await;
    let home = |_: &str| vec![IpAddr::from([127, 0, 0, 1])];
    let openings = vec![server.opening().parse().unwrap()];
    let gateway = Gateway::with_names(Config { openings, ..Config::default() }, Names::Told(Arc::new(home))).unwrap();
    let hosts = [
        "example.com",
        "API.example.com",
        "a-b.example",
        "xn--bcher-kva.example",
        "bücher.example",
        "example.com.",
        "10.example",
        "0x7f.example",
        "localhost.example",
        "127.0.0.1.example",
    ];
    let tails = [
        "/",
        "",
        "/a/b?c=d",
        "/%41?x=%20+",
        "/?u=http://127.0.0.1/",
        "/@127.0.0.1",
        "/a//b/../c",
        "/#x",
        "/?a[]=1&a[]=2",
        "/ü?ß=ö",
        "/:80",
        "/a;b=c",
        "/*",
        "/~me",
        "/?q=$(secret)",
        "/a%2Fb",
        "/.well-known/x",
        "/?=&=",
        "/a|b",
        "/?{\"a\":1}",
    ];
    let mut sent = 0;
    for host in hosts {
        for tail in tails {
            let url = format!("http://{host}:{}{tail}", server.port());
            let exchange = gateway.send(get(url.as_str()), &Policy::default()).await;
            assert_eq!(exchange.result.map(|received| received.body).expect(&url), b"fine");
            sent += 1;
        }
    }
    assert_eq!((sent, server.requests().len()), (200, 200));
    for public in ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "93.184.216.34", "223.255.255.254", "2a00:1450:4001::1"] {
        assert_eq!(super::super::address::denial(public.parse().unwrap(), 443, &[]), None, "{public}");
    }
}
