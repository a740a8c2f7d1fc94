//! Everything wired once: the parts that calls, runs and duties share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use schedules::Clock;
use store::Engine;
use store::catalog::{Catalog, EventRetention, Retention};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cache::Cache;
use crate::clock::StoreClock;
use crate::duties::Agreed;
use crate::events::{EventLog, EventStream, SubscriptionBook};
use crate::gateway::{self, Gateway};
use crate::packages::{self, Packages};
use crate::queue::{self, Opened};
use crate::runners::{self, Pool, Room};
use crate::secrets::{KeySource, Secrets};
use crate::timetable::Book;
use crate::worker::leases::Leases;
use crate::worker::record::Recorder;
use crate::{Directory, Error, Events, Live, Observer, Result};

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where `catalog.db` lives; made if it does not exist.
    pub data: PathBuf,
    /// The queue.
    pub queue: queue::Options,
    /// The workspace.
    pub workspace: String,
    /// How to start a runner.
    pub runner: runners::Command,
    /// At most this many runs at once.
    pub concurrency: usize,
    /// About this many runner processes, each with many runs.
    pub runners: usize,
    /// How far runs are kept from each other.
    pub isolation: runners::Isolation,
    /// How long a lease lasts unless renewed; it is renewed three times as often.
    pub lease_ms: u32,
    /// How far ahead a job may be scheduled.
    pub horizon_ms: i64,
    /// How long a waiting execute call waits at most.
    pub sync_wait_ms: u64,
    /// What scripts may reach beyond the public internet.
    pub openings: Vec<gateway::Opening>,
    /// Where npm packages come from.
    pub packages: packages::Options,
    /// The proxies that settings may name.
    pub proxies: Vec<gateway::Proxy>,
    /// The DNS servers that are asked for scripts' names; none is the system's resolver.
    pub dns: Vec<SocketAddr>,
    /// Secrets of the process's environment: defaults of the whole workspace.
    pub secrets: BTreeMap<String, String>,
    /// Where the master key of stored secrets is.
    pub master_key: KeySource,
    /// How much of the history of runs is kept.
    pub retention: Retention,
    /// How much of the event log is kept.
    pub event_retention: EventRetention,
    /// Dead jobs are forgotten after this time.
    pub dead_max_age_ms: i64,
    /// Of one integration, at most this many dead jobs are kept.
    pub dead_keep: u64,
}

#[cfg(feature = "situations")]
impl Options {
    /// Small, and on its own: what tests and benchmarks begin with. Nothing can run, as there is no runner program.
    pub fn small(data: &std::path::Path, location: queue::Location) -> Self {
        let registry = packages::RegistryOptions::parse("http://127.0.0.1:1", None).expect("an address");
        Self {
            data: data.to_owned(),
            queue: queue::Options { location, max_jobs: 10_000 },
            workspace: "default".into(),
            runner: runners::Command { program: "/nonexistent/runner".into(), args: Vec::new() },
            concurrency: 1,
            runners: 1,
            isolation: runners::Isolation::Warm,
            lease_ms: 30_000,
            horizon_ms: 10 * 366 * 86_400_000,
            sync_wait_ms: 30_000,
            openings: Vec::new(),
            packages: packages::Options::new(registry),
            proxies: Vec::new(),
            dns: Vec::new(),
            secrets: BTreeMap::new(),
            master_key: KeySource::File(data.join("master.key")),
            retention: Retention { max_age_ms: u64::MAX / 4, max_count: 10_000, max_bytes: 1 << 30 },
            event_retention: EventRetention { max_age_ms: u64::MAX / 4, max_bytes: 1 << 30 },
            dead_max_age_ms: i64::MAX / 4,
            dead_keep: 1_000,
        }
    }
}

/// The parts; cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Parts>);

