//! A request as the caller wants it, and as it goes out after its URL, method and headers are checked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Uri};
use url::Url;

use super::insert::Inserts;
use super::refused::Refused;
use super::route::Route;

/// The most bytes of a URL.
const MAX_URL_BYTES: usize = 8 << 10;
/// The most headers of a request, and their bytes.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;
/// The most bytes of a method's name.
const MAX_METHOD_BYTES: usize = 32;

/// Methods that are understood in any case.
const KNOWN_METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Methods that would turn the gateway into a tunnel or a mirror.
const REFUSED_METHODS: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];
/// Headers that belong to the connection: HTTP libraries inside scripts set them, the gateway sets its own.
const OWN_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What to do with a redirecting answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    /// Follow it.
    #[default]
    Follow,
    /// Hand it on.
    Manual,
    /// Refuse it.
    Error,
}

impl From<scripts::protocol::Redirect> for Redirect {
    fn from(written: scripts::protocol::Redirect) -> Self {
        match written {
            scripts::protocol::Redirect::Follow => Self::Follow,
            scripts::protocol::Redirect::Manual => Self::Manual,
            scripts::protocol::Redirect::Error => Self::Error,
        }
    }
}

/// A request to send. Its `Debug` shows neither URL, headers nor body: any of them may carry a secret.
#[derive(Clone)]
pub struct Outgoing {
    /// The method; the usual ones in any case, others are sent as they are written.
    pub method: String,
    /// An absolute `http` or `https` URL without credentials in it.
    pub url: String,
    /// Headers in order. `Host` may only repeat the URL's; those of the connection (`Content-Length`, `Connection`,
    /// `Transfer-Encoding`, …) are the gateway's own and are left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// What to do with a redirecting answer.
    pub redirect: Redirect,
    /// For everything, redirects and the body included.
    pub timeout: Duration,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("redirect", &self.redirect)
            .finish_non_exhaustive()
    }
}

/// What the integration may do.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The hosts it may reach, exact or `*.example.com`; `None` is any.
    pub allowed_domains: Option<Vec<String>>,
    /// The most bytes of a body, as it arrives and after decompression.
    pub max_response_bytes: u64,
    /// The most redirects followed.
    pub max_redirects: usize,
    /// From which address, and through which proxy.
    pub route: Route,
    /// From then on a body must arrive with at least 1 KiB a second, taken from its beginning.
    pub slow_after: Duration,
    /// What takes the place of `$(secret:NAME)` in URL, headers and body.
    pub secrets: Arc<Inserts>,
}

impl Default for Policy {
    /// Any host by any way, 10 MiB, 5 redirects, 10 s without a least rate, no secrets.
    fn default() -> Self {
        Self {
            allowed_domains: None,
            max_response_bytes: 10 << 20,
            max_redirects: 5,
            route: Route::default(),
            slow_after: Duration::from_secs(10),
            secrets: Arc::default(),
        }
    }
}

/// One request of a chain, checked.
#[derive(Clone)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether secrets were put into it.
    pub(super) carries_secrets: bool,
    /// URL and headers without these secrets: what the log and the script are told.
    pub(super) shown_url: Url,
    pub(super) shown_headers: HeaderMap,
}

impl Hop {
    /// The first request of a chain, as it was written.
    pub(super) fn first(request: Outgoing) -> Result<Self, Refused> {
        let url = parse_url(&request.url)?;
        let method = parse_method(&request.method)?;
        let headers = parse_headers(&request.headers, &url)?;
        let (shown_url, shown_headers) = (url.clone(), headers.clone());
        let body = Bytes::from(request.body.unwrap_or_default());
        Ok(Self { method, url, headers, body, carries_secrets: false, shown_url, shown_headers })
    }

    /// The URL as the pooled client takes it.
    pub(super) fn uri(&self) -> Result<Uri, Refused> {
        let uri: Uri = self.url.as_str().parse().map_err(|error| invalid_url(format!("it cannot be sent: {error}")))?;
        // Both parsers must mean the same host: one is checked, the other is connected to.
        if uri.host() != self.url.host_str() || uri.port_u16() != self.url.port() {
            return Err(invalid_url("its host is ambiguous"));
        }
        Ok(uri)
    }
}

