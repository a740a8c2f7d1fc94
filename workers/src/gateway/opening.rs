//! An operator's exception to the address rules: one range, and perhaps one port.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A range of addresses, on one port or all, that scripts may reach although it is not public.
///
/// Written `10.0.0.0/8`, `127.0.0.1/32:9000`, `[fd00::]/8` or `[::1]/128:80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The range.
    pub net: IpNet,
    /// The port; `None` is any.
    pub port: Option<u16>,
}

/// What is wrong with the text of an [`Opening`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no address range to open: {reason}")]
pub struct OpeningError {
    text: String,
    reason: String,
}

impl Opening {
    /// Whether connecting to `ip` on `port` falls under this opening.
    pub fn covers(&self, ip: IpAddr, port: u16) -> bool {
        self.net.contains(&ip) && self.port.is_none_or(|open| open == port)
    }

    /// Whether this opening names `ip` on `port` and nothing else.
    pub(super) fn is_exactly(&self, ip: IpAddr, port: u16) -> bool {
        self.net == IpNet::from(ip) && self.port == Some(port)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let Some((address, rest)) = text.rsplit_once('/') else {
            return Err("write it with a prefix length, as in 127.0.0.1/32:9000 or 10.0.0.0/8".to_owned());
        };
        let (prefix, port) = match rest.split_once(':') {
            Some((prefix, port)) => (prefix, Some(parse_port(port)?)),
            None => (rest, None),
        };
        let net = parse_net(address, prefix)?;
        Ok(Self { net, port })
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or_else(|| format!("the port is a number from 1 to 65535, not `{text}`"))
}

fn parse_net(address: &str, prefix: &str) -> Result<IpNet, String> {
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip: IpAddr = match bare {
        Some(inside) => inside.parse().ok().filter(IpAddr::is_ipv6),
        None => address.parse().ok(),
    }
    .ok_or_else(|| format!("`{address}` is no IP address (names cannot be opened, only addresses)"))?;
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let length = prefix.parse().ok().filter(|length| digits && *length <= longest);
    let length = length.ok_or_else(|| format!("the prefix length is a number from 0 to {longest}, not `{prefix}`"))?;
    let net = IpNet::new(ip, length).map_err(|error| error.to_string())?;
    if net.trunc() != net {
        return Err(format!("{ip} is not the first address of its range; write {}", net.trunc()));
    }
    Ok(net)
}

impl FromStr for Opening {
    type Err = OpeningError;

    fn from_str(text: &str) -> Result<Self, OpeningError> {
        let text = text.trim();
        Self::parse(text).map_err(|reason| OpeningError { text: text.chars().take(100).collect(), reason })
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.net {
            IpNet::V4(net) => write!(f, "{net}")?,
            IpNet::V6(net) => write!(f, "[{}]/{}", net.addr(), net.prefix_len())?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn openings_are_read() {
        for (text, expected) in [
            ("127.0.0.1/32:9000", "127.0.0.1/32:9000"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            (" 10.0.0.0/8 ", "10.0.0.0/8"),
            ("[::1]/128:80", "[::1]/128:80"),
            ("::1/128:80", "[::1]/128:80"),
            ("fd00::/8", "[fd00::]/8"),
            ("[fd00::]/8", "[fd00::]/8"),
            ("0.0.0.0/0:8080", "0.0.0.0/0:8080"),
        ] {
            assert_eq!(text.parse::<Opening>().unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn bad_openings_say_what_to_write() {
        for (text, part) in [
            ("", "prefix length"),
            ("127.0.0.1", "127.0.0.1/32:9000"),
            ("127.0.0.1:9000", "prefix length"),
            ("localhost/32:9000", "names cannot be opened"),
            ("127.1/32", "no IP address"),
            ("[127.0.0.1]/32", "no IP address"),
            ("[::1/128", "no IP address"),
            ("127.0.0.1/33", "0 to 32"),
            ("127.0.0.1/+8", "0 to 32"),
            ("127.0.0.1/", "0 to 32"),
            ("::1/129", "0 to 128"),
            ("10.1.2.3/8", "write 10.0.0.0/8"),
            ("127.0.0.1/32:0", "1 to 65535"),
            ("127.0.0.1/32:", "1 to 65535"),
            ("127.0.0.1/32:+80", "1 to 65535"),
            ("127.0.0.1/32:65536", "1 to 65535"),
            ("127.0.0.1/32:80:90", "1 to 65535"),
        ] {
            let error = text.parse::<Opening>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(ip: IpAddr, length in 0u8..=128, port: Option<u16>) {
            let longest = if ip.is_ipv4() { 32 } else { 128 };
            let net = IpNet::new(ip, length.min(longest)).unwrap().trunc();
            let opening = Opening { net, port: port.filter(|port| *port != 0) };
            prop_assert_eq!(opening.to_string().parse::<Opening>(), Ok(opening));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}|[\\[\\]0-9a-f:./]{0,30}") {
            let _ = text.parse::<Opening>();
        }
    }
}
