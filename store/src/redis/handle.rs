//! The engine as its callers hold it: the partitions, the connection, the clock.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::Value;
use schedules::rate::LimiterId;
use schedules::{Clock, Millis, Stopwatch};

use super::answer::Answer;
use super::config::Config;
use super::export::Route;
use super::fire::Firings;
use super::link::{Arguments, Link};
use super::script::Script;
use super::wake::Wake;
use super::{answer, warnings};
use crate::{Error, IntegrationId, Result};

/// The longest wait without looking: a message may get lost, and clocks are set.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The most partitions.
pub(super) const MAX_PARTITIONS: usize = 64;
/// How many there are in a cluster unless something else is said.
const CLUSTER_PARTITIONS: usize = 16;
/// The format of what is stored.
const FORMAT: &str = "1";

/// How a queue is opened.
#[derive(Clone)]
pub struct Options {
    /// The most jobs it may hold, in all states; in several partitions, each may hold its part of them.
    pub max_jobs: u64,
    /// What all of its keys begin with: several queues may share a server.
    pub prefix: String,
    /// Into how many partitions a new queue is divided, each on one node of a cluster; 0 is 1, or 16 in a cluster. An
    /// existing queue keeps what it has.
    pub partitions: usize,
    /// For tests: the time, instead of the server's clock.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_jobs: 5_000_000, prefix: "tidegate".into(), partitions: 0, clock: None }
    }
}

/// What is known of a partition from the last claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    /// When its next job is due; `None` if there is none.
    pub(super) next_due: Option<Millis>,
    /// The turn of the one that is ready longest; `None` if none is ready.
    pub(super) turn: Option<f64>,
    /// The changes that were heard of in it before it was asked.
    pub(super) seen: u64,
    /// When it was asked.
    pub(super) asked: Stopwatch,
}

pub(super) struct Partition {
    pub(super) tag: String,
    outlook: Mutex<Option<Outlook>>,
    pub(super) firings: Firings,
}

