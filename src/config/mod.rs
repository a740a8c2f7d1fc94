//! The configuration: its shape. Defaults and the manual are one file, `config.default.toml`, which is the first layer.

pub mod dns;
mod engine;
mod env;
mod load;
mod nearest;
mod units;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

pub use engine::Engine;
pub use env::Environment;
pub use load::{Flags, load};
pub use nearest::did_you_mean;
pub use units::{Bytes, Span};

/// The manual, and the defaults.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// A configuration that cannot be used; the text says where it came from and how to mend it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// Everything an operator decides about a process. Not `Debug`: it carries secrets.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The process.
    pub server: Server,
    /// Jobs that wait.
    pub queue: Queue,
    /// Integrations, keys and history.
    pub catalog: Catalog,
    /// Runs under way.
    pub runs: Runs,
    /// Runs that are over.
    pub history: History,
    /// Events that came in.
    pub events: Events,
    /// What scripts may reach.
    pub egress: Egress,
    /// Where npm packages come from.
    pub packages: Packages,
    /// What a client may send or hold open.
    pub limits: Limits,
    /// Stored secrets.
    pub secrets: Secrets,
    /// `TIDEGATE_SECRET_<NAME>`: secrets of the environment, for the whole workspace.
    #[serde(skip)]
    pub environment_secrets: BTreeMap<String, String>,
    /// `TIDEGATE_MASTER_KEY`: the master key, in the place of its file.
    #[serde(skip)]
    pub master_key: Option<String>,
    /// `TIDEGATE_ADMIN_KEY`: the first admin key.
    #[serde(skip)]
    pub admin_key: Option<String>,
}

/// The process.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// The folder for everything that is stored.
    pub data: PathBuf,
    /// What this process does.
    pub roles: Vec<Role>,
    /// How long running jobs may take to finish after SIGTERM.
    pub grace: Span,
    /// For people or for collectors.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log_level: String,
    /// Who may read `/metrics` without an API key.
    pub metrics: Metrics,
}

/// Who may read `/metrics` without an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metrics {
    /// Clients on this machine.
    Loopback,
    /// Everybody who reaches the listener.
    Anyone,
    /// Nobody.
    Nobody,
}

/// One thing a process can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers HTTP.
    Api,
    /// Runs what is due.
    Worker,
    /// Fires schedules and tidies up.
    Scheduler,
}

/// How the process's own log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object per line.
    Json,
}

/// Jobs that wait.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Where they wait.
    pub engine: Engine,
    /// Redis: what all keys begin with.
    pub prefix: String,
    /// Redis: into how many partitions a new queue is divided; 0 is as many as fit.
    pub partitions: usize,
    /// How many may wait.
    pub max_jobs: u64,
    /// How long a worker owns one without renewing it.
    pub lease: Span,
    /// How far ahead one may be scheduled.
    pub horizon: Span,
}

/// Integrations, keys and history.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Where they are stored.
    pub engine: String,
}

/// Runs under way.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// How many at once; 0 is eight per processor.
    pub concurrency: usize,
    /// In how many runner processes; 0 is one per processor.
    pub runners: usize,
    /// How far they are kept from each other.
    pub isolation: Isolation,
    /// Whether scripts are jailed.
    pub sandbox: Sandbox,
    /// How long `execute` waits.
    pub sync_wait: Span,
}

/// Whether scripts are jailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sandbox {
    /// The program does not start where they cannot be.
    On,
    /// They run with the rights of the program.
    Off,
}

/// How far runs are kept from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Runners are shared by the runs of one workspace.
    Warm,
    /// A process for every run.
    PerRun,
}

/// Runs that are over.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The oldest that is kept.
    pub max_age: Span,
    /// How many are kept.
    pub max_runs: u64,
    /// How much space they may fill.
    pub max_bytes: Bytes,
    /// The oldest dead job that is kept.
    pub dead_max_age: Span,
    /// How many dead jobs are kept.
    pub dead_keep: u64,
}

/// Events that came in.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// The oldest that is kept.
    pub keep: Span,
    /// How much space they may fill.
    pub max_bytes: Bytes,
    /// Redis: the stream that they are read from; empty is none.
    pub stream: String,
}

/// What scripts may reach.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Address ranges and ports that are opened, as `CIDR:port`.
    pub allow: Vec<String>,
    /// The HTTP proxies that an integration's settings may name.
    pub proxies: Vec<String>,
    /// The DNS servers that are asked for scripts' names, as `address` or `address:port`; none is the system's resolver.
    pub dns: Vec<String>,
}

/// Stored secrets.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The file of the master key; empty is `master.key` in the data folder.
    pub master_key_file: PathBuf,
}

/// Where npm packages come from.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// The registry.
    pub registry: String,
    /// The variable with its token, if it needs one.
    pub token_env: String,
    /// The secret of the workspace that holds it, instead.
    pub token_secret: String,
    /// The registries of scopes.
    pub registries: BTreeMap<String, Scoped>,
    /// Hosts besides the registries' that tarballs may come from.
    pub hosts: Vec<String>,
    /// Address ranges and ports that registries may be at, as `CIDR:port`.
    pub allow: Vec<String>,
    /// A file with certificates of private authorities; empty is none.
    pub ca: PathBuf,
    /// Younger versions are not chosen.
    pub minimum_age: Span,
    /// How much space what is kept may take.
    pub cache: Bytes,
    /// The bundler; empty is one that is fetched.
    pub esbuild: PathBuf,
}

/// The registry of a scope.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scoped {
    /// Its address.
    pub url: String,
    /// The variable with its token.
    #[serde(default)]
    pub token_env: String,
    /// The secret of the workspace that holds it, instead.
    #[serde(default)]
    pub token_secret: String,
}

/// What a client may send or hold open.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Open event streams.
    pub streams: usize,
    /// The body that saves an integration.
    pub integration_body: Bytes,
    /// How long a body may take.
    pub body_read: Span,
}
