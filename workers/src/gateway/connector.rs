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
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address;
use super::names::Names;
use super::opening::Opening;
use super::own::Own;
use super::refused::Refused;
use super::route::{Proxy, ProxyAddress, Route};

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

/// What all connectors of a gateway share.
pub(super) struct Shared {
    openings: Vec<Opening>,
    proxies: Vec<Proxy>,
    names: Names,
    tls: TlsConnector,
    sockets: Arc<Semaphore>,
    pub(super) own: Own,
}

impl Shared {
    pub(super) fn new(openings: Vec<Opening>, proxies: Vec<Proxy>, names: Names, tls: rustls::ClientConfig) -> Self {
        let (sockets, tls) = (Arc::new(Semaphore::new(SOCKETS)), TlsConnector::from(Arc::new(tls)));
        Self { openings, proxies, names, tls, sockets, own: Own::default() }
    }
}

struct Parts {
    shared: Arc<Shared>,
    source: Option<IpAddr>,
    proxy: Option<Proxy>,
}

impl Connector {
    /// A connector for one way out; a proxy that the operator does not allow is refused.
    pub(super) fn new(shared: Arc<Shared>, route: &Route) -> Result<Self, Refused> {
        let allowed = |address: &ProxyAddress| {
            let proxy = shared.proxies.iter().find(|proxy| proxy.address == *address).cloned();
            proxy.ok_or_else(|| {
                let message = format!(
                    "the proxy {address} of the integration's settings is not allowed here; an operator can allow it with \
                     egress.proxies = [\"{address}\"]"
                );
                Refused::new("proxy_not_allowed", message)
            })
        };
        let proxy = route.proxy.as_ref().map(allowed).transpose()?;
        Ok(Self(Arc::new(Parts { shared, source: route.source, proxy })))
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
        let (tcp, remote) = match &self.proxy {
            None => {
                let tcp = dial(host, &addresses, self.source).await?;
                let remote = tcp.peer_addr().ok();
                (tcp, remote)
            }
            Some(proxy) => self.through(proxy, &addresses).await?,
        };
        let connect_ms = watch.elapsed_ms();
        let watch = Stopwatch::start();
        let stream = if secure { self.handshake(host, tcp).await? } else { Stream::Plain(TokioIo::new(tcp)) };
        let tls_ms = secure.then(|| watch.elapsed_ms());
        let opened = Opened { remote, dns_ms, connect_ms, tls_ms, fresh: Arc::new(AtomicBool::new(true)) };
        Ok(Link { stream, opened, _socket: socket })
    }

    /// A connection to one of these addresses through a proxy. The proxy itself is the operator's choice, wherever it is.
    async fn through(
        &self,
        proxy: &Proxy,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, Option<SocketAddr>), Refused> {
        let ProxyAddress { host, port } = &proxy.address;
        let found = match host.parse() {
            Ok(ip) => vec![ip],
            Err(_) => self.look_up(host).await?,
        };
        let found: Vec<_> = found.into_iter().take(TRIED_ADDRESSES).map(|ip| SocketAddr::new(ip, *port)).collect();
        let mut tcp = dial(host, &found, self.source).await?;
        let target = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
        let target = *target.ok_or_else(|| Refused::new("dns_failed", "no address found"))?;
        let asked = timeout(PHASE_LIMIT, proxy.connect(&mut tcp, target)).await;
        let late = || Refused::new("proxy_failed", format!("the proxy {} does not answer", proxy.address));
        asked.unwrap_or_else(|_| Err(late()))?;
        Ok((tcp, Some(target)))
    }

    /// The addresses of `host`, when every one of them may be connected to.
    async fn checked_addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refused> {
        let literal = host.parse::<IpAddr>().ok();
        let found = match literal {
            Some(ip) => vec![ip],
            None => self.look_up(host).await?,
        };
        for &ip in &found {
            let own =
                self.shared.own.denies(ip, port, &self.shared.openings).then_some("an address of this engine's own");
            if let Some(kind) = own.or_else(|| address::denial(ip, port, &self.shared.openings)) {
                return Err(denied(literal.is_none().then_some(host), ip, port, kind));
            }
        }
        Ok(found.into_iter().take(TRIED_ADDRESSES).map(|ip| SocketAddr::new(ip, port)).collect())
    }

    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Refused> {
        let failed = |why: String| Refused::new("dns_failed", format!("{host} could not be resolved: {why}"));
        match timeout(PHASE_LIMIT, self.shared.names.lookup(host)).await {
            Ok(found) => found.map_err(|error| failed(error.to_string())),
            Err(_) => Err(failed(format!("no answer within {} s", PHASE_LIMIT.as_secs()))),
        }
    }

    async fn socket(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let free = timeout(PHASE_LIMIT, Arc::clone(&self.shared.sockets).acquire_owned()).await;
        let full = || format!("all {SOCKETS} outgoing connections of this engine are in use");
        free.ok().and_then(Result::ok).ok_or_else(|| Refused::new("connect_failed", full()))
    }

    async fn handshake(&self, host: &str, tcp: TcpStream) -> Result<Stream, Refused> {
        let failed = |why: String| Refused::new("tls_failed", format!("no secure connection to {host}: {why}"));
        let name =
            ServerName::try_from(host.trim_end_matches('.').to_owned()).map_err(|error| failed(error.to_string()))?;
        match timeout(PHASE_LIMIT, self.shared.tls.connect(name, tcp)).await {
            Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(TokioIo::new(stream)))),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no handshake within {} s", PHASE_LIMIT.as_secs()))),
        }
    }
}

/// Connects to the first address that answers; a later one starts when the earlier ones are slow.
async fn dial(host: &str, addresses: &[SocketAddr], source: Option<IpAddr>) -> Result<TcpStream, Refused> {
    let failed = |why: String| Refused::new("connect_failed", format!("no connection to {host}: {why}"));
    let reachable = |address: &&SocketAddr| source.is_none_or(|source| source.is_ipv4() == address.is_ipv4());
    let addresses: Vec<SocketAddr> = addresses.iter().filter(reachable).copied().collect();
    if addresses.is_empty() {
        return Err(failed("it has no address of the kind of the integration's sourceAddress".to_owned()));
    }
    let mut delay = Duration::ZERO;
    let attempts = addresses.into_iter().map(|address| {
        let wait = delay;
        delay += HEAD_START;
        Box::pin(async move {
            sleep(wait).await;
            open(address, source).await
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

async fn open(address: SocketAddr, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let Some(source) = source else { return TcpStream::connect(address).await };
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(source, 0)).map_err(|error| {
        std::io::Error::new(
            error.kind(),
            format!("{source}, the integration's sourceAddress, cannot be sent from: {error}"),
        )
    })?;
    socket.connect(address).await
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
