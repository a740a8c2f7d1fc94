//! The connection: found again when it is lost, on one server, behind sentinels or in a cluster.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo, RedisError, RedisResult, ServerErrorKind, Value,
};

use super::config::{Config, Place};
use super::script::Script;
use crate::{Error, Result};

/// How long an answer may take: longer than the slowest script, shorter than a caller's patience.
const RESPONSE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);
/// How often a cluster's client follows a slot that has moved before we are told.
const CLUSTER_RETRIES: u32 = 3;
/// The pauses before a call is tried again after the connection was lost or the cluster moved.
const PAUSES_MS: [u64; 6] = [0, 20, 50, 150, 400, 1_000];
/// How many of them a call waits for whose caller asks again anyway, and has other partitions to ask.
const SHORT: usize = 2;

#[derive(Clone)]
enum Wire {
    Node(MultiplexedConnection),
    Cluster(Box<ClusterConnection>),
}

/// The way to the server.
pub(super) struct Link {
    config: Config,
    current: Mutex<Option<(u64, Wire)>>,
    /// One task connects at a time; the others use what it brings. Counts connections.
    connecting: tokio::sync::Mutex<u64>,
}

impl Link {
    pub(super) fn new(config: Config) -> Self {
        Self { config, current: Mutex::new(None), connecting: tokio::sync::Mutex::new(0) }
    }

    /// Calls a script on a partition. Every script may safely run twice, so a call whose answer was lost is repeated.
    pub(super) async fn call(&self, script: &Script, tag: &str, arguments: &Arguments) -> Result<Value> {
        self.call_within(script, tag, arguments, PAUSES_MS.len()).await
    }

    /// The same without much patience.
    pub(super) async fn call_soon(&self, script: &Script, tag: &str, arguments: &Arguments) -> Result<Value> {
        self.call_within(script, tag, arguments, SHORT).await
    }

