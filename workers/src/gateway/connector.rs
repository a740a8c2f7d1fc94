//! Opens connections: the one place a socket comes from, and the one place addresses are judged.
//!
//! Whatever a URL's host is written like, it ends here either as an address or as a name that is looked up; all its
//! addresses must pass, and the socket is opened to one of exactly those. The pool keys connections by scheme, host and
//! port, so a reused connection is one that was judged here for the same host and port.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::select_ok;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::pki_types::ServerName;
use schedules::Stopwatch;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address;
use super::names::Names;
use super::opening::Opening;
use super::refused::Refused;

/// For each of: looking the name up, connecting, the TLS handshake.
const PHASE_LIMIT: Duration = Duration::from_secs(5);
/// The head start of an address over the next one.
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const TRIED_ADDRESSES: usize = 6;
/// Sockets the gateway holds at one time, idle ones included: half of the 1,024 files a process often may open.
const SOCKETS: usize = 512;

/// Makes the pool's connections.
#[derive(Clone)]
pub(super) struct Connector(Arc<Parts>);

struct Parts {
    openings: Vec<Opening>,
    names: Names,
    tls: TlsConnector,
    sockets: Arc<Semaphore>,
}

impl Connector {
    pub(super) fn new(openings: Vec<Opening>, names: Names, tls: rustls::ClientConfig) -> Self {
        let sockets = Arc::new(Semaphore::new(SOCKETS));
        Self(Arc::new(Parts { openings, names, tls: TlsConnector::from(Arc::new(tls)), sockets }))
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Link;
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Link, Refused>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let parts = Arc::clone(&self.0);
        Box::pin(async move { parts.connect(&uri).await })
    }
}

impl Parts {
    async fn connect(&self, uri: &Uri) -> Result<Link, Refused> {
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let watch = Stopwatch::start();
        let addresses = self.checked_addresses(host, port).await?;
        let dns_ms = watch.elapsed_ms();
        let socket = self.socket().await?;
        let watch = Stopwatch::start();
        let tcp = dial(host, &addresses).await?;
        let connect_ms = watch.elapsed_ms();
        let remote = tcp.peer_addr().ok();
        let watch = Stopwatch::start();
        let stream = if secure { self.handshake(host, tcp).await? } else { Stream::Plain(TokioIo::new(tcp)) };
        let tls_ms = secure.then(|| watch.elapsed_ms());
        let opened = Opened { remote, dns_ms, connect_ms, tls_ms, fresh: Arc::new(AtomicBool::new(true)) };
        Ok(Link { stream, opened, _socket: socket })
    }

    /// The addresses of `host`, when every one of them may be connected to.
    async fn checked_addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refused> {
        let literal = host.parse::<IpAddr>().ok();
        let found = match literal {
            Some(ip) => vec![ip],
            None => self.look_up(host).await?,
        };
        for &ip in &found {
            if let Some(kind) = address::denial(ip, port, &self.openings) {
                return Err(denied(literal.is_none().then_some(host), ip, port, kind));
            }
        }
        Ok(found.into_iter().take(TRIED_ADDRESSES).map(|ip| SocketAddr::new(ip, port)).collect())
    }

    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Refused> {
        let failed = |why: String| Refused::new("dns_failed", format!("{host} could not be resolved: {why}"));
        match timeout(PHASE_LIMIT, self.names.lookup(host)).await {
            Ok(found) => found.map_err(|error| failed(error.to_string())),
            Err(_) => Err(failed(format!("no answer within {} s", PHASE_LIMIT.as_secs()))),
        }
    }

    async fn socket(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let free = timeout(PHASE_LIMIT, Arc::clone(&self.sockets).acquire_owned()).await;
        let full = || format!("all {SOCKETS} outgoing connections of this engine are in use");
        free.ok().and_then(Result::ok).ok_or_else(|| Refused::new("connect_failed", full()))
    }

    async fn handshake(&self, host: &str, tcp: TcpStream) -> Result<Stream, Refused> {
        let failed = |why: String| Refused::new("tls_failed", format!("no secure connection to {host}: {why}"));
        let name =
            ServerName::try_from(host.trim_end_matches('.').to_owned()).map_err(|error| failed(error.to_string()))?;
        match timeout(PHASE_LIMIT, self.tls.connect(name, tcp)).await {
            Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(TokioIo::new(stream)))),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no handshake within {} s", PHASE_LIMIT.as_secs()))),
        }
    }
}

/// Connects to the first address that answers; a later one starts when the earlier ones are slow.
async fn dial(host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, Refused> {
    let failed = |why: String| Refused::new("connect_failed", format!("no connection to {host}: {why}"));
    let mut delay = Duration::ZERO;
    let attempts = addresses.iter().map(|&address| {
        let wait = delay;
        delay += HEAD_START;
        Box::pin(async move {
            sleep(wait).await;
            TcpStream::connect(address).await
        })
    });
    match timeout(PHASE_LIMIT, select_ok(attempts)).await {
        Ok(Ok((tcp, _))) => {
            tcp.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
            Ok(tcp)
        }
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", PHASE_LIMIT.as_secs()))),
    }
}

fn denied(name: Option<&str>, ip: IpAddr, port: u16, kind: &str) -> Refused {
    let opening = Opening { net: IpNet::from(ip), port: Some(port) };
    let what = name.map_or_else(|| format!("{ip} is {kind}"), |name| format!("{name} resolves to {ip}, {kind}"));
    let message = format!(
        "{what}, and scripts reach only public addresses; an operator can open this one with \
         egress.allow = [\"{opening}\"] or TIDEGATE_EGRESS_ALLOW={opening}"
    );
    Refused::new("egress_denied", message)
}

/// How a connection came to be; travels with every response that arrives on it.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) remote: Option<SocketAddr>,
    pub(super) dns_ms: u64,
    pub(super) connect_ms: u64,
    pub(super) tls_ms: Option<u64>,
    fresh: Arc<AtomicBool>,
}

impl Opened {
    /// Whether no response has arrived on it before; the first caller takes this away.
    pub(super) fn claim(&self) -> bool {
        self.fresh.swap(false, Ordering::Relaxed)
    }

    /// Whether a response has arrived on it before.
    pub(super) fn used(&self) -> bool {
        !self.fresh.load(Ordering::Relaxed)
    }
}

/// A connection, and its place among the sockets.
pub(super) struct Link {
    stream: Stream,
    opened: Opened,
    _socket: OwnedSemaphorePermit,
}

enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.opened.clone())
    }
}

impl Read for Link {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<std::io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl Write for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
