//! A proxy passes everything on in fair weather, and does to connections what it was told.

use std::net::Ipv4Addr;
use std::time::Duration;

use schedules::Stopwatch;
use store::servers::{Options, Proxy, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"+PONG\r\n";
/// Long enough for an answer, short enough to wait for none.
const SHORT: Duration = Duration::from_millis(200);

/// A server, a proxy before it, and a connection through it that works.
async fn world() -> (Server, Proxy, TcpStream) {
    let server = Server::start(Options::default()).await;
    let proxy = Proxy::start(server.port()).await;
    let client = connect(&proxy).await;
    (server, proxy, client)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    let mut client = reach(proxy).await.expect("the proxy accepts");
    assert_eq!(ping(&mut client).await, PONG);
    client
}

async fn reach(proxy: &Proxy) -> std::io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await
}

/// What is answered to a PING: nothing if the connection was cut.
async fn ping(client: &mut TcpStream) -> Vec<u8> {
    let mut answer = vec![0; PONG.len()];
    if client.write_all(PING).await.is_err() {
        return Vec::new();
    }
    let size = client.read(&mut answer).await.unwrap_or(0);
    answer.truncate(size);
    answer
}

#[tokio::test]
async fn a_cut_ends_open_connections_and_no_others() {
    let (_server, proxy, mut client) = world().await;
    assert_eq!((proxy.connections().await, proxy.accepted()), (1, 1));
    proxy.cut_all().await;
    assert_eq!(proxy.connections().await, 0);
    assert_eq!(ping(&mut client).await, b"");
    connect(&proxy).await;
    assert_eq!(proxy.accepted(), 2);
}

#[tokio::test]
async fn a_cut_comes_in_the_middle_of_an_answer_once() {
    let (_server, proxy, mut client) = world().await;
    proxy.cut_after(3);
    assert_eq!(ping(&mut client).await, &PONG[..3]);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_or(0), 0, "the connection is cut");
    connect(&proxy).await;
}

#[tokio::test]
async fn what_was_held_back_arrives_late() {
    let (_server, proxy, mut client) = world().await;
    proxy.stall(true);
    client.write_all(PING).await.expect("the connection stays");
    assert!(timeout(SHORT, client.read_u8()).await.is_err(), "nothing passes");
    proxy.stall(false);
    let mut answer = vec![0; PONG.len()];
    client.read_exact(&mut answer).await.expect("the answer arrives");
    assert_eq!(answer, PONG);
}

#[tokio::test]
async fn what_was_swallowed_never_arrives() {
    let (_server, proxy, mut old) = world().await;
    proxy.black_hole(true).await;
    let mut new = reach(&proxy).await.expect("connections are accepted");
    for client in [&mut old, &mut new] {
        assert!(timeout(SHORT, ping(client)).await.is_err(), "nothing is answered");
    }
    proxy.black_hole(false).await;
    for client in [&mut old, &mut new] {
        assert_eq!(ping(client).await, b"", "the connection is cut");
    }
    connect(&proxy).await;
}

#[tokio::test]
async fn a_proxy_can_refuse() {
    let (_server, mut proxy, mut client) = world().await;
    proxy.refuse(true).await;
    assert!(reach(&proxy).await.is_err());
    assert_eq!(ping(&mut client).await, PONG, "open connections stay");
    proxy.refuse(false).await;
    connect(&proxy).await;
}

#[tokio::test]
async fn a_delay_counts_each_way() {
    let (_server, proxy, mut client) = world().await;
    proxy.delay(50);
    let watch = Stopwatch::start();
    assert_eq!(ping(&mut client).await, PONG);
    assert!(watch.elapsed_ms() >= 100, "answered after {} ms", watch.elapsed_ms());
}

#[tokio::test]
async fn a_limit_slows_down() {
    let (server, proxy, _client) = world().await;
    server.ask::<()>(&["SETRANGE", "key", "20000", "."]).await;
    proxy.limit(Some(50_000));
    let mut client = reach(&proxy).await.expect("the proxy accepts");
    let watch = Stopwatch::start();
    client.write_all(b"GET key\r\n").await.expect("a command can be sent");
    client.read_exact(&mut [0; 20_000]).await.expect("the answer arrives");
    let ms = watch.elapsed_ms();
    assert!((300..5_000).contains(&ms), "20 kB at 50 kB/s took {ms} ms");
}

#[tokio::test]
async fn without_its_server_a_proxy_hangs_up() {
    let (mut server, proxy, _client) = world().await;
    server.kill();
    let mut client = reach(&proxy).await.expect("the proxy accepts");
    assert_eq!(ping(&mut client).await, b"");
}
