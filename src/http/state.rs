//! What every handler may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use workers::Services;

use super::auth::Keys;
use crate::metrics::Metrics;

/// The bounds of what a client may send or hold open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's path and query.
    pub uri_bytes: usize,
    /// Bytes of a request's headers.
    pub header_bytes: usize,
    /// Bytes of the body of an execute, schedule, reschedule, cancel or preview call.
    pub payload_body_bytes: usize,
    /// Bytes of the body that saves an integration.
    pub integration_body_bytes: usize,
    /// Bytes of any other body.
    pub body_bytes: usize,
    /// How deep JSON may nest.
    pub json_depth: usize,
    /// How long a request may take to send its body.
    pub body_read: Duration,
    /// Connections open at one time; more wait to be accepted.
    pub connections: usize,
    /// Event streams open at one time.
    pub streams: usize,
    /// How long requests in flight may take to finish at a stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            uri_bytes: 8 << 10,
            header_bytes: 32 << 10,
            payload_body_bytes: 512 << 10,
            integration_body_bytes: 6 << 20,
            body_bytes: 64 << 10,
            json_depth: 64,
            body_read: Duration::from_secs(30),
            connections: 4_096,
            streams: 256,
            drain: Duration::from_secs(10),
        }
    }
}

/// Who may read `/metrics` without an API key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Clients on this machine that no proxy stands in front of; others need the scope `read`.
    #[default]
    Loopback,
    /// Anyone who reaches the listener.
    Anyone,
    /// Nobody: the scope `read` is needed.
    KeyOnly,
}

/// What every handler may use; cheap to clone.
#[derive(Clone)]
pub struct State {
    /// The engine.
    pub services: Services,
    /// The process's metrics.
    pub metrics: Metrics,
    /// Whether `/readyz` may answer yes; the program clears it when it begins to stop.
    pub ready: Arc<AtomicBool>,
    /// The program's version.
    pub version: &'static str,
    /// The bounds of what a client may send or hold open.
    pub limits: Limits,
    /// Who may read `/metrics` without an API key.
    pub metrics_access: MetricsAccess,
    pub(super) keys: Keys,
    pub(super) streams: Arc<Semaphore>,
    pub(super) stop: CancellationToken,
}

impl State {
    /// The state of a process that is up, with the default limits.
    pub fn new(services: Services, metrics: Metrics, version: &'static str) -> Self {
        let limits = Limits::default();
        Self {
            keys: Keys::new(services.clone()),
            services,
            metrics,
            ready: Arc::new(AtomicBool::new(true)),
            version,
            limits,
            metrics_access: MetricsAccess::default(),
            streams: Arc::new(Semaphore::new(limits.streams)),
            stop: CancellationToken::new(),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.streams = Arc::new(Semaphore::new(limits.streams));
        self.limits = limits;
        self
    }

    /// Whether the process takes work.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst) && !self.stop.is_cancelled()
    }
}
