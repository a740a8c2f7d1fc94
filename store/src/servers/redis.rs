//! One Redis server of a test's own, that can be killed, paused and started again on its data.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::admin;
use super::faketime::FakeClock;
use super::patience::Patience;
use super::port::Port;
use super::process::{Process, tied};

/// How often a start is tried, each time on another port.
const TRIES: usize = 5;
/// Its settings; kept over a restart, with what the server itself writes there.
const CONFIG: &str = "redis.conf";

/// When the append-only file is written through to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before each answer.
    Always,
    /// Once a second.
    Everysec,
}

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keep an append-only file, and write it through then; without one, a restart is a loss of everything.
    pub appendfsync: Option<Fsync>,
    /// The most bytes of data.
    pub maxmemory: Option<u64>,
    /// What happens beyond them, such as `noeviction`.
    pub policy: Option<String>,
    /// Whether its clock can [jump](Server::jump).
    pub fake_time: bool,
    /// More settings, as in `redis.conf`.
    pub extra: Vec<(String, String)>,
}

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    process: Process,
    port: Port,
    folder: TempDir,
    clock: Option<FakeClock>,
}

impl Server {
    /// Starts one with nothing in it, and waits until it answers.
    pub async fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = options.fake_time.then(|| FakeClock::new(folder.path()));
        let mut said = String::new();
        for _ in 0..TRIES {
            let port = Port::claim();
            fs::write(folder.path().join(CONFIG), config(&options, port.number())).expect("a file can be written");
            match launch(&port, folder.path(), clock.as_ref()).await {
                Ok(process) => return Self { process, port, folder, clock },
                Err(log) => said = log,
            }
        }
        panic!("redis-server does not start; it said:\n{said}");
    }

    /// How clients name it: `redis://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        admin::url(self.port())
    }

    /// Its port on 127.0.0.1; the same after a restart.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its data; what it says is in `log`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether it was neither killed nor paused.
    pub fn is_awake(&self) -> bool {
        self.process.is_awake()
    }

    /// A connection of its own; answers may take 10 s.
    pub async fn connection(&self) -> MultiplexedConnection {
        admin::connect(self.port()).await.expect("the server can be connected to")
    }

    /// The answer to a command, on a connection of its own.
    pub async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).await.unwrap_or_else(|error| panic!("{}: {error}", words.join(" ")))
    }

    /// The answer to a command that may fail.
    pub async fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        admin::ask(self.port(), words).await
    }

    /// Answers nobody for this long.
    pub async fn client_pause(&self, ms: u64) {
        self.ask::<()>(&["CLIENT", "PAUSE", &ms.to_string(), "ALL"]).await;
    }

    /// Forgets all scripts, as a restart and a failover do.
    pub async fn script_flush(&self) {
        self.ask::<()>(&["SCRIPT", "FLUSH", "SYNC"]).await;
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        self.process.kill();
        self.bury();
    }

    /// SIGTERM, and waits until it is gone.
    pub async fn stop(&mut self) {
        self.process.terminate();
        let patience = Patience::with("a server to end");
        while !self.process.has_ended() {
            patience.wait().await;
        }
        self.bury();
    }

    /// SIGSTOP: it keeps its connections, and does nothing.
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// SIGCONT.
    pub fn resume(&mut self) {
        self.process.resume();
    }

    /// Starts it again on its port and its data, and waits until it answers. If it runs, it is stopped first.
    pub async fn restart(&mut self) {
        if !self.process.has_ended() {
            self.stop().await;
        }
        let launched = launch(&self.port, self.folder.path(), self.clock.as_ref()).await;
        self.process = launched.unwrap_or_else(|log| panic!("redis-server does not start again; it said:\n{log}"));
    }

    /// Moves its wall clock by this many seconds, forward or back. Its timers go on as they were.
    pub fn jump(&mut self, seconds: i64) {
        self.clock.as_mut().expect("the server was started with `fake_time`").jump(seconds);
    }

    fn bury(&self) {
        self.clock.iter().for_each(|clock| clock.forget(self.process.id()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the process; gives what it said if it ends before it answers.
async fn launch(port: &Port, folder: &Path, clock: Option<&FakeClock>) -> Result<Process, String> {
    let mut command = tied("redis-server");
    command.arg(CONFIG).current_dir(folder).envs(clock.into_iter().flat_map(FakeClock::env));
    let log = talk_to(&mut command, folder);
    let mut process = Process::start(command).expect("redis-server can be started");
    admin::ready(port.number(), &mut process, &log).await?;
    Ok(process)
}

/// Lets the process write to the file `log` in `folder`, after what is there.
pub(super) fn talk_to(command: &mut Command, folder: &Path) -> PathBuf {
    let path = folder.join("log");
    let log = OpenOptions::new().create(true).append(true).open(&path).expect("the log can be written");
    let same = log.try_clone().expect("a file can be shared");
    command.stdin(Stdio::null()).stdout(log).stderr(same);
    path
}

/// The lines of `redis.conf`.
fn config(options: &Options, port: u16) -> String {
    let mut lines = vec![format!("port {port}"), "bind 127.0.0.1".to_owned()];
    // A replica gets its data at once, not when others have had 5 s to ask for it too.
    lines.extend(["databases 1", "save \"\"", "repl-diskless-sync-delay 0"].map(str::to_owned));
    if let Some(fsync) = options.appendfsync {
        lines.extend(["appendonly yes".to_owned(), format!("appendfsync {fsync:?}").to_lowercase()]);
    }
    lines.extend(options.maxmemory.map(|bytes| format!("maxmemory {bytes}")));
    lines.extend(options.policy.iter().map(|policy| format!("maxmemory-policy {policy}")));
    lines.extend(options.extra.iter().map(|(name, value)| format!("{name} {value}")));
    lines.join("\n")
}