/// An absolute http(s) URL within the limits, without its fragment.
pub(super) fn parse_url(text: &str) -> Result<Url, Refused> {
    let too_long = || invalid_url(format!("it is longer than {MAX_URL_BYTES} bytes"));
    if text.len() > MAX_URL_BYTES {
        return Err(too_long());
    }
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => invalid_url("it must be absolute, as in https://example.com/path"),
        other => invalid_url(other.to_string()),
    })?;
    check_url(url)
}

/// The rules that hold for the first URL and for every redirect's.
pub(super) fn check_url(mut url: Url) -> Result<Url, Refused> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid_url(format!("only http and https are supported, not `{}`", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid_url("it carries a user name or password; send an Authorization header instead"));
    }
    if url.port() == Some(0) {
        return Err(invalid_url("port 0 cannot be connected to"));
    }
    url.set_fragment(None);
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(invalid_url(format!("it is longer than {MAX_URL_BYTES} bytes")));
    }
    Ok(url)
}

fn invalid_url(reason: impl fmt::Display) -> Refused {
    Refused::new("invalid_url", format!("the URL is not usable: {reason}"))
}

fn parse_method(text: &str) -> Result<Method, Refused> {
    let known = KNOWN_METHODS.iter().find(|known| known.eq_ignore_ascii_case(text));
    let refused = REFUSED_METHODS.iter().any(|refused| refused.eq_ignore_ascii_case(text));
    let text = known.copied().unwrap_or(text);
    let usable = !refused && text.len() <= MAX_METHOD_BYTES;
    let method = usable.then(|| Method::from_bytes(text.as_bytes()).ok()).flatten();
    // Not cut short: half a secret cannot be masked any more.
    let shown = if text.len() <= MAX_METHOD_BYTES { text } else { "a text that long" };
    method
        .ok_or_else(|| Refused::new("invalid_method", format!("`{}` cannot be used as a method", shown.escape_debug())))
}

fn parse_headers(list: &[(String, String)], url: &Url) -> Result<HeaderMap, Refused> {
    let bytes: usize = list.iter().map(|(name, value)| name.len() + value.len()).sum();
    if list.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(too_many_headers());
    }
    let mut headers = HeaderMap::with_capacity(list.len() + 3);
    for (name, value) in list {
        let (name, value) = parse_header(name, value)?;
        if name == HOST {
            check_host(&value, url)?;
        } else if !OWN_HEADERS.contains(&name.as_str()) {
            headers.append(name, value);
        }
    }
    let agent = concat!("tidegate/", env!("CARGO_PKG_VERSION"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(agent));
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip, br, deflate"));
    Ok(headers)
}

/// Refuses headers that have grown too large.
pub(super) fn check_header_bytes(headers: &HeaderMap) -> Result<(), Refused> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_HEADER_BYTES { Err(too_many_headers()) } else { Ok(()) }
}

fn too_many_headers() -> Refused {
    let limit = format!("a request has at most {MAX_HEADERS} headers and {MAX_HEADER_BYTES} bytes of them");
    Refused::new("invalid_header", limit)
}

/// A header as `fetch` takes it: a token, and a value of characters up to U+00FF without CR, LF and NUL.
fn parse_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Refused> {
    let shown = if name.len() <= 100 { name } else { "with that long name" };
    let invalid = |reason: &str| {
        Refused::new("invalid_header", format!("the header `{}` cannot be sent: {reason}", shown.escape_debug()))
    };
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("its name is no HTTP token"))?;
    let trimmed = value.trim_matches([' ', '\t', '\r', '\n']);
    let latin1: Result<Vec<u8>, _> = trimmed.chars().map(|c| u8::try_from(u32::from(c))).collect();
    let latin1 = latin1.map_err(|_| invalid("its value has characters beyond U+00FF; encode them"))?;
    let value = HeaderValue::from_bytes(&latin1).map_err(|_| invalid("its value has control characters"))?;
    Ok((name, value))
}

