//! Measures the queue on Redis against BullMQ and against plain Redis commands, in one run on one server: `make
//! bench-queue`. Prints a table, and writes it into docs/BENCHMARKS.md; `QUICK=1` is a small version that only prints.

mod bullmq;
mod figures;
mod floor;
mod goals;
mod jobs;
mod machine;
mod ours;
mod report;
mod server;
mod size;
mod worker;

use std::error::Error;

use bullmq::BullMq;
use figures::{Figures, Side};
use ours::Ours;
use server::{Fsync, Server};
use size::Size;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let size = if std::env::var("QUICK").is_ok_and(|quick| quick == "1") { Size::QUICK } else { Size::FULL };
    let only = std::env::var("ONLY").unwrap_or_default();
    let server = Server::start().await?;
    let machine = machine::describe(&server).await?;
    println!("{machine}\n");
    let mut figures = Figures::new();
    let ours = Ours::new(&server, size);
    let mut bullmq = BullMq::start(&server, size).await?;
    if only != "ours" {
        bullmq.find_fastest(&mut figures).await?;
    }
    for round in 1..=size.rounds {
        figures.begin(format!("round {round}/{}", size.rounds));
        ours.throughput(&mut figures).await?;
        if only != "ours" {
            bullmq.throughput(&mut figures).await?;
        }
        ours.kinds(&mut figures).await?;
        if only != "ours" {
            floor::measure(&server, size, &mut figures).await?;
        }
        ours.latency(&mut figures).await?;
        if only != "ours" {
            bullmq.latency(&mut figures).await?;
        }
        ours.history(&mut figures).await?;
    }
    figures.begin("rate limits".into());
    ours.limits(&mut figures).await?;
    figures.begin("pending".into());
    server.flush().await?;
    ours.fill(&mut figures).await?;
    if only != "ours" {
        bullmq.fill(&mut figures).await?;
    }
    for round in 1..=size.rounds {
        figures.begin(format!("pending {round}/{}", size.rounds));
        ours.late(&mut figures).await?;
        if only != "ours" {
            bullmq.late(&mut figures).await?;
        }
    }
    server.flush().await?;
    for fsync in [Fsync::EverySecond, Fsync::Always] {
        figures.begin(format!("appendfsync {}", fsync.name()));
        server.append_only(Some(fsync)).await?;
        ours.durable(fsync, &mut figures).await?;
    }
    server.append_only(None).await?;
    let report = report::table(&figures, size);
    println!("\n{report}");
    if size.is_full && only.is_empty() {
        let place = report::write(&machine, &bullmq.fastest(), &report)?;
        println!("written into {}", place.display());
    }
    Ok(())
}

/// The sides in the order in which they are measured and shown.
const SIDES: [Side; 3] = [Side::Ours, Side::BullMq, Side::Floor];
