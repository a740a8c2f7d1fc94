//! The floor: what the plain commands of a job's life cost, sent by redis-benchmark 64 in a pipeline.

use tokio::process::Command;

use crate::Outcome;
use crate::figures::{Figures, Rate, Side};
use crate::jobs::PAYLOAD_BYTES;
use crate::server::Server;
use crate::size::Size;

const KEYS: u64 = 200_000;

/// A job's life in plain commands: its blob, its place in the queue, taken, read, leased, settled twice over.
fn life() -> [(&'static str, Vec<String>); 7] {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut blob = words("HSET j job:__rand_int__");
    blob.push("x".repeat(PAYLOAD_BYTES));
    [
        ("HSET job", blob),
        ("ZADD queue", words("ZADD q __rand_int__ job:__rand_int__")),
        ("ZPOPMIN queue", words("ZPOPMIN q")),
        ("HGET job", words("HGET j job:__rand_int__")),
        ("ZADD lease", words("ZADD l 1700000000000 job:__rand_int__")),
        ("ZREM lease", words("ZREM l job:__rand_int__")),
        ("HDEL job", words("HDEL j job:__rand_int__")),
    ]
}

pub async fn measure(server: &Server, size: Size, figures: &mut Figures) -> Outcome<()> {
    server.flush().await?;
    let (mut seconds, mut server_us) = (0.0, 0.0);
    for (name, command) in life() {
        let usage = server.usage().await?;
        let rate = requests_per_second(server.port, size.commands, &command).await?;
        let us = server.used_us(usage).await? / size.commands as f64;
        figures.say(Side::Floor, name, &format!("{rate:>9.0}/s   {us:.2} us of Redis's CPU"));
        seconds += 1.0 / rate;
        server_us += us;
    }
    figures.add_rate(Side::Floor, "whole life", Rate { jobs: 1.0, seconds, server_us, client_us: None });
    Ok(())
}

async fn requests_per_second(port: u16, count: u64, command: &[String]) -> Outcome<f64> {
    let output = Command::new("redis-benchmark")
        .args(["-P", "64", "--csv", "-p", &port.to_string(), "-n", &count.to_string(), "-r", &KEYS.to_string()])
        .args(command)
        .output()
        .await
        .map_err(|error| format!("redis-benchmark does not start: {error}"))?;
    // "test","rps","avg_latency_ms",… and a line of values; the test's name may hold anything.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = text.lines().last().and_then(|line| line.rsplit(',').nth(6)?.trim_matches('"').parse().ok());
    rate.ok_or_else(|| format!("redis-benchmark said {text:?}").into())
}
