//! The other sides: the bare engine and Node, each in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::figures::Figures;

/// Bundles axios, lodash and moment with a handler; gives the file.
pub fn bundle(node: &Path) -> Result<PathBuf, String> {
    let out = std::env::temp_dir().join("tidegate-bench-big.js");
    let esbuild = node.join("node_modules/.bin/esbuild");
    let mut command = Command::new(esbuild);
    command.current_dir(node).args(["big.js", "--bundle", "--format=cjs", "--platform=browser", "--log-level=error"]);
    output(command.arg(format!("--outfile={}", out.display())))?;
    Ok(out)
}

/// The microseconds of CPU of a run on the bare engine.
pub fn floor(small: &Path, times: usize) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("floor");
    let printed = output(Command::new(program).arg(small).arg(times.to_string()))?;
    printed.trim().parse().map_err(|error| format!("floor said {printed:?}: {error}"))
}

/// Fresh worker threads and fresh isolates.
pub fn node(figures: &mut Figures, node: &Path, (small, big): (&Path, &Path), times: usize) -> Result<(), String> {
    let mut command = Command::new("node");
    // isolated-vm needs this of Node 20.
    command
        .current_dir(node)
        .args(["--no-node-snapshot", "bench.mjs"])
        .args([small, big])
        .arg(times.max(20).to_string());
    let printed = output(&mut command)?;
    for line in printed.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let [size, what, cpu, _] = words[..] {
            figures.note(&format!("{what} {size}"), cpu.parse().map_err(|error| format!("{line:?}: {error}"))?);
        }
    }
    Ok(())
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{command:?}: {error}"))
}
