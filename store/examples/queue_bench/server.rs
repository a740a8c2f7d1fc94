//! The one redis-server of a run: started on a free port in a folder of its own, asked for its CPU time and memory.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, cmd};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Outcome;

/// What the server is started with beside its port and folder.
pub const SETTINGS: &str = "--bind 127.0.0.1 --save '' --appendonly no --io-threads 1";

/// When the append-only file is written to the disk.
#[derive(Clone, Copy)]
pub enum Fsync {
    EverySecond,
    Always,
}

impl Fsync {
    pub fn name(self) -> &'static str {
        match self {
            Self::EverySecond => "everysec",
            Self::Always => "always",
        }
    }
}

pub struct Server {
    pub port: u16,
    pub folder: TempDir,
    connection: MultiplexedConnection,
    _child: Child,
}

/// What a measurement cost the server.
#[derive(Clone, Copy)]
pub struct Usage {
    cpu_us: f64,
}

impl Server {
    pub async fn start() -> Outcome<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target");
        std::fs::create_dir_all(&target)?;
        let folder = TempDir::with_prefix_in("bench-queue-", target)?;
        let child = Command::new("redis-server")
            .args(SETTINGS.split(' ').map(|word| if word == "''" { "" } else { word }))
            .args(["--port", &port.to_string(), "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("redis-server does not start: {error}"))?;
        let connection = connect(port).await?;
        Ok(Self { port, folder, connection, _child: child })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Outcome<T> {
        Ok(command.query_async(&mut self.connection.clone()).await?)
    }

    pub async fn info(&self, section: &str, field: &str) -> Outcome<String> {
        let text: String = self.ask(cmd("INFO").arg(section)).await?;
        let value = text.lines().find_map(|line| line.trim_end().strip_prefix(field)?.strip_prefix(':'));
        Ok(value.ok_or_else(|| format!("INFO {section} has no {field}"))?.to_owned())
    }

    pub async fn used_memory(&self) -> Outcome<f64> {
        Ok(self.info("memory", "used_memory").await?.parse()?)
    }

    /// The start of a measurement of the main thread's CPU time.
    pub async fn usage(&self) -> Outcome<Usage> {
        Ok(Usage { cpu_us: self.cpu_us().await? })
    }

    /// Microseconds of the main thread since then.
    pub async fn used_us(&self, since: Usage) -> Outcome<f64> {
        Ok(self.cpu_us().await? - since.cpu_us)
    }

    async fn cpu_us(&self) -> Outcome<f64> {
        let user: f64 = self.info("cpu", "used_cpu_user_main_thread").await?.parse()?;
        let system: f64 = self.info("cpu", "used_cpu_sys_main_thread").await?.parse()?;
        Ok((user + system) * 1e6)
    }

    pub async fn flush(&self) -> Outcome<()> {
        self.ask(&cmd("FLUSHALL")).await
    }

    pub async fn append_only(&self, fsync: Option<Fsync>) -> Outcome<()> {
        if let Some(fsync) = fsync {
            let () = self.ask(cmd("CONFIG").arg("SET").arg("appendfsync").arg(fsync.name())).await?;
        }
        let word = if fsync.is_some() { "yes" } else { "no" };
        let () = self.ask(cmd("CONFIG").arg("SET").arg("appendonly").arg(word)).await?;
        while self.info("persistence", "aof_rewrite_in_progress").await? != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

async fn connect(port: u16) -> Outcome<MultiplexedConnection> {
    let client = Client::open(format!("redis://127.0.0.1:{port}/0"))?;
    // Forgetting millions of jobs takes the server a while.
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(120)));
    for _ in 0..100 {
        if let Ok(connection) = client.get_multiplexed_async_connection_with_config(&config).await {
            return Ok(connection);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("redis-server does not answer".into())
}
