//! The program put together: services built once, the API and the work loops in one set of tasks, one way to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use schedules::SystemClock;
use store::catalog::{EventRetention, Retention};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use workers::gateway::{Opening, Proxy, ProxyError, check_domain};
use workers::packages::{self, RegistryOptions, Token};
use workers::queue::{self, Location, Remote};
use workers::secrets::KeySource;
use workers::{Observer, Options, Roles, Services, runners};

use crate::cli::Failure;
use crate::config::{self, Config, Engine, Role};
use crate::metrics::Metrics;
use crate::{echo, http};

/// The one workspace there is.
const WORKSPACE: &str = "default";

/// A program that is about to run.
pub struct App {
    /// The engine.
    pub services: Services,
    /// Where the API listens, if it does.
    pub address: Option<SocketAddr>,
    /// The first admin key, when it was made just now.
    pub admin_key: Option<String>,
    listener: Option<TcpListener>,
    metrics: Metrics,
    tasks: JoinSet<Result<(), Failure>>,
    stop: CancellationToken,
}

impl App {
    /// Opens the stores and the listener. Nothing is served yet, so that there is time to deploy.
    pub async fn open(config: &Config, openings: Vec<Opening>, stop: CancellationToken) -> Result<Self, Failure> {
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), Some(config.server.data.clone()))
            .map_err(|error| Failure::new(error.to_string()))?;
        let observers: Vec<Arc<dyn Observer>> = vec![Arc::new(metrics.clone())];
        let services = services(config, openings, observers).await?;
        if config.runs.sandbox == config::Sandbox::Off {
            tracing::warn!("runs.sandbox is off: scripts run without a jail, with the rights of this program");
        }
        let listener = match config.server.roles.contains(&Role::Api) {
            true => Some(listen(config.server.listen).await?),
            false => None,
        };
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        address.into_iter().for_each(|address| services.gateway.protect(address));
        protect_queue(config, &services).await;
        let admin_key = http::auth::ensure_admin_key(&services, config.admin_key.clone()).await?;
        Ok(Self { services, address, admin_key, listener, metrics, tasks: JoinSet::new(), stop })
    }

    /// Also answers as the echo server.
    pub fn echo(&mut self, listener: TcpListener) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move { Ok(echo::serve(listener, stop).await?) });
    }

    /// Starts the API and the work loops.
    pub fn start(&mut self, config: &Config) {
        if let Some(listener) = self.listener.take() {
            let serving = http::serve(listener, self.state(config), self.stop.clone());
            self.tasks.spawn(async move { Ok(serving.await?) });
        }
        let has = |role| config.server.roles.contains(&role);
        let roles = Roles { api: has(Role::Api), worker: has(Role::Worker), scheduler: has(Role::Scheduler) };
        let work = workers::work(self.services.clone(), roles, self.stop.clone(), config.server.grace.duration());
        self.tasks.spawn(async move { Ok(work.await?) });
    }

    /// Waits until everything has settled. The first task that fails stops the others.
    pub async fn finish(mut self) -> Result<(), Failure> {
        let mut result = Ok(());
        while let Some(task) = self.tasks.join_next().await {
            let task = task.unwrap_or_else(|error| Err(Failure::new(format!("a part of the program broke: {error}"))));
            if task.is_err() {
                self.stop.cancel();
            }
            result = result.and(task);
        }
        result
    }

    fn state(&self, config: &Config) -> http::State {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let limits = http::Limits {
            connections: config.limits.connections,
            streams: config.limits.streams,
            integration_body_bytes: size(config.limits.integration_body.0),
            body_read: config.limits.body_read.duration(),
            drain: config.server.grace.duration().max(Duration::from_secs(1)),
            ..http::Limits::default()
        };
        let state = http::State::new(self.services.clone(), self.metrics.clone(), env!("CARGO_PKG_VERSION"));
        let mut state = state.with_limits(limits);
        state.metrics_access = match config.server.metrics {
            config::Metrics::Loopback => http::MetricsAccess::Loopback,
            config::Metrics::Anyone => http::MetricsAccess::Anyone,
            config::Metrics::Nobody => http::MetricsAccess::KeyOnly,
        };
        state
    }
}

