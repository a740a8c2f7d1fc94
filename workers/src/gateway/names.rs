//! Turns a host name into addresses, a bounded number of look-ups at a time.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{Resolver, TokioResolver};
use tokio::sync::Semaphore;

/// Look-ups at one time. The system's resolver blocks a thread until it answers, also when nobody waits any more.
const LOOKUPS: usize = 64;
/// How long one DNS server has to answer before the next one is asked; lost packets are sent again meanwhile.
const SERVER_LIMIT: Duration = Duration::from_millis(1500);
/// Answers of DNS servers that are kept, and for how long at most; a shorter life that an answer names counts.
const KEPT_ANSWERS: u64 = 1024;
const KEPT_FOR: Duration = Duration::from_secs(300);

/// Answers for a name in tests.
#[cfg(test)]
pub(super) type Teller = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// Who is asked for the addresses of a name.
#[derive(Clone)]
pub(super) enum Names {
    /// The system's resolver.
    System(Arc<Semaphore>),
    /// These DNS servers and nobody else: neither the system's list of hosts nor its search domains. In their order, as
    /// a `resolv.conf` is read: the next one when one does not answer, or has failed.
    Servers(Arc<[TokioResolver]>, Arc<Semaphore>),
    /// A fixed table, for tests.
    #[cfg(test)]
    Table(Arc<std::collections::HashMap<String, Vec<IpAddr>>>),
    /// Whoever the test wants to be: a server that lies, changes its mind, or says too much.
    #[cfg(test)]
    Told(Arc<Teller>),
}

impl Names {
    /// The system's resolver when `servers` is empty, else these DNS servers, over UDP and for long answers TCP.
    pub(super) fn of(servers: &[SocketAddr]) -> Result<Self, String> {
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        if servers.is_empty() {
            return Ok(Self::System(lookups));
        }
        // One for each: a resolver of them all would spend its whole time on the first one that is down.
        let resolver = |address| {
            let config = ResolverConfig::from_parts(None, vec![], vec![server(address)]);
            let made = Resolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options());
            made.build().map_err(|error| error.to_string())
        };
        Ok(Self::Servers(servers.iter().map(resolver).collect::<Result<_, _>>()?, lookups))
    }

    /// Every address of `host`; an empty answer is an error.
    pub(super) async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = match self {
            Self::System(lookups) => ask_system(lookups, host).await?,
            Self::Servers(resolvers, lookups) => ask_servers(resolvers, lookups, host).await?,
            #[cfg(test)]
            Self::Table(table) => table.get(host).cloned().unwrap_or_default(),
            #[cfg(test)]
            Self::Told(tell) => tell(host),
        };
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no address found"));
        }
        Ok(addresses)
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    NameServerConfig::new(address.ip(), true, vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())])
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = SERVER_LIMIT;
    options.attempts = 0;
    options.edns0 = true;
    // Both kinds are asked for and every address is judged, not only those of the kind that answers first.
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = KEPT_ANSWERS;
    options.positive_max_ttl = Some(KEPT_FOR);
    options.negative_max_ttl = Some(KEPT_FOR);
    options
}

async fn ask_servers(resolvers: &[TokioResolver], lookups: &Semaphore, host: &str) -> io::Result<Vec<IpAddr>> {
    let _permit = lookups.acquire().await.map_err(io::Error::other)?;
    let mut name = Name::from_ascii(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    name.set_fqdn(true);
    let mut why = io::Error::other("there is no DNS server");
    for resolver in resolvers {
        match resolver.lookup_ip(name.clone()).await {
            Ok(found) => return Ok(found.iter().collect()),
            Err(error) if is_answer(&error) => return Ok(vec![]),
            Err(error) => why = io::Error::other(error),
        }
    }
    Err(why)
}

/// Whether a server said that there is no such name or address.
fn is_answer(error: &NetError) -> bool {
    let NetError::Dns(DnsError::NoRecordsFound(no_records)) = error else { return false };
    matches!(no_records.response_code, ResponseCode::NXDomain | ResponseCode::NoError)
}

async fn ask_system(lookups: &Arc<Semaphore>, host: &str) -> io::Result<Vec<IpAddr>> {
    let permit = Arc::clone(lookups).acquire_owned().await.map_err(io::Error::other)?;
    let host = host.to_owned();
    // The permit goes with the thread, not with the caller: a caller that gives up does not free the resolver.
    let asked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        (host.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
    });
    asked.await.map_err(io::Error::other)?
}
