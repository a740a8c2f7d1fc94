//! BullMQ, driven by a Node process that is told what to do a line at a time (benches/peers/bullmq/driver.mjs).

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Outcome;
use crate::figures::{Figures, Rate, Side, Waits};
use crate::server::Server;
use crate::size::Size;

/// What is tried to find its fastest way to drain: jobs at once in a process, and workers that share them.
const CONCURRENCY: [u64; 4] = [50, 100, 200, 500];
const WORKERS: [u64; 2] = [2, 4];

pub struct BullMq<'a> {
    server: &'a Server,
    size: Size,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    concurrency: u64,
    workers: u64,
    _child: Child,
}

impl<'a> BullMq<'a> {
    pub async fn start(server: &'a Server, size: Size) -> Outcome<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../benches/peers/bullmq");
        let mut child = Command::new("node")
            .arg("driver.mjs")
            .arg(server.port.to_string())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("node does not start: {error}"))?;
        let (commands, answers) = child.stdin.take().zip(child.stdout.take()).ok_or("node has no pipes")?;
        let answers = BufReader::new(answers).lines();
        Ok(Self { server, size, commands, answers, concurrency: 100, workers: 1, _child: child })
    }

    async fn tell(&mut self, command: &Value) -> Outcome<Value> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        let line = self.answers.next_line().await?.ok_or("the BullMQ driver ended early")?;
        Ok(serde_json::from_str(&line)?)
    }

    async fn rate(&mut self, jobs: u64, command: &Value) -> Outcome<Rate> {
        let usage = self.server.usage().await?;
        let answer = self.tell(command).await?;
        let number = |name: &str| answer[name].as_f64().ok_or_else(|| format!("no {name} in {answer}"));
        Ok(Rate {
            jobs: jobs as f64,
            seconds: number("seconds")?,
            server_us: self.server.used_us(usage).await?,
            client_us: Some(number("cpu_us")?),
        })
    }

    async fn put(&mut self, jobs: u64, batch: u64, width: u64) -> Outcome<Rate> {
        self.rate(jobs, &json!({ "do": "enqueue", "n": jobs, "batch": batch, "width": width })).await
    }

    async fn drain(&mut self, jobs: u64, concurrency: u64, workers: u64) -> Outcome<Rate> {
        self.server.flush().await?;
        self.put(jobs, 1_000, 1).await?;
        self.rate(jobs, &json!({ "do": "drain", "n": jobs, "concurrency": concurrency, "workers": workers })).await
    }

    /// Tries what its documentation offers, and keeps the fastest.
    pub async fn find_fastest(&mut self, figures: &mut Figures) -> Outcome<()> {
        figures.begin("finding the fastest".into());
        let jobs = self.size.bullmq_jobs / 2;
        // The first run compiles.
        self.drain(jobs, 100, 1).await?;
        let mut best = 0.0;
        let mut tried = CONCURRENCY.map(|concurrency| (concurrency, 1)).to_vec();
        tried.extend(WORKERS.map(|workers| (0, workers)));
        for (concurrency, workers) in tried {
            let concurrency = if concurrency == 0 { self.concurrency } else { concurrency };
            let rate = self.drain(jobs, concurrency, workers).await?.per_second();
            let what = format!("concurrency {concurrency}, workers {workers}");
            figures.say(Side::BullMq, &what, &format!("{rate:>9.0}/s"));
            if rate > best {
                (best, self.concurrency, self.workers) = (rate, concurrency, workers);
            }
        }
        Ok(())
    }

    pub fn fastest(&self) -> String {
        format!("concurrency {}, {} worker(s) in one process", self.concurrency, self.workers)
    }

    pub async fn throughput(&mut self, figures: &mut Figures) -> Outcome<()> {
        let jobs = self.size.bullmq_jobs;
        self.server.flush().await?;
        figures.add_rate(Side::BullMq, "enqueue, batches of 50", self.put(jobs, 50, 4).await?);
        self.server.flush().await?;
        figures.add_rate(Side::BullMq, "enqueue, one by one", self.put(jobs, 1, 64).await?);
        let rate = self.drain(jobs, self.concurrency, self.workers).await?;
        figures.add_rate(Side::BullMq, "drain", rate);
        self.server.flush().await?;
        let together = json!({
            "do": "together", "n": jobs, "batch": 50, "width": 4,
            "concurrency": self.concurrency, "workers": self.workers,
        });
        figures.add_rate(Side::BullMq, "whole life", self.rate(jobs, &together).await?);
        Ok(())
    }

    pub async fn latency(&mut self, figures: &mut Figures) -> Outcome<()> {
        self.server.flush().await?;
        let command =
            json!({ "do": "latency", "n": self.size.low_load, "every_ms": 5, "concurrency": self.concurrency });
        let waits = self.waits(&command).await?;
        figures.add_waits(Side::BullMq, "enqueue to start, 200 jobs/s", waits);
        Ok(())
    }

    pub async fn fill(&mut self, figures: &mut Figures) -> Outcome<()> {
        let jobs = self.size.pending;
        let before = self.server.used_memory().await?;
        let rate = self.rate(jobs, &json!({ "do": "fill", "n": jobs, "batch": 50, "width": 4 })).await?;
        figures.add_rate(Side::BullMq, "enqueue keyed delayed, batches of 50", rate);
        let bytes = (self.server.used_memory().await? - before) / jobs as f64;
        figures.add(Side::BullMq, "bytes per pending job", bytes);
        figures.say(Side::BullMq, "bytes per pending job", &format!("{bytes:.0}"));
        Ok(())
    }

    pub async fn late(&mut self, figures: &mut Figures) -> Outcome<()> {
        let command = json!({
            "do": "late", "n": self.size.coming, "within_ms": self.size.coming_within_ms, "lead_ms": 2_000,
            "concurrency": self.concurrency,
        });
        let waits = self.waits(&command).await?;
        figures.add_waits(Side::BullMq, "start after due time", waits);
        Ok(())
    }

    async fn waits(&mut self, command: &Value) -> Outcome<Waits> {
        let answer = self.tell(command).await?;
        let number = |name: &str| answer[name].as_f64().ok_or_else(|| format!("no {name} in {answer}"));
        Ok(Waits { p50: number("p50")?, p99: number("p99")?, max: number("max")? })
    }
}
