//! A server keeps its data and its port, does not answer when paused, and leaves nothing behind.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use store::servers::{Fsync, Options, Server};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

/// Set in a process of this test that is going to be killed.
const DOOMED: &str = "SERVERS_DOOMED";

fn durable() -> Options {
    Options { appendfsync: Some(Fsync::Always), ..Options::default() }
}

/// Whether a future of a server may go from thread to thread, as tasks of several threads want it.
fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn a_restart_replays_the_file() {
    let mut server = is_send(Server::start(durable())).await;
    let url = server.url();
    server.ask::<()>(&["SET", "key", "killed"]).await;
    server.kill();
    assert!(server.try_ask::<String>(&["GET", "key"]).await.is_err());
    is_send(server.restart()).await;
    assert_eq!(server.ask::<String>(&["GET", "key"]).await, "killed");
    server.ask::<()>(&["SET", "key", "stopped"]).await;
    server.stop().await;
    server.restart().await;
    assert_eq!((server.ask::<String>(&["GET", "key"]).await.as_str(), server.url()), ("stopped", url));
}

#[tokio::test]
async fn without_a_file_a_restart_loses_everything() {
    let mut server = Server::start(Options::default()).await;
    server.ask::<()>(&["SET", "key", "value"]).await;
    server.restart().await;
    assert_eq!(server.ask::<Option<String>>(&["GET", "key"]).await, None);
}

#[tokio::test]
async fn options_reach_the_server() {
    let policy = Some("allkeys-lru".to_owned());
    let extra = vec![("hz".to_owned(), "50".to_owned())];
    let options =
        Options { appendfsync: Some(Fsync::Everysec), maxmemory: Some(7_000_000), policy, extra, fake_time: false };
    let server = Server::start(options).await;
    let check = async |name: &str, expected: &str| {
        let (_, value): (String, String) = server.ask(&["CONFIG", "GET", name]).await;
        assert_eq!(value, expected, "{name}");
    };
    check("appendfsync", "everysec").await;
    check("maxmemory", "7000000").await;
    check("maxmemory-policy", "allkeys-lru").await;
    check("hz", "50").await;
    check("save", "").await;
}

#[tokio::test]
async fn a_paused_server_answers_when_it_goes_on() {
    let mut server = Server::start(Options::default()).await;
    server.pause();
    let short = Duration::from_millis(100);
    assert!(tokio::time::timeout(short, server.try_ask::<String>(&["PING"])).await.is_err());
    server.resume();
    assert_eq!(server.ask::<String>(&["PING"]).await, "PONG");
}

#[tokio::test]
async fn clients_can_be_paused_and_scripts_forgotten() {
    let server = Server::start(Options::default()).await;
    let digest: String = server.ask(&["SCRIPT", "LOAD", "return 1"]).await;
    server.script_flush().await;
    assert_eq!(server.ask::<Vec<bool>>(&["SCRIPT", "EXISTS", &digest]).await, [false]);
    let watch = schedules::Stopwatch::start();
    server.client_pause(200).await;
    server.ask::<String>(&["PING"]).await;
    assert!(watch.elapsed_ms() >= 150, "answered after {} ms", watch.elapsed_ms());
}

#[tokio::test]
async fn nothing_is_left_of_a_dropped_server() {
    let mut server = Server::start(durable()).await;
    let (process, folder) = (format!("/proc/{}", server.id()), server.folder().to_owned());
    server.pause();
    assert!(Path::new(&process).exists() && folder.exists());
    drop(server);
    assert!(!Path::new(&process).exists() && !folder.exists());
}

#[tokio::test]
async fn nothing_is_left_of_a_killed_test() {
    const THIS: &str = "redis::nothing_is_left_of_a_killed_test";
    if std::env::var_os(DOOMED).is_some() {
        let server = Server::start(Options::default()).await;
        println!("\nserver {} {}", server.port(), server.folder().display());
        return std::future::pending().await;
    }
    let mut command = Command::new(std::env::current_exe().expect("this test is a program"));
    command.args(["--exact", THIS, "--nocapture"]).env(DOOMED, "1").stdout(Stdio::piped()).kill_on_drop(true);
    let mut doomed = command.spawn().expect("the test runs once more");
    let mut lines = BufReader::new(doomed.stdout.take().expect("stdout is piped")).lines();
    let (port, folder) = loop {
        let line = lines.next_line().await.expect("stdout can be read").expect("the test speaks of its server");
        let server = line.strip_prefix("server ").and_then(|server| server.split_once(' '));
        if let Some((port, folder)) = server {
            break (port.parse::<u16>().expect("it is a port"), folder.to_owned());
        }
    };
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("the server runs");
    doomed.kill().await.expect("the test can be killed");
    let end = tokio::time::timeout(Duration::from_secs(10), connection.read(&mut [0; 1])).await;
    std::fs::remove_dir_all(folder).expect("only its folder is left");
    assert!(matches!(end, Ok(Ok(0) | Err(_))), "the server ends with the test, not {end:?}");
}
