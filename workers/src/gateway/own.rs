//! The engine's own addresses: closed to scripts even where they are public, or inside a range that was opened.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{PoisonError, RwLock};

use super::opening::Opening;

/// Addresses that the engine listens on, or stores in.
#[derive(Debug, Default)]
pub(super) struct Own(RwLock<Vec<SocketAddr>>);

impl Own {
    pub(super) fn add(&self, address: SocketAddr) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(address);
    }

    /// Whether `ip:port` is one of them, and no opening names exactly it.
    pub(super) fn denies(&self, ip: IpAddr, port: u16, openings: &[Opening]) -> bool {
        let own = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let ip = ip.to_canonical();
        let same = |own: &SocketAddr| {
            let place = own.ip().to_canonical();
            own.port() == port && (place == ip || place.is_unspecified() && is_here(ip))
        };
        own.iter().any(same) && !openings.iter().any(|opening| opening.is_exactly(ip, port))
    }
}

/// Whether an address is one of this machine's: then a socket can be bound to it.
fn is_here(ip: IpAddr) -> bool {
    ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_address_is_closed_unless_it_is_named() {
        let own = Own::default();
        own.add("0.0.0.0:7070".parse().unwrap());
        own.add("203.0.113.9:6379".parse().unwrap());
        let openings: Vec<Opening> =
            ["127.0.0.0/8", "203.0.113.9/32"].iter().map(|text| text.parse().unwrap()).collect();
        let denied = |ip: &str, port, openings: &[Opening]| own.denies(ip.parse().unwrap(), port, openings);
        for (ip, port, expected) in [
            ("127.0.0.1", 7070, true),
            ("::ffff:127.0.0.1", 7070, true),
            ("127.0.0.1", 7071, false),
            ("8.8.8.8", 7070, false),
            ("203.0.113.9", 6379, true),
            ("203.0.113.9", 6380, false),
        ] {
            assert_eq!(denied(ip, port, &openings), expected, "{ip}:{port}");
        }
        let exactly = ["127.0.0.1/32:7070".parse().unwrap()];
        assert!(!denied("127.0.0.1", 7070, &exactly) && denied("127.0.0.2", 7070, &exactly));
    }
}
