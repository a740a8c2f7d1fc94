//! Sends a request and everything that follows from it, within its time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use schedules::Stopwatch;

use super::connector::{Connector, Opened, Shared};
use super::names::Names;
use super::opening::Opening;
use super::refused::Refused;
use super::request::{Hop, Outgoing, Policy};
use super::response::{Received, listed, read_body, unpack};
use super::route::{Proxy, Route};
use super::trace::Trace;
use super::{domains, insert, redirects, tls};

/// How long a connection waits for its next request, and how many wait for one host.
const IDLE: Duration = Duration::from_secs(15);
const IDLE_PER_HOST: usize = 16;
/// As many routes have connections of their own at one time; beyond, all are made anew as they are needed.
const MAX_ROUTES: usize = 64;
/// The most headers of an answer, and the most bytes of them.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;
/// No request takes longer: a run's own maximum.
const MAX_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What an operator decides about outgoing requests.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Addresses that may be reached although they are not public.
    pub openings: Vec<Opening>,
    /// The proxies that settings may name.
    pub proxies: Vec<Proxy>,
    /// Certificates of private authorities to trust besides Mozilla's, as PEM text; empty is none.
    pub extra_roots_pem: String,
    /// The DNS servers that are asked for names; none is the system's resolver.
    pub dns: Vec<SocketAddr>,
}

/// Why a gateway cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The extra certificates are not usable.
    #[error("the extra root certificates are not usable: {0}")]
    Roots(String),
    /// No resolver can be made of the DNS servers.
    #[error("the DNS servers are not usable: {0}")]
    Dns(String),
}

/// A request's end, and the record of its way.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The answer, whatever its status, or why there is none.
    pub result: Result<Received, Refused>,
    /// What the log says.
    pub trace: Trace,
}

/// The outgoing HTTP client. Clones share its connections.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

struct Parts {
    shared: Arc<Shared>,
    clients: Mutex<HashMap<Route, Pooled>>,
}

/// The connections of one route.
type Pooled = Client<Connector, Full<Bytes>>;

impl Gateway {
    /// A gateway with its own connections; make one per process.
    pub fn new(config: Config) -> Result<Self, Error> {
        let names = Names::of(&config.dns).map_err(Error::Dns)?;
        Self::with_names(config, names)
    }

    pub(super) fn with_names(config: Config, names: Names) -> Result<Self, Error> {
        let tls = tls::config(&config.extra_roots_pem).map_err(Error::Roots)?;
        let shared = Arc::new(Shared::new(config.openings, config.proxies, names, tls));
        Ok(Self(Arc::new(Parts { shared, clients: Mutex::default() })))
    }

    /// Closes an address of the engine's own to scripts: one that it listens on, or stores in.
    pub fn protect(&self, address: SocketAddr) {
        self.0.shared.own.add(address);
    }

    /// The connections that leave by this route.
    fn client(&self, route: &Route) -> Result<Pooled, Refused> {
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(route) {
            return Ok(client.clone());
        }
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .http1_max_buf_size(MAX_HEADER_BYTES)
            .http1_max_headers(MAX_HEADERS)
            .build(Connector::new(Arc::clone(&self.0.shared), route)?);
        if clients.len() >= MAX_ROUTES {
            clients.clear();
        }
        clients.insert(route.clone(), client.clone());
        Ok(client)
    }

    /// Sends `request` as far as `policy` lets it. Never fails without a code; the trace is complete either way.
    pub async fn send(&self, request: Outgoing, policy: &Policy) -> Exchange {
        let watch = Stopwatch::start();
        let limit = request.timeout.min(MAX_TIMEOUT);
        let mut trace = Trace::new(&request.method, &request.url);
        let follow = self.follow(request, policy, &mut trace, watch);
        let result = tokio::time::timeout(limit, follow).await.unwrap_or_else(|_| Err(Refused::timeout(limit)));
        trace.ended(watch.elapsed_ms(), result.as_ref().err());
        Exchange { result, trace }
    }

