//! A primary with a replica, and three sentinels that watch them and promote.

use std::fs;

use redis::RedisResult;
use tempfile::TempDir;

use super::admin;
use super::patience::Patience;
use super::port::Port;
use super::process::{Process, tied};
use super::redis::{Options, Server, talk_to};

/// How many sentinels watch; two of them must agree.
const SENTINELS: usize = 3;
/// How often sentinels talk to each other and ask the servers; by themselves, every 2 s and every 10 s.
const PERIOD_MS: &str = "200";

/// Two servers and their sentinels, all running.
#[derive(Debug)]
pub struct Sentinels {
    servers: [Server; 2],
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    _process: Process,
    port: Port,
    _folder: TempDir,
}

impl Sentinels {
    /// What clients ask the sentinels for.
    pub const NAME: &str = "tidegate";

    /// Starts all, and waits until each sentinel knows every other and both servers.
    pub async fn start() -> Self {
        Self::start_with(&Options::default()).await
    }

    /// The same, both servers with these options.
    pub async fn start_with(options: &Options) -> Self {
        let primary = Server::start(options.clone()).await;
        let replica = Server::start(replica_options(options, primary.port())).await;
        let patience = Patience::with("the replica to have the primary's data");
        while !replica.is_linked().await {
            patience.wait().await;
        }
        let mut sentinels = Vec::new();
        for _ in 0..SENTINELS {
            sentinels.push(Sentinel::start(primary.port()).await);
        }
        for sentinel in &sentinels {
            let patience = Patience::with("a sentinel to know all");
            while !sentinel.knows_all().await {
                patience.wait().await;
            }
        }
        Self { servers: [primary, replica], sentinels }
    }

    /// How clients name the sentinels.
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(|sentinel| admin::url(sentinel.port.number())).collect()
    }

    /// The two servers; whose turn it is to be the primary, the sentinels know.
    pub fn servers(&self) -> &[Server; 2] {
        &self.servers
    }

    /// A server, to pause it or to start it again.
    pub fn server_mut(&mut self, number: usize) -> &mut Server {
        &mut self.servers[number]
    }

    /// The primary's port, once all sentinels say the same and the server says it too.
    pub async fn primary_port(&self) -> u16 {
        self.primary_but(None).await
    }

    /// SIGKILL for the primary; gives its number among the servers.
    pub async fn kill_primary(&mut self) -> usize {
        let port = self.primary_port().await;
        let number = self.servers.iter().position(|server| server.port() == port).expect("it is one of ours");
        self.servers[number].kill();
        number
    }

    /// Asks for another primary, as an operator does, and waits for it; gives its port.
    pub async fn failover(&self) -> u16 {
        let before = self.primary_port().await;
        self.sentinels[0].ask::<()>(&["SENTINEL", "FAILOVER", Self::NAME]).await.expect("a failover is possible");
        self.primary_but(Some(before)).await
    }

    async fn primary_but(&self, before: Option<u16>) -> u16 {
        let patience = Patience::with("the sentinels to agree on a primary");
        loop {
            match self.agreed().await {
                Some(port) if Some(port) != before => return port,
                _ => patience.wait().await,
            }
        }
    }

    async fn agreed(&self) -> Option<u16> {
        let mut ports = Vec::new();
        for sentinel in &self.sentinels {
            let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::NAME];
            let (_, port): (String, u16) = sentinel.ask(&words).await.ok()?;
            ports.push(port);
        }
        let port = ports[0];
        let server = self.servers.iter().find(|server| server.port() == port && server.is_awake())?;
        (ports.iter().all(|other| *other == port) && server.is_primary().await).then_some(port)
    }
}

impl Sentinel {
    async fn start(primary: u16) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = Port::claim();
        let file = folder.path().join("sentinel.conf");
        fs::write(&file, config(port.number(), primary)).expect("the configuration can be written");
        let mut command = tied("redis-server");
        command.arg(&file).arg("--sentinel").current_dir(folder.path());
        let log = talk_to(&mut command, folder.path());
        let mut process = Process::start(command).expect("a sentinel can be started");
        let ready = admin::ready(port.number(), &mut process, &log).await;
        ready.unwrap_or_else(|log| panic!("a sentinel does not start; it said:\n{log}"));
        let sentinel = Self { _process: process, port, _folder: folder };
        sentinel.hurry().await;
        sentinel
    }

    async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        admin::ask(self.port.number(), words).await
    }

    /// Shortens its periods. Redis 7 can do that; with others, a start takes its time.
    async fn hurry(&self) {
        let words =
            ["SENTINEL", "DEBUG", "info-period", PERIOD_MS, "publish-period", PERIOD_MS, "ask-period", PERIOD_MS];
        self.ask::<()>(&words).await.ok();
    }

    async fn knows_all(&self) -> bool {
        let info: String = self.ask(&["INFO", "sentinel"]).await.unwrap_or_default();
        info.contains("status=ok,") && info.contains(&format!("slaves=1,sentinels={SENTINELS}"))
    }
}

fn replica_options(options: &Options, primary: u16) -> Options {
    let mut options = options.clone();
    options.extra.push(("replicaof".to_owned(), format!("127.0.0.1 {primary}")));
    options
}

fn config(port: u16, primary: u16) -> String {
    let name = Sentinels::NAME;
    format!(
        "port {port}\n\
         bind 127.0.0.1\n\
         sentinel monitor {name} 127.0.0.1 {primary} 2\n\
         sentinel down-after-milliseconds {name} 1000\n\
         sentinel failover-timeout {name} 3000\n"
    )
}
