//! What a run costs: through real runner processes, beside the bare engine and beside Node, in one command.
//!
//! `make bench-scripts`; `QUICK=1` measures less and only prints. This program is its own runner: `runner_bench runner`.

mod figures;
mod measure;
mod peers;
mod report;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use figures::Figures;

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    rounds: usize,
    /// Runs of the small handler in a measurement.
    runs: usize,
    /// Runs that wait at the same time.
    waiting: usize,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("runner") {
        if let Err(error) = scripts::jail::enter(scripts::jail::Allowance::default()) {
            eprintln!("runner: no jail: {error}");
            return ExitCode::FAILURE;
        }
        let socket = std::io::stdin().as_fd().try_clone_to_owned();
        let served = socket.and_then(|socket| scripts::runner::serve(UnixStream::from(socket)));
        return served.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let quick = std::env::var("QUICK").is_ok_and(|quick| !quick.is_empty());
    let size = if quick {
        Size { rounds: 1, runs: 2_000, waiting: 1_000 }
    } else {
        Size { rounds: 5, runs: 10_000, waiting: 1_000 }
    };
    match bench(size) {
        Ok(figures) => {
            let table = report::table(&figures, size);
            println!("{table}");
            if !quick && let Err(error) = report::write(&table) {
                eprintln!("docs/BENCHMARKS.md was not written: {error}");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("runner_bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(size: Size) -> Result<Figures, String> {
    let node = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../benches/peers/node");
    let big = peers::bundle(&node)?;
    let small = node.join("small.js");
    let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let (small_code, big_code) = (read(&small)?, read(&big)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut figures = Figures::default();
    for round in 1..=size.rounds {
        eprintln!("round {round} of {}", size.rounds);
        figures.note("floor small", peers::floor(&small, size.runs)?);
        runtime.block_on(measure::all(&mut figures, size, &small_code, &big_code))?;
        peers::node(&mut figures, &node, (&small, &big), size.runs / 50)?;
    }
    Ok(figures)
}