    /// The request and its redirects; every hop passes the same checks.
    async fn follow(
        &self,
        request: Outgoing,
        policy: &Policy,
        trace: &mut Trace,
        watch: Stopwatch,
    ) -> Result<Received, Refused> {
        let client = self.client(&policy.route)?;
        let mode = request.redirect;
        let mut hop = Hop::first(request)?;
        insert::insert(&mut hop, &policy.secrets)?;
        loop {
            domains::check(&hop.url, policy.allowed_domains.as_deref())?;
            let response = exchange(&client, &hop, trace).await?;
            trace.answered(watch.elapsed_ms(), response.status(), &status_text(&response), response.headers());
            match redirects::next(&hop, response.status(), response.headers(), mode)? {
                None => return receive(&hop, response, policy, trace).await,
                Some(_) if trace.redirects.len() >= policy.max_redirects => {
                    let message = format!("the request was redirected more than {} times", policy.max_redirects);
                    return Err(Refused::new("too_many_redirects", message));
                }
                Some(next) => hop = next,
            }
            trace.redirects.push(hop.shown_url.to_string());
        }
    }
}

/// One request and the headers of its answer. A kept connection may have been closed by the other side just now; then a
/// request that changes nothing is sent once more.
async fn exchange(client: &Pooled, hop: &Hop, trace: &mut Trace) -> Result<Response<Incoming>, Refused> {
    trace.sent(&hop.shown_headers, hop.body.len());
    let mut answer = client.request(http_request(hop)?).await;
    if answer.as_ref().is_err_and(|error| was_kept(error) && is_harmless(&hop.method)) {
        answer = client.request(http_request(hop)?).await;
    }
    let response = answer.map_err(|error| Refused::from_client(&error))?;
    check_head(&response)?;
    if let Some(opened) = response.extensions().get::<Opened>() {
        trace.connection(opened);
    }
    Ok(response)
}

fn http_request(hop: &Hop) -> Result<Request<Full<Bytes>>, Refused> {
    let mut request = Request::new(Full::new(hop.body.clone()));
    *request.method_mut() = hop.method.clone();
    *request.uri_mut() = hop.uri()?;
    *request.headers_mut() = hop.headers.clone();
    if hop.body.is_empty() && matches!(hop.method, Method::POST | Method::PUT) {
        // As fetch does; servers answer 411 without it, and hyper leaves it out.
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(request)
}

fn check_head(response: &Response<Incoming>) -> Result<(), Refused> {
    if response.status().is_informational() {
        return Err(Refused::new("bad_response", "the server switched protocols, which nobody asked it to do"));
    }
    // hyper's bound on its buffer is checked between reads, so a head that came in one piece may be over it.
    let lines = response.headers().iter();
    let bytes: usize = lines.map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_HEADER_BYTES {
        return Err(Refused::too_large("headers", MAX_HEADER_BYTES as u64));
    }
    Ok(())
}

fn was_kept(error: &legacy::Error) -> bool {
    let mut extensions = http::Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut extensions);
    }
    extensions.get::<Opened>().is_some_and(Opened::used) && Refused::from_client(error).code == "connection_closed"
}

fn is_harmless(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn status_text(response: &Response<Incoming>) -> String {
    let sent = response.extensions().get::<ReasonPhrase>();
    let sent = sent.map(|phrase| phrase.as_bytes().iter().map(|&byte| char::from(byte)).collect());
    sent.unwrap_or_else(|| response.status().canonical_reason().unwrap_or_default().to_owned())
}

async fn receive(
    hop: &Hop,
    response: Response<Incoming>,
    policy: &Policy,
    trace: &mut Trace,
) -> Result<Received, Refused> {
    let status_text = status_text(&response);
    let (mut parts, body) = response.into_parts();
    let body = read_body(body, policy, &mut trace.received_bytes).await?;
    let body = unpack(body, &mut parts.headers, policy.max_response_bytes).await?;
    Ok(Received {
        status: parts.status.as_u16(),
        status_text,
        url: hop.shown_url.to_string(),
        redirected: !trace.redirects.is_empty(),
        headers: listed(&parts.headers),
        body,
    })
}
