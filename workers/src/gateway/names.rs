//! Turns a host name into addresses, a bounded number of look-ups at a time.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Look-ups at one time. The system's resolver blocks a thread until it answers, also when nobody waits any more.
const LOOKUPS: usize = 64;

/// Answers for a name in tests.
#[cfg(test)]
pub(super) type Teller = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// Who is asked for the addresses of a name.
#[derive(Clone)]
pub(super) enum Names {
    /// The system's resolver.
    System(Arc<Semaphore>),
    /// A fixed table, for tests.
    #[cfg(test)]
    Table(Arc<std::collections::HashMap<String, Vec<IpAddr>>>),
    /// Whoever the test wants to be: a server that lies, changes its mind, or says too much.
    #[cfg(test)]
    Told(Arc<Teller>),
}

impl Names {
    pub(super) fn system() -> Self {
        Self::System(Arc::new(Semaphore::new(LOOKUPS)))
    }

    /// Every address of `host`; an empty answer is an error.
    pub(super) async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = match self {
            Self::System(lookups) => ask_system(lookups, host).await?,
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