    async fn call_within(&self, script: &Script, tag: &str, arguments: &Arguments, tries: usize) -> Result<Value> {
        let command = |name: &str, what: &str| {
            let mut command = Cmd::with_capacity(arguments.ends.len() + 5, arguments.bytes.len() + 128);
            command.arg(name);
            // The tag itself is never a key, its `:v` always is: a cluster that is moving their slot answers TRYAGAIN,
            // and so no script ever runs on half of a partition.
            command.arg(what).arg(2).arg(tag).arg(format!("{tag}:v"));
            for argument in arguments.iter() {
                command.arg(argument);
            }
            command
        };
        match self.send(&command("EVALSHA", &script.sha), tries).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.send(&command("EVAL", &script.source), tries).await
            }
            answer => answer,
        }
        .map_err(|error| explain(script.name, &error))
    }

    /// Sends a plain command.
    pub(super) async fn command(&self, command: &Cmd) -> Result<Value> {
        self.send(command, PAUSES_MS.len()).await.map_err(|error| explain("a command", &error))
    }

    async fn send(&self, command: &Cmd, tries: usize) -> RedisResult<Value> {
        let mut last = None;
        for pause_ms in PAUSES_MS.into_iter().take(tries) {
            if last.is_some() {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            let (number, wire) = match self.wire().await {
                Ok(wire) => wire,
                Err(error) if is_passing(&error) => {
                    last = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Boxed: a future as deep as a cluster's is more than the compiler lays out within others.
            let answer = match wire {
                Wire::Node(mut connection) => {
                    Box::pin(async move { connection.req_packed_command(command).await }).await
                }
                Wire::Cluster(mut connection) => {
                    Box::pin(async move { connection.req_packed_command(command).await }).await
                }
            };
            match answer.and_then(Value::extract_error) {
                Err(error) if is_passing(&error) => {
                    self.lost(number, &error);
                    last = Some(error);
                }
                answer => return answer,
            }
        }
        Err(last.unwrap_or_else(|| RedisError::from((ErrorKind::Io, "no connection"))))
    }

    async fn wire(&self) -> RedisResult<(u64, Wire)> {
        let current = || self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wire) = current() {
            return Ok(wire);
        }
        let mut number = self.connecting.lock().await;
        if let Some(wire) = current() {
            return Ok(wire);
        }
        // Its type ends here: what is deeper is more than the compiler looks through, within others' futures.
        let connecting: Pin<Box<dyn Future<Output = RedisResult<Wire>> + Send + '_>> = Box::pin(self.connect());
        let wire = connecting.await?;
        *number += 1;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((*number, wire.clone()));
        Ok((*number, wire))
    }

    /// The connection with this number is of no use any more. A cluster's finds its nodes again by itself.
    fn lost(&self, number: u64, error: &RedisError) {
        if self.config.is_cluster() && !error.is_unrecoverable_error() {
            return;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|(known, _)| *known == number) {
            tracing::debug!(%error, "the connection to Redis is lost; connecting again");
            *current = None;
        }
    }

    async fn connect(&self) -> RedisResult<Wire> {
        if let Place::Cluster(nodes) = &self.config.place {
            let client = ClusterClientBuilder::new(nodes.clone())
                .retries(CLUSTER_RETRIES)
                .min_retry_wait(5)
                .max_retry_wait(50)
                .connection_timeout(CONNECT)
                .response_timeout(RESPONSE)
                .build()?;
            return Ok(Wire::Cluster(Box::new(client.get_async_connection().await?)));
        }
        let client = self.primary().await?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(RESPONSE));
        Ok(Wire::Node(client.get_multiplexed_async_connection_with_config(&config).await?))
    }

    /// A client of the server, of the primary that the sentinels name, or of a node of the cluster.
    async fn primary(&self) -> RedisResult<Client> {
        match &self.config.place {
            Place::Server(info) => Client::open(info.clone()),
            Place::Sentinel { sentinels, service, server } => {
                let node =
                    SentinelNodeConnectionInfo::default().set_redis_connection_info(server.redis_settings().clone());
                let mut client =
                    SentinelClient::build(sentinels.clone(), service.clone(), Some(node), SentinelServerType::Master)?;
                client.async_get_client().await
            }
            Place::Cluster(nodes) => {
                let mut last = RedisError::from((ErrorKind::ClusterConnectionNotFound, "no node is named"));
                for node in nodes {
                    let client = Client::open(node.clone().into_connection_info()?)?;
                    match tokio::time::timeout(CONNECT, client.get_multiplexed_async_connection()).await {
                        Ok(Ok(_)) => return Ok(client),
                        Ok(Err(error)) => last = error,
                        Err(_) => last = RedisError::from((ErrorKind::Io, "no answer")),
                    }
                }
                Err(last)
            }
        }
    }

    /// A connection of its own that listens to channels.
    pub(super) async fn listen(&self, channels: &[String]) -> RedisResult<PubSub> {
        let client = Box::pin(self.primary()).await?;
        let timed_out = |_| RedisError::from((ErrorKind::Io, "no answer"));
        let mut listening = tokio::time::timeout(CONNECT, client.get_async_pubsub()).await.map_err(timed_out)??;
        tokio::time::timeout(RESPONSE, listening.subscribe(channels)).await.map_err(timed_out)??;
        Ok(listening)
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }
}

/// The arguments of a script after its keys, one after the other in one buffer.
#[derive(Default)]
pub(super) struct Arguments {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Arguments {
    pub(super) fn add(&mut self, argument: impl AsRef<[u8]>) -> &mut Self {
        self.bytes.extend_from_slice(argument.as_ref());
        self.end()
    }

    pub(super) fn add_all(&mut self, arguments: impl IntoIterator<Item = impl AsRef<[u8]>>) -> &mut Self {
        for argument in arguments {
            self.add(argument);
        }
        self
    }

    pub(super) fn number(&mut self, number: impl std::fmt::Display) -> &mut Self {
        use std::io::Write as _;
        // A vector takes everything.
        let _written = write!(self.bytes, "{number}");
        self.end()
    }

    /// Adds what `write` writes.
    pub(super) fn written(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<&mut Self> {
        write(&mut self.bytes)?;
        Ok(self.end())
    }

    fn end(&mut self) -> &mut Self {
        self.ends.push(self.bytes.len());
        self
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// Whether the same call may work in a moment.
fn is_passing(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly, TryAgain};
    match error.kind() {
        // An answer that is cut off in its midst is no answer that can be parsed.
        ErrorKind::Io
        | ErrorKind::Parse
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel => true,
        ErrorKind::Server(kind) => matches!(kind, BusyLoading | ClusterDown | MasterDown | ReadOnly | TryAgain),
        _ => error.is_connection_dropped() || error.is_timeout(),
    }
}

fn explain(what: &str, error: &RedisError) -> Error {
    if error.code() == Some("OOM") {
        return Error::Unavailable(
            "Redis has no memory left (maxmemory): raise it, or let jobs be run or cancelled; nothing was written"
                .into(),
        );
    }
    Error::Unavailable(format!("Redis: {what}: {error}"))
}