/// Closes the servers of the queue to scripts, as far as their names can be looked up now.
async fn protect_queue(config: &Config, services: &Services) {
    let Engine::Redis(redis) = &config.queue.engine else { return };
    for (host, port) in redis.servers() {
        match tokio::net::lookup_host((host.as_str(), port)).await {
            Ok(found) => found.for_each(|address| services.gateway.protect(address)),
            Err(error) => {
                tracing::warn!(host, %error, "this server of the queue cannot be looked up to close it to scripts")
            }
        }
    }
}

/// Listens on `address`, and says who to look for when another program does.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::new(format!("cannot listen on {address}: {error}"));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                failure.help("another program uses this port: stop it, or choose another one")
            }
            _ => failure,
        }
    })
}

/// The engine, once a script can run in it.
pub async fn services(
    config: &Config,
    openings: Vec<Opening>,
    observers: Vec<Arc<dyn Observer>>,
) -> Result<Services, Failure> {
    let services = Services::open(options(config, openings)?, Arc::new(SystemClock), observers).await?;
    services.runners.prove().await.map_err(|error| {
        let failure = Failure::new(error.to_string());
        match error {
            runners::NotReady::NoJail => failure.help(
                "it needs Linux 4.14 or newer with seccomp. Where all scripts are your own, runs.sandbox = \"off\" (or \
                 TIDEGATE_SANDBOX=off) runs them without it",
            ),
            _ => failure,
        }
    })?;
    Ok(services)
}

