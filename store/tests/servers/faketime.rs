//! A clock that jumps: TIME follows, keys expire by it, and what is measured does not notice.

use schedules::{Clock, Millis, Stopwatch, SystemClock};
use store::servers::{Fsync, Options, Server};

const HOUR_SECONDS: i64 = 3_600;

async fn start() -> Server {
    Server::start(Options { fake_time: true, appendfsync: Some(Fsync::Everysec), ..Options::default() }).await
}

/// By how many seconds the server's clock is ahead of ours.
async fn ahead(server: &Server) -> i64 {
    let (seconds, micros): (i64, i64) = server.ask(&["TIME"]).await;
    let ms = Millis(seconds * 1_000 + micros / 1_000).since(SystemClock.now());
    (ms + 500).div_euclid(1_000)
}

#[tokio::test]
async fn time_follows_jumps_and_a_restart_keeps_them() {
    let mut server = start().await;
    assert_eq!(ahead(&server).await, 0);
    server.jump(HOUR_SECONDS);
    assert_eq!(ahead(&server).await, HOUR_SECONDS);
    server.jump(-2 * HOUR_SECONDS);
    assert_eq!(ahead(&server).await, -HOUR_SECONDS);
    server.restart().await;
    assert_eq!(ahead(&server).await, -HOUR_SECONDS);
}

#[tokio::test]
async fn keys_expire_by_the_faked_clock() {
    let mut server = start().await;
    server.ask::<()>(&["SET", "key", "value", "EX", "1800"]).await;
    server.jump(-HOUR_SECONDS);
    assert!(server.ask::<i64>(&["TTL", "key"]).await > 5_000);
    server.jump(2 * HOUR_SECONDS);
    assert_eq!(server.ask::<i64>(&["EXISTS", "key"]).await, 0);
}

#[tokio::test]
async fn timers_go_on_after_a_jump() {
    let mut server = start().await;
    for jump in [HOUR_SECONDS, -2 * HOUR_SECONDS] {
        server.jump(jump);
        let before: String = server.ask(&["INFO", "server"]).await;
        let watch = Stopwatch::start();
        let none: Option<(String, String)> = server.ask(&["BLPOP", "nothing", "0.3"]).await;
        assert_eq!(none, None);
        let ms = watch.elapsed_ms();
        assert!((250..3_000).contains(&ms), "BLPOP for 300 ms took {ms} ms after a jump of {jump} s\n{before}");
    }
}

#[tokio::test]
async fn a_server_that_ended_leaves_no_clock_behind() {
    let mut server = start().await;
    let first = server.id();
    server.restart().await;
    assert_eq!(left_by(first), 0);
    let second = server.id();
    assert!(left_by(second) > 0, "libfaketime keeps its state elsewhere now");
    drop(server);
    assert_eq!(left_by(second), 0);
}

/// How many files libfaketime has for this process.
fn left_by(process: u32) -> usize {
    let entries = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(&format!("_{process}"))).count()
}
