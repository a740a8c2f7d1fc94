//! By which way requests leave: from a fixed address of this machine, through a proxy, or neither.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::refused::Refused;

/// The most bytes of a proxy's answer.
const MAX_ANSWER_BYTES: usize = 8 << 10;

/// The way of an integration's requests. Connections are kept per route: none is used by another integration whose
/// requests leave another way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Route {
    /// An address of this machine to send from; `None` is the system's choice.
    pub source: Option<IpAddr>,
    /// A proxy that the operator allows.
    pub proxy: Option<ProxyAddress>,
}

/// Where an HTTP proxy is, as settings name it: `http://10.1.2.3:3128`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProxyAddress {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A proxy that the operator allows: `http://user:password@10.1.2.3:3128`. Its `Debug` hides user and password.
#[derive(Clone)]
pub struct Proxy {
    /// Where it is.
    pub address: ProxyAddress,
    /// The header `Proxy-Authorization`, if it asks for one.
    authorization: Option<Zeroizing<String>>,
}

/// What is wrong with the text of a proxy; never repeats it, as it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no HTTP proxy: write http://host:port, or http://user:password@host:port")]
pub struct ProxyError;

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let url = Url::parse(text).map_err(|_| ProxyError)?;
        let host = match url.host().filter(|_| url.scheme() == "http").ok_or(ProxyError)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let port = url.port_or_known_default().filter(|port| *port != 0 && bare).ok_or(ProxyError)?;
        let decoded =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
        let authorization = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let user = decoded(user).ok_or(ProxyError)?;
                let password = decoded(password.unwrap_or_default()).ok_or(ProxyError)?;
                Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))))
            }
        };
        Ok(Self { address: ProxyAddress { host, port }, authorization })
    }
}

impl FromStr for ProxyAddress {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        // The operator's list has the password.
        text.parse::<Proxy>()
            .ok()
            .filter(|proxy| proxy.authorization.is_none())
            .map(|proxy| proxy.address)
            .ok_or(ProxyError)
    }
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.address).finish()
    }
}

impl Proxy {
    /// Asks the proxy for a connection to an address that was judged here; it is told no name to look up itself.
    pub(super) async fn connect(&self, tcp: &mut TcpStream, target: std::net::SocketAddr) -> Result<(), Refused> {
        let failed = |why: String| {
            Refused::new("proxy_failed", format!("the proxy {} does not let {target} through: {why}", self.address))
        };
        let mut ask = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
        if let Some(authorization) = &self.authorization {
            ask.push_str("Proxy-Authorization: ");
            ask.push_str(authorization);
            ask.push_str("\r\n");
        }
        ask.push_str("\r\n");
        tcp.write_all(ask.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
        let mut answer = Vec::new();
        // Nothing follows the head: behind the proxy everybody waits for us to speak.
        while !answer.ends_with(b"\r\n\r\n") {
            let read = tcp.read_buf(&mut answer).await.map_err(|error| failed(error.to_string()))?;
            if read == 0 || answer.len() > MAX_ANSWER_BYTES {
                return Err(failed("its answer is not complete".to_owned()));
            }
        }
        let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5)).map(String::from_utf8_lossy);
        match status.as_deref() {
            Some("200") => Ok(()),
            Some(status) if status.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(failed(format!("it answers {status}")))
            }
            _ => Err(failed("its answer is not HTTP".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_and_shown_without_their_password() {
        for (text, shown) in [
            ("http://10.1.2.3:3128", "http://10.1.2.3:3128"),
            ("http://me:p%40ss@proxy.example:3128/", "http://proxy.example:3128"),
            ("http://[::1]", "http://::1:80"),
        ] {
            let proxy: Proxy = text.parse().unwrap();
            assert_eq!(proxy.address.to_string(), shown);
            assert!(!format!("{proxy:?}").contains("p%40") && !format!("{proxy:?}").contains("p@"), "{proxy:?}");
        }
        for bad in [
            "",
            "10.1.2.3:3128",
            "https://a.example:1",
            "socks5://a.example:1",
            "http://a.example/x",
            "http://a.example?x",
            "http://",
        ] {
            assert!(bad.parse::<Proxy>().is_err(), "{bad}");
        }
        assert!("http://me:pass@a.example:1".parse::<ProxyAddress>().is_err(), "settings hold no password");
    }
}