/// What the operator set, as the engine takes it.
pub fn options(config: &Config, mut openings: Vec<Opening>) -> Result<Options, Failure> {
    for text in &config.egress.allow {
        openings.push(
            opening(text)
                .map_err(|failure| Failure { message: format!("egress.allow: {}", failure.message), ..failure })?,
        );
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let or = |set: usize, default: usize| if set == 0 { default } else { set };
    Ok(Options {
        data: config.server.data.clone(),
        queue: queue(config),
        workspace: WORKSPACE.to_owned(),
        runner: runners::Command::this_program(config.runs.sandbox == config::Sandbox::On)?,
        concurrency: or(config.runs.concurrency, 8 * processors),
        runners: or(config.runs.runners, processors),
        isolation: match config.runs.isolation {
            config::Isolation::Warm => runners::Isolation::Warm,
            config::Isolation::PerRun => runners::Isolation::PerRun,
        },
        lease_ms: u32::try_from(config.queue.lease.ms).unwrap_or(u32::MAX),
        horizon_ms: config.queue.horizon.signed_ms(),
        sync_wait_ms: config.runs.sync_wait.ms,
        openings,
        packages: packages(config)?,
        proxies: proxies(&config.egress.proxies)?,
        dns: config::dns::servers(&config.egress.dns).map_err(Failure::usage)?,
        secrets: config.environment_secrets.clone(),
        master_key: master_key(config),
        retention: Retention {
            max_age_ms: config.history.max_age.ms,
            max_count: config.history.max_runs,
            max_bytes: config.history.max_bytes.0,
        },
        event_retention: EventRetention { max_age_ms: config.events.keep.ms, max_bytes: config.events.max_bytes.0 },
        dead_max_age_ms: config.history.dead_max_age.signed_ms(),
        dead_keep: config.history.dead_keep,
    })
}

/// Where packages come from. A token is in a variable of its own or a stored secret, so that no file holds it.
fn packages(config: &Config) -> Result<packages::Options, Failure> {
    let (sandbox, config) = (config.runs.sandbox, &config.packages);
    let registry = |key: &str, url: &str, token_env: &str, token_secret: &str| {
        let token = match (token_env, token_secret) {
            ("", "") => None,
            ("", name) => Some(Token::Secret(name.to_owned())),
            (name, "") => Some(Token::Text(std::env::var(name).map_err(|_| {
                Failure::usage(format!("{key}: the environment variable {name}, which token_env names, is not set"))
            })?)),
            _ => {
                return Err(Failure::usage(format!(
                    "{key}: a token comes from token_env or from token_secret, not both"
                )));
            }
        };
        RegistryOptions::parse(url, token).map_err(|error| Failure::usage(format!("{key}: {error}")))
    };
    let mut options = packages::Options::new(registry(
        "packages.registry",
        &config.registry,
        &config.token_env,
        &config.token_secret,
    )?);
    for (scope, its) in &config.registries {
        let key = format!("packages.registries.{scope}");
        if !scope.starts_with('@') || scope.len() < 2 {
            return Err(Failure::usage(format!("{key}: a scope begins with @, such as \"@acme\"")));
        }
        options.scoped.insert(scope.clone(), registry(&key, &its.url, &its.token_env, &its.token_secret)?);
    }
    for text in &config.allow {
        let open = opening(text);
        options.openings.push(
            open.map_err(|failure| Failure { message: format!("packages.allow: {}", failure.message), ..failure })?,
        );
    }
    for host in &config.hosts {
        check_domain(host).map_err(|error| Failure::usage(format!("packages.hosts: {error}")))?;
    }
    if !config.ca.as_os_str().is_empty() {
        options.extra_roots_pem = std::fs::read_to_string(&config.ca)
            .map_err(|error| Failure::usage(format!("packages.ca: {} cannot be read: {error}", config.ca.display())))?;
    }
    options.hosts = config.hosts.clone();
    options.minimum_age_ms = config.minimum_age.ms;
    options.cache_bytes = config.cache.0;
    if sandbox == config::Sandbox::On {
        options.confiner = Some(runners::Command::this_program(true)?.program);
    }
    options.esbuild = (!config.esbuild.as_os_str().is_empty()).then(|| config.esbuild.clone());
    Ok(options)
}

/// Where the master key is.
pub fn master_key(config: &Config) -> KeySource {
    match &config.master_key {
        Some(text) => KeySource::Given(text.clone()),
        None if config.secrets.master_key_file.as_os_str().is_empty() => {
            KeySource::File(config.server.data.join("master.key"))
        }
        None => KeySource::File(config.secrets.master_key_file.clone()),
    }
}

/// The queue the operator chose.
pub fn queue(config: &Config) -> queue::Options {
    let location = match &config.queue.engine {
        Engine::Embedded => Location::Embedded(config.server.data.join("queue.db")),
        Engine::Redis(redis) => Location::Redis(Box::new(Remote {
            config: (**redis).clone(),
            prefix: config.queue.prefix.clone(),
            partitions: config.queue.partitions,
            stream: stream(&config.events.stream, &config.queue.prefix),
        })),
    };
    queue::Options { location, max_jobs: config.queue.max_jobs }
}

/// The stream that events are read from; none if its name is empty.
fn stream(name: &str, prefix: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.replace("{prefix}", prefix))
}

fn proxies(texts: &[String]) -> Result<Vec<Proxy>, Failure> {
    let read = |(at, text): (usize, &String)| {
        text.parse().map_err(|error: ProxyError| Failure::usage(format!("egress.proxies: entry {} {error}", at + 1)))
    };
    texts.iter().enumerate().map(read).collect::<Result<_, _>>()
}

/// Reads `CIDR:port`.
pub fn opening(text: &str) -> Result<Opening, Failure> {
    text.parse().map_err(|error: workers::gateway::OpeningError| Failure::usage(error.to_string()))
}

/// Opens exactly one address, such as the echo server's.
pub fn opening_of(address: SocketAddr) -> Result<Opening, Failure> {
    match address {
        SocketAddr::V4(v4) => opening(&format!("{}/32:{}", v4.ip(), v4.port())),
        SocketAddr::V6(v6) => opening(&format!("[{}]/128:{}", v6.ip(), v6.port())),
    }
}
