//! Reads the DNS servers of `egress.dns`.

use std::net::{IpAddr, SocketAddr};

/// The most servers, as in a `resolv.conf`; more could not be waited for.
const MAX_SERVERS: usize = 3;
const PORT: u16 = 53;

/// The servers that `texts` name, as `address` or `address:port`; an error names the entry.
pub fn servers(texts: &[String]) -> Result<Vec<SocketAddr>, String> {
    if texts.len() > MAX_SERVERS {
        return Err(format!("egress.dns has {} servers; {MAX_SERVERS} are the most", texts.len()));
    }
    let read = |text: &String| {
        let bare = text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, PORT));
        bare.or_else(|| text.parse().ok()).filter(|address| address.port() != 0).ok_or_else(|| {
            format!(
                "egress.dns: `{text}` is no address of a server: write 10.0.0.53, 10.0.0.53:5353 or [fd00::53]:5353"
            )
        })
    };
    texts.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_addresses_with_or_without_a_port() {
        for (text, expected) in [
            ("10.0.0.53", Some("10.0.0.53:53")),
            ("10.0.0.53:5353", Some("10.0.0.53:5353")),
            ("fd00::53", Some("[fd00::53]:53")),
            ("[fd00::53]:5353", Some("[fd00::53]:5353")),
            ("", None),
            ("dns.example", None),
            ("10.0.0.53:0", None),
            ("10.0.0.53:99999", None),
            ("udp://10.0.0.53", None),
        ] {
            let found = servers(&[text.to_owned()]);
            match expected {
                Some(expected) => assert_eq!(found.unwrap(), [expected.parse().unwrap()], "{text}"),
                None => assert!(found.unwrap_err().contains(&format!("egress.dns: `{text}`")), "{text}"),
            }
        }
        assert!(servers(&vec!["10.0.0.53".to_owned(); MAX_SERVERS + 1]).unwrap_err().contains("3 are the most"));
    }
}
