//! A server that answers with given bytes and remembers every connection and request.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a listener does with a request's text; `None` is never to answer.
type Answer = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// What a listener saw.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

/// A running server; it ends with the test's runtime.
pub(super) struct Listener {
    address: SocketAddr,
    seen: Arc<Seen>,
}

impl Listener {
    /// A server on 127.0.0.1.
    pub(super) async fn start(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::bind("127.0.0.1:0", None, Arc::new(answer)).await
    }

    /// A server on every address of this machine, so that it sees whatever reaches the machine at all.
    pub(super) async fn start_everywhere() -> Self {
        let both = TcpListener::bind("[::]:0").await.is_ok();
        let address = if both { "[::]:0" } else { "0.0.0.0:0" };
        Self::bind(address, None, Arc::new(|_: &str| Some(ok("reached")))).await
    }

    /// Servers with one port: on 127.0.0.1, on 127.0.0.2 and, where there is IPv6, on ::1.
    pub(super) async fn start_side_by_side(
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> (Self, Vec<Self>) {
        let first = Self::start(answer).await;
        let mut others = Vec::new();
        for ip in ["127.0.0.2", "[::1]"] {
            let address = format!("{ip}:{}", first.port());
            let there = TcpListener::bind(&address).await;
            if ip == "127.0.0.2" || there.is_ok() {
                others.push(Self::on(there.unwrap(), None, Arc::new(|_: &str| Some(ok("reached")))));
            }
        }
        (first, others)
    }

    /// A server that speaks TLS.
    pub(super) async fn start_tls(tls: TlsAcceptor) -> Self {
        Self::bind("127.0.0.1:0", Some(tls), Arc::new(|_: &str| Some(ok("secure")))).await
    }

    async fn bind(address: &str, tls: Option<TlsAcceptor>, answer: Arc<Answer>) -> Self {
        Self::on(TcpListener::bind(address).await.unwrap(), tls, answer)
    }

    fn on(listener: TcpListener, tls: Option<TlsAcceptor>, answer: Arc<Answer>) -> Self {
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
        tokio::spawn(accept(listener, tls, answer, Arc::clone(&seen)));
        Self { address, seen }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// The opening that lets the gateway reach it.
    pub(super) fn opening(&self) -> String {
        format!("127.0.0.1/32:{}", self.port())
    }

    /// How many connections were made, not counting this question: it connects itself, and since connections are
    /// accepted in order, everything before has been counted once its own is.
    pub(super) async fn connections(&self) -> usize {
        let ip = self.address.ip();
        let ip = if ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { ip };
        let mut own = TcpStream::connect((ip, self.port())).await.unwrap();
        own.write_all(b"COUNT / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut text = String::new();
        own.read_to_string(&mut text).await.unwrap();
        self.seen.connections.fetch_sub(1, Ordering::SeqCst);
        text.parse::<usize>().unwrap() - 1
    }

    /// The requests that arrived, in order.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }
}

/// `200 OK` with a body.
pub(super) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// An answer that redirects.
pub(super) fn redirect(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, answer: Arc<Answer>, seen: Arc<Seen>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let count = seen.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let (tls, answer, seen) = (tls.clone(), Arc::clone(&answer), Arc::clone(&seen));
        tokio::spawn(async move {
            match tls {
                None => serve(tcp, count, &*answer, &seen).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(tcp).await {
                        serve(stream, count, &*answer, &seen).await;
                    }
                }
            }
        });
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, count: usize, answer: &Answer, seen: &Seen) {
    while let Some(request) = read_request(&mut stream).await {
        if request.starts_with("COUNT ") {
            let _ = stream.write_all(count.to_string().as_bytes()).await;
            return;
        }
        let reply = answer(&request);
        seen.requests.lock().unwrap().push(request);
        let Some(reply) = reply else {
            return std::future::pending().await;
        };
        if stream.write_all(&reply).await.is_err() || !keeps_alive(&reply) {
            return;
        }
    }
}

/// An answer of unknown length ends with the connection.
fn keeps_alive(reply: &[u8]) -> bool {
    let head = String::from_utf8_lossy(reply).to_ascii_lowercase();
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    head.contains("content-length:") && !head.contains("connection: close")
}

/// A request's head and body as text; `None` when the connection ends first.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut text = String::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        text.extend(chunk[..read].iter().map(|&byte| char::from(byte)));
    }
}
