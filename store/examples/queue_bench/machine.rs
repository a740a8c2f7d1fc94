//! What the figures were measured on.

use std::fs;
use std::process::Command;

use crate::Outcome;
use crate::server::{SETTINGS, Server};

pub async fn describe(server: &Server) -> Outcome<String> {
    let cores = std::thread::available_parallelism()?;
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: Option<f64> = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    Ok(format!(
        "{}, {cores} cores, {:.0} GiB; {}; load {} at the start\n\
         Redis {} ({SETTINGS}); Node {}; BullMQ {}, ioredis {}; {}",
        model.map_or("unknown CPU", |(_, model)| model),
        kib.unwrap_or(0.0) / 1_048_576.0,
        said("uname", &["-sr"]),
        fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or("?"),
        server.info("server", "redis_version").await?,
        said("node", &["--version"]),
        package("bullmq"),
        package("ioredis"),
        said("rustc", &["--version"]),
    ))
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or("?".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version of a package of the peer.
fn package(name: &str) -> String {
    let path = format!("{}/../benches/peers/bullmq/node_modules/{name}/package.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    value["version"].as_str().unwrap_or("?").to_owned()
}

/// Microseconds of CPU that this process used so far, where /proc tells.
pub fn cpu_us() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut ticks = fields.split(' ').skip(11).take(2).map(str::parse::<f64>);
    // A tick is a hundredth of a second.
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) * 10_000.0)
}
