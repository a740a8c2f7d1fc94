//! The hosts a secret may be sent to: a name or all names below one, a port, and https unless it says otherwise.

use std::str::FromStr;

use url::{Host, Url};

use super::domains;

/// One entry of such a list: `api.example.com` (https on 443), `*.example.com`, `api.example.com:8443`, or for plain
/// http `http://10.1.2.3:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    scheme: &'static str,
    below: bool,
    host: Host,
    port: u16,
}

/// What is wrong with the text of a [`HostRule`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no host: write `api.example.com`, `*.example.com` for every name below it, `api.example.com:8443` for \
     another port than 443, or `http://10.1.2.3:8080` where there is no https"
)]
pub struct HostRuleError(String);

impl HostRule {
    /// Whether a request to `url` goes there.
    pub(crate) fn matches(&self, url: &Url) -> bool {
        let place = (url.scheme(), url.port_or_known_default()) == (self.scheme, Some(self.port));
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        place && domains::is(self.below, &self.host, host)
    }

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            Some(_) => return None,
            None => ("https", text),
        };
        let usual = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match rest.rsplit_once(':') {
            // The colons of an IPv6 address are followed by a bracket.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|port| *port != 0)?),
            _ => (rest, usual),
        };
        let (below, host) = domains::normalised(host)?;
        let usable = !below || matches!(host, Host::Domain(_));
        usable.then_some(Self { scheme, below, host, port })
    }
}

impl FromStr for HostRule {
    type Err = HostRuleError;

    fn from_str(text: &str) -> Result<Self, HostRuleError> {
        let plain = text.len() <= 300 && text.bytes().all(|byte| byte.is_ascii_graphic() || !byte.is_ascii());
        let rule = if plain { Self::read(text) } else { None };
        rule.ok_or_else(|| HostRuleError(text.chars().take(100).flat_map(char::escape_debug).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, url: &str, expected: bool) {
        let rule: HostRule = rule.parse().unwrap();
        assert_eq!(rule.matches(&Url::parse(url).unwrap()), expected, "{rule:?} {url}");
    }

    #[test]
    fn a_rule_is_for_its_host_port_and_scheme() {
        for (rule, url, expected) in [
            ("api.example.com", "https://api.example.com/x", true),
            ("API.Example.com.", "https://api.example.com./", true),
            ("https://api.example.com", "https://api.example.com:443/", true),
            ("api.example.com", "http://api.example.com/", false),
            ("api.example.com", "http://api.example.com:443/", false),
            ("api.example.com", "https://api.example.com:8443/", false),
            ("api.example.com", "https://x.api.example.com/", false),
            ("api.example.com", "https://example.com/", false),
            ("api.example.com", "https://api.example.com.evil.net/", false),
            ("api.example.com", "https://evil.net/?https://api.example.com", false),
            ("api.example.com:8443", "https://api.example.com:8443/", true),
            ("api.example.com:8443", "https://api.example.com/", false),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://notexample.com/", false),
            ("http://10.1.2.3:8080", "http://10.1.2.3:8080/", true),
            ("http://10.1.2.3:8080", "http://0xa010203:8080/", true),
            ("http://10.1.2.3:8080", "https://10.1.2.3:8080/", false),
            ("http://a.example", "http://a.example/", true),
            ("http://a.example", "https://a.example/", false),
            ("[2606:4700::1111]:8443", "https://[2606:4700::1111]:8443/", true),
            ("[2606:4700::1111]", "https://[2606:4700::1111]/", true),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
        ] {
            check(rule, url, expected);
        }
    }

    #[test]
    fn bad_rules_are_refused() {
        for bad in [
            "",
            "*",
            "*.",
            "a b",
            "ftp://a.example",
            "a.example/x",
            "a.example:0",
            "a.example:x",
            "*.1.2.3.4",
            "u@a.example",
            "a.example:",
            "https://",
            "http://*",
            "a.example\n",
            "a.example:443:443",
        ] {
            assert!(bad.parse::<HostRule>().is_err(), "{bad}");
        }
    }
}