impl Partition {
    pub(super) fn outlook(&self) -> Option<Outlook> {
        *self.outlook.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget_outlook(&self) {
        *self.outlook.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn set_outlook(&self, outlook: Outlook) {
        *self.outlook.lock().unwrap_or_else(PoisonError::into_inner) = Some(outlook);
    }
}

/// A queue in Redis; clones are handles to the same queue.
///
/// A handle remembers what its last claim saw, for `wait`: tasks that claim on their own each want a clone of their own.
pub struct Redis {
    pub(super) shared: Arc<Shared>,
    /// The count of changes before the last claim of this handle.
    seen: AtomicU64,
}

pub(super) struct Shared {
    pub(super) link: Arc<Link>,
    pub(super) options: Options,
    pub(super) partitions: Vec<Partition>,
    pub(super) wake: Arc<Wake>,
    /// The server's time, as it was told last.
    clock: Mutex<Option<(Millis, Stopwatch)>>,
    /// What an export that is under way goes through.
    pub(super) route: Mutex<Option<Arc<Route>>>,
}

impl Redis {
    /// Connects, and makes the queue if there is none under the prefix.
    ///
    /// Errors: `Unavailable` if the server does not answer, `Corrupt` if a later version of the program wrote the queue.
    pub async fn connect(config: Config, options: Options) -> Result<Self> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if options.prefix.is_empty() || options.prefix.len() > 64 || !options.prefix.chars().all(fits) {
            return Err(Error::Unavailable("the prefix of the keys is 1 to 64 letters, digits, dots, - or _".into()));
        }
        let usual = if config.is_cluster() { CLUSTER_PARTITIONS } else { 1 };
        let wanted = if options.partitions == 0 { usual } else { options.partitions.min(MAX_PARTITIONS) };
        let link = Arc::new(Link::new(config));
        warnings::check_version(&link).await?;
        let count = settle_on(&link, &tag(&options.prefix, 0), wanted).await?;
        let tags: Vec<String> = (0..count).map(|number| tag(&options.prefix, number)).collect();
        for tag in &tags {
            settle_on(&link, tag, count).await?;
        }
        let wake = Wake::start(Arc::clone(&link), &tags).await;
        let partitions = tags
            .into_iter()
            .map(|tag| Partition { tag, outlook: Mutex::default(), firings: Firings::default() })
            .collect();
        Ok(Self::new(Arc::new(Shared {
            link,
            options,
            partitions,
            wake,
            clock: Mutex::default(),
            route: Mutex::default(),
        })))
    }

    /// Whether there is a queue under the prefix; makes none.
    pub async fn is_there(config: &Config, prefix: &str) -> Result<bool> {
        let link = Link::new(config.clone());
        warnings::check_version(&link).await?;
        let key = format!("{}:v", tag(prefix, 0));
        Ok(answer::bytes(link.command(redis::cmd("GET").arg(key)).await?)?.is_some())
    }

    /// What about a server's settings may lose jobs, and how to mend it; no queue need be there.
    pub async fn warnings_of(config: &Config) -> Result<Vec<String>> {
        warnings::of(&Link::new(config.clone())).await
    }

    /// A handle that has seen nothing: its first wait returns at once.
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, seen: AtomicU64::new(u64::MAX) }
    }

    /// What about this server's settings may lose jobs, and how to mend it.
    pub async fn warnings(&self) -> Result<Vec<String>> {
        warnings::of(&self.shared.link).await
    }

    /// How many others have this queue open, as far as the server knows that: each handle listens to what it publishes. A
    /// node of a cluster knows those that listen to it.
    pub async fn others(&self) -> Result<u64> {
        let channel = format!("{}:wake", self.partition(0)?.tag);
        let mut found = Answer::new(self.shared.link.command(redis::cmd("PUBSUB").arg("NUMSUB").arg(channel)).await?)?;
        let (_channel, listening) = (found.bytes()?, found.count()?);
        Ok(listening.saturating_sub(1))
    }

    /// Where it is, without credentials.
    pub fn shown(&self) -> &str {
        self.shared.link.config().shown()
    }

    /// What a script's arguments begin with: the clock.
    pub(super) fn arguments(&self) -> Arguments {
        let mut arguments = Arguments::default();
        match &self.shared.options.clock {
            Some(clock) => arguments.number(clock.now().0),
            None => arguments.add(""),
        };
        arguments
    }

    pub(super) async fn call(&self, script: &Script, partition: usize, arguments: &Arguments) -> Result<Value> {
        let partition = self.partition(partition)?;
        self.shared.link.call(script, &partition.tag, arguments).await
    }

    /// The same without much patience, for callers that ask again anyway.
    pub(super) async fn call_soon(&self, script: &Script, partition: usize, arguments: &Arguments) -> Result<Value> {
        let partition = self.partition(partition)?;
        self.shared.link.call_soon(script, &partition.tag, arguments).await
    }

    pub(super) fn partition(&self, number: usize) -> Result<&Partition> {
        let missing = || Error::NotFound { what: format!("partition {number} of the queue") };
        self.shared.partitions.get(number).ok_or_else(missing)
    }

    pub(super) fn partitions(&self) -> usize {
        self.shared.partitions.len()
    }

    /// The partition of an integration: everything of one lives together.
    pub(super) fn partition_of(&self, integration: IntegrationId) -> usize {
        usize::try_from(integration.0.0 % self.partitions() as u128).unwrap_or(0)
    }

    /// The partition in which the buckets of a limiter are charged.
    pub(super) fn home_of(&self, limiter: LimiterId) -> usize {
        usize::try_from(limiter.0 % self.partitions() as u128).unwrap_or(0)
    }

    pub(super) fn saw(&self, changes: u64) {
        self.seen.store(changes, Ordering::SeqCst);
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Remembers what time the server said it is.
    pub(super) fn told_time(&self, now: Millis) {
        *self.shared.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Stopwatch::start()));
    }

    /// The server's time, as far as it is known.
    pub(super) fn about_now(&self) -> Option<Millis> {
        if let Some(clock) = &self.shared.options.clock {
            return Some(clock.now());
        }
        let told = *self.shared.clock.lock().unwrap_or_else(PoisonError::into_inner);
        told.map(|(then, watch)| then.after(i64::try_from(watch.elapsed_ms()).unwrap_or(i64::MAX)))
    }

    /// The server's time.
    pub(super) async fn time(&self) -> Result<Millis> {
        if let Some(clock) = &self.shared.options.clock {
            return Ok(clock.now());
        }
        // TIME has no key, so a cluster would ask any node; a script asks the node whose clock decides.
        let value = self.call(&super::script::time, 0, &self.arguments()).await?;
        let now = Millis(answer::number(&value)?);
        self.told_time(now);
        Ok(now)
    }
}

fn tag(prefix: &str, number: usize) -> String {
    format!("{{{prefix}:{number}}}")
}

/// Makes a partition, or finds it; the number of partitions it was made with.
async fn settle_on(link: &Link, tag: &str, partitions: usize) -> Result<usize> {
    let key = format!("{tag}:v");
    link.command(redis::cmd("SET").arg(&key).arg(format!("{FORMAT} {partitions}")).arg("NX")).await?;
    let value = answer::bytes(link.command(redis::cmd("GET").arg(&key)).await?)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&value).into_owned();
    match text.split_once(' ') {
        Some((FORMAT, count)) => count.parse().map_err(|_| Error::Corrupt(format!("{key} is {text:?}"))),
        _ => {
            Err(Error::Corrupt(format!("{key} is {text:?}: another version of the program wrote it; use that version")))
        }
    }
}

impl Clone for Redis {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.shown()).finish()
    }
}