/// What [`Services`] share.
pub struct Parts {
    /// What the operator set.
    pub options: Options,
    /// The clock that due times and records go by: the store's, if it has one.
    pub clock: Arc<dyn Clock>,
    /// The queue.
    pub queue: Engine,
    /// The catalog.
    pub catalog: Catalog,
    /// The integrations, in memory.
    pub directory: Directory,
    /// The runner processes.
    pub runners: Pool,
    /// How many runs there may be at once.
    pub(crate) room: Room,
    /// Who is told what happens.
    pub events: Events,
    /// The running runs.
    pub live: Live,
    /// The outgoing HTTP client.
    pub gateway: Gateway,
    /// The installer and bundler of npm packages.
    pub packages: Packages,
    /// The cache of scripts.
    pub cache: Cache,
    /// The secrets.
    pub secrets: Secrets,
    /// Whether the master key was made just now, so that there is no copy of it yet.
    pub master_key_made: bool,
    pub(crate) recorder: Recorder,
    pub(crate) leases: Leases,
    pub(crate) book: Book,
    pub(crate) subscriptions: SubscriptionBook,
    pub(crate) event_log: EventLog,
    /// The stream that events are read from, if there is one.
    pub event_stream: Option<EventStream>,
    pub(crate) agreed: Agreed,
    /// The clock, if it is the store's: a duty keeps it so.
    pub(crate) store_clock: Option<Arc<StoreClock>>,
    /// One change of a release or a pause at a time: each is several steps in two stores.
    pub(crate) authoring: Mutex<()>,
    pub(crate) previews: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Deref for Services {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Services {
    /// Opens the stores and wires the parts. Nothing runs yet: see [`crate::work`].
    pub async fn open(options: Options, clock: Arc<dyn Clock>, observers: Vec<Arc<dyn Observer>>) -> Result<Self> {
        std::fs::create_dir_all(&options.data)
            .map_err(|error| Error::Unavailable(format!("cannot make {}: {error}", options.data.display())))?;
        let Opened { queue, clock, store_clock } = queue::open(&options.queue, clock).await?;
        let catalog = Catalog::open(&options.data.join("catalog.db")).await?;
        let (environment, master_key) = (options.secrets.clone(), options.master_key.clone());
        let (secrets, master_key_made) =
            Secrets::open(catalog.clone(), options.workspace.clone(), environment, master_key).await?;
        let events = Events::new(observers);
        let live = Live::default();
        let leases = Leases::default();
        let gateway = Gateway::new(gateway::Config {
            openings: options.openings.clone(),
            proxies: options.proxies.clone(),
            dns: options.dns.clone(),
            ..gateway::Config::default()
        })
        .map_err(|error| Error::Unavailable(error.to_string()))?;
        let tokens = {
            let secrets = secrets.clone();
            Arc::new(move |name: &str| secrets.of_workspace(name))
        };
        Ok(Self(Arc::new(Parts {
            recorder: Recorder::start(catalog.clone(), queue.clone(), events.clone(), live.clone(), leases.clone()),
            directory: Directory::load(catalog.clone()).await?,
            runners: Pool::new(options.runner.clone(), options.runners, options.isolation, events.clone()),
            room: Room::new(options.concurrency),
            packages: Packages::new(options.packages.clone(), tokens, &options.data, clock.clone())?,
            cache: Cache::beside(&queue, clock.clone()),
            book: Book::default(),
            subscriptions: SubscriptionBook::default(),
            event_log: EventLog::start(catalog.clone()),
            event_stream: EventStream::beside(&queue, &options.queue),
            agreed: Agreed::default(),
            store_clock,
            authoring: Mutex::default(),
            previews: TaskTracker::new(),
            stop: CancellationToken::new(),
            options,
            clock,
            queue,
            catalog,
            events,
            live,
            gateway,
            secrets,
            master_key_made,
            leases,
        })))
    }

    /// Ends previews and writes what is still to be recorded; to be called last.
    pub async fn close(&self) {
        self.stop.cancel();
        self.previews.close();
        self.previews.wait().await;
        self.recorder.flush().await;
    }
}

/// Takes the steps of a change to their end, even if the caller goes away half-way, as one over HTTP may.
pub(crate) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let broken = |error| Err(Error::Unavailable(format!("a change broke off: {error}")));
    tokio::spawn(change).await.unwrap_or_else(broken)
}
