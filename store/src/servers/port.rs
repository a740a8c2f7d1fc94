//! Ports that nobody else takes, not even while the server behind one of them is down.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;

use rand::Rng;

/// Below what the kernel hands out, to `bind` with port 0 and to outgoing connections: there, a port that is free for
/// the moment of a restart is soon somebody's.
const RANGE: Range<u16> = 20_000..30_000;
/// How many ports are tried.
const TRIES: usize = 1_000;

/// A TCP port of 127.0.0.1 that is claimed until this is dropped.
///
/// The claim is the UDP port of the same number: it is ours alone among the tests of this machine, and the kernel
/// gives it back whatever ends the process.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: UdpSocket,
}

impl Port {
    /// Claims a free one.
    pub fn claim() -> Self {
        let mut random = rand::rng();
        let mut tries = (0..TRIES).map(|_| random.random_range(RANGE));
        tries.find_map(Self::claim_this).expect("a port is free")
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    fn claim_this(number: u16) -> Option<Self> {
        let claim = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _claim: claim })
    }
}