/// Another host in `Host` than in the URL would pass by the list of allowed hosts.
fn check_host(value: &HeaderValue, url: &Url) -> Result<(), Refused> {
    let host = url.host_str().unwrap_or_default();
    let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    let given = value.to_str().unwrap_or_default();
    if given.eq_ignore_ascii_case(host) || given.eq_ignore_ascii_case(&with_port) {
        return Ok(());
    }
    Err(Refused::new("invalid_header", "the header `host` comes from the URL and cannot name another host"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outgoing(method: &str, url: &str, headers: &[(&str, &str)]) -> Outgoing {
        Outgoing {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: None,
            redirect: Redirect::Follow,
            timeout: Duration::from_secs(1),
        }
    }

    fn check(method: &str, url: &str, headers: &[(&str, &str)], expected: Result<(), &str>) {
        let result = Hop::first(outgoing(method, url, headers)).and_then(|hop| hop.uri().map(|_| ()));
        assert_eq!(result.map_err(|refused| refused.code), expected, "{method} {url} {headers:?}");
    }

    #[test]
    fn urls_methods_and_headers_are_checked() {
        let ok = "https://example.com/";
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES));
        let grows = format!("https://example.com/{}", "é".repeat(MAX_URL_BYTES / 4));
        for url in [
            "",
            "/path",
            "example.com",
            "//example.com",
            "ftp://example.com/",
            "file:///etc/passwd",
            "data:,x",
            "javascript:1",
            "gopher://example.com/",
            "ws://example.com/",
            "https://",
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "https://:pass@example.com/",
            "http://example.com:99999/",
            "http://example.com:0/",
            "http://exa mple.com/",
            "http://[::1",
            "http://[fe80::1%25eth0]/",
            "http://%00/",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
            "http://0x100000000/",
            &long,
            &grows,
        ] {
            check("GET", url, &[], Err("invalid_url"));
        }
        for url in
            [ok, "HTTP://EXAMPLE.com", "https://example.com/a b?x={\"a\":[1|2]}`^#frag", "http://bücher.example/ü"]
        {
            check("GET", url, &[], Ok(()));
        }
        for method in ["get", "PATCH", "patch", "PURGE", "M-SEARCH", "query"] {
            check(method, ok, &[], Ok(()));
        }
        for method in ["", "CONNECT", "connect", "Trace", "TRACK", "GET /", "GE\r\nT", "é", &"A".repeat(33)] {
            check(method, ok, &[], Err("invalid_method"));
        }
        for header in [
            ("x", "a\r\nb: c"),
            ("x", "a\nb"),
            ("x", "a\0b"),
            ("x\r\ny", "1"),
            ("", "1"),
            ("a b", "1"),
            ("é", "1"),
            ("x", "snow ☃"),
            ("x", "\u{7f}"),
            ("host", "evil.example"),
            ("Host", "example.com:8443"),
        ] {
            check("GET", ok, &[header], Err("invalid_header"));
        }
        for header in
            [("x", ""), ("x", " padded\t"), ("x", "caf\u{e9}"), ("Host", "EXAMPLE.com"), ("host", "example.com:443")]
        {
            check("GET", ok, &[header], Ok(()));
        }
        let many: Vec<_> = (0..=MAX_HEADERS).map(|_| ("x", "1")).collect();
        check("GET", ok, &many, Err("invalid_header"));
        check("GET", ok, &[("x", &"a".repeat(MAX_HEADER_BYTES))], Err("invalid_header"));
    }

    #[test]
    fn headers_of_the_connection_are_left_out_and_defaults_added() {
        let own: Vec<_> =
            OWN_HEADERS.iter().map(|name| (*name, "1")).chain([("X-Mine", "2"), ("x-mine", "3")]).collect();
        let hop = Hop::first(outgoing("get", "https://example.com/#frag", &own)).unwrap();
        let names: Vec<_> = hop.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(hop.headers.get_all("x-mine").iter().count(), 2);
        assert_eq!(hop.headers["user-agent"], format!("tidegate/{}", env!("CARGO_PKG_VERSION")));
        assert_eq!((hop.method, hop.url.as_str()), (Method::GET, "https://example.com/"));
    }

    proptest! {
        #[test]
        fn what_passes_can_be_sent_and_nothing_panics(method in "\\PC{0,8}", url in "\\PC{0,40}", rest in "\\PC{0,60}",
                                                      name in "\\PC{0,8}", value in "(?s).{0,20}") {
            for url in [url, format!("http://{rest}"), format!("https://example.com/{rest}?{rest}")] {
                if let Ok(hop) = Hop::first(outgoing("GET", &url, &[])) {
                    let uri = hop.uri();
                    prop_assert!(uri.is_ok() || !rest.is_ascii() || !url.starts_with("https"), "{}: {:?}", url, uri);
                }
            }
            let _ = Hop::first(outgoing(&method, "https://example.com/", &[]));
            if let Ok(hop) = Hop::first(outgoing("GET", "https://example.com/", &[(&name, &value)])) {
                let sent = hop.headers.values().flat_map(|value| value.as_bytes());
                prop_assert!(sent.into_iter().all(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
            }
        }
    }
}
