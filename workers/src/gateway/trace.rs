//! What a run's log says about a request: one line, and the detail behind it.

use std::net::SocketAddr;

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::connector::Opened;
use super::refused::Refused;
use super::response::listed;

const MASK: &str = "******";
/// The longest URL that is shown; longer ones are refused.
const MAX_SHOWN_BYTES: usize = 8 << 10;
/// A header whose name contains one of these carries a credential more often than not.
const TELLING: [&str; 10] =
    ["auth", "cookie", "token", "secret", "password", "api-key", "apikey", "signature", "credential", "session"];

/// The record of one request, whether it was answered or not.
///
/// It masks headers by name; the values of known secrets are the redactor's to mask, in the line and in the detail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The method asked for.
    pub method: String,
    /// The URL asked for, without credentials.
    pub url: String,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// Its text.
    pub status_text: String,
    /// The code of the refusal, if there was one.
    pub error: Option<&'static str>,
    /// From the start to the end.
    pub total_ms: u64,
    /// From the start to the headers of the last answer; all of the time when there was none.
    pub wait_ms: u64,
    /// From there to the end of the body.
    pub receive_ms: u64,
    /// Looking names up; `None` when every connection was there already, as for the next two.
    pub dns_ms: Option<u64>,
    /// Connecting.
    pub connect_ms: Option<u64>,
    /// TLS handshakes.
    pub tls_ms: Option<u64>,
    /// The address that answered last.
    pub remote: Option<SocketAddr>,
    /// Bytes of bodies sent.
    pub sent_bytes: u64,
    /// Bytes of the body received, before decompression.
    pub received_bytes: u64,
    /// The headers of the last request sent, credentials masked.
    pub request_headers: Vec<(String, String)>,
    /// The headers of the last answer, likewise.
    pub response_headers: Vec<(String, String)>,
    /// Where the redirects that were followed led, in order.
    pub redirects: Vec<String>,
}

impl Trace {
    pub(super) fn new(method: &str, url: &str) -> Self {
        Self { method: shown_method(method), url: shown(url), ..Self::default() }
    }

    /// A request goes out.
    pub(super) fn sent(&mut self, headers: &HeaderMap, body_bytes: usize) {
        self.request_headers = masked(headers);
        self.sent_bytes += body_bytes as u64;
    }

    /// An answer's headers are in, `elapsed_ms` after the start.
    pub(super) fn answered(&mut self, elapsed_ms: u64, status: StatusCode, text: &str, headers: &HeaderMap) {
        self.wait_ms = elapsed_ms;
        self.status = Some(status.as_u16());
        text.clone_into(&mut self.status_text);
        self.response_headers = masked(headers);
    }

    /// The connection an answer came on; its making counts for the request that caused it.
    pub(super) fn connection(&mut self, opened: &Opened) {
        self.remote = opened.remote;
        if opened.claim() {
            self.dns_ms = Some(self.dns_ms.unwrap_or(0) + opened.dns_ms);
            self.connect_ms = Some(self.connect_ms.unwrap_or(0) + opened.connect_ms);
            self.tls_ms = opened.tls_ms.map(|ms| self.tls_ms.unwrap_or(0) + ms).or(self.tls_ms);
        }
    }

    /// It is over, `elapsed_ms` after the start.
    pub(super) fn ended(&mut self, elapsed_ms: u64, refused: Option<&Refused>) {
        self.total_ms = elapsed_ms;
        self.error = refused.map(|refused| refused.code);
        if self.status.is_none() {
            self.wait_ms = elapsed_ms;
        }
        self.receive_ms = elapsed_ms.saturating_sub(self.wait_ms);
    }

    /// `GET https://example.com/ - 200 OK`, or `… - failed: egress_denied`.
    pub fn line(&self) -> String {
        let Self { method, url, status, status_text, error, .. } = self;
        match (error, status) {
            (Some(code), _) => format!("{method} {url} - failed: {code}"),
            (None, Some(status)) => format!("{method} {url} - {status} {status_text}").trim_end().to_owned(),
            (None, None) => format!("{method} {url}"),
        }
    }

    /// What the line expands to.
    pub fn detail(&self) -> Value {
        json!({
            "method": self.method,
            "url": self.url,
            "status": self.status,
            "statusText": self.status_text,
            "error": self.error,
            "totalMs": self.total_ms,
            "waitMs": self.wait_ms,
            "receiveMs": self.receive_ms,
            "dnsMs": self.dns_ms,
            "connectMs": self.connect_ms,
            "tlsMs": self.tls_ms,
            "remote": self.remote.map(|remote| remote.to_string()),
            "sentBytes": self.sent_bytes,
            "receivedBytes": self.received_bytes,
            "requestHeaders": self.request_headers,
            "responseHeaders": self.response_headers,
            "redirects": self.redirects,
        })
    }
}

fn masked(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut list = listed(headers);
    for (name, value) in &mut list {
        if TELLING.iter().any(|telling| name.contains(telling)) {
            MASK.clone_into(value);
        }
    }
    list
}

/// A method for the log. Never a part of a long text: half a secret cannot be masked any more.
fn shown_method(text: &str) -> String {
    match text {
        text if text.len() > 32 => format!("({} bytes)", text.len()),
        text if text.bytes().all(|byte| byte.is_ascii_lowercase()) => text.to_ascii_uppercase(),
        text => text.chars().flat_map(char::escape_debug).collect(),
    }
}

/// A URL for the log, also one that is refused: no fragment, no credentials, no control characters, not endless.
fn shown(text: &str) -> String {
    if text.len() > MAX_SHOWN_BYTES {
        return format!("(a URL of {} bytes)", text.len());
    }
    let Ok(mut url) = Url::parse(text) else {
        let tail = text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, tail)| format!("{MASK}@{tail}"));
        return tail.chars().flat_map(char::escape_debug).collect();
    };
    url.set_fragment(None);
    let credentials = !url.username().is_empty() || url.password().is_some();
    if credentials && (url.set_username(MASK).is_err() || url.set_password(None).is_err()) {
        return format!("{}:{MASK}", url.scheme());
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_credentials() {
        for (text, expected) in [
            ("https://example.com/a?b=c#d", "https://example.com/a?b=c"),
            ("https://user:hunter22@example.com/a", "https://******@example.com/a"),
            ("https://hunter22@example.com/a", "https://******@example.com/a"),
            ("https://user:hunter22@exa mple.com/a", "******@exa mple.com/a"),
            ("not\na url", "not\\na url"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert_eq!(shown(&"x".repeat(100_000)), "(a URL of 100000 bytes)");
    }

    #[test]
    fn credentials_in_headers_are_masked() {
        let names = [
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "x-api-key",
            "apikey",
            "x-auth-token",
            "x-amz-security-token",
            "x-hub-signature-256",
            "x-vault-token",
            "client-secret",
        ];
        for name in names.into_iter().chain(["accept", "content-type", "x-request-id"]) {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), "value".parse().unwrap())]);
            assert_eq!(masked(&headers)[0].1 == MASK, names.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_line_says_how_it_ended() {
        let mut trace = Trace::new("get", "https://example.com");
        assert_eq!(trace.line(), "GET https://example.com/");
        trace.answered(7, StatusCode::OK, "OK", &HeaderMap::new());
        trace.ended(9, None);
        assert_eq!(trace.line(), "GET https://example.com/ - 200 OK");
        assert_eq!((trace.wait_ms, trace.receive_ms, trace.total_ms), (7, 2, 9));
        trace.ended(9, Some(&Refused::new("response_too_large", "")));
        assert_eq!(trace.line(), "GET https://example.com/ - failed: response_too_large");
        assert_eq!(trace.detail()["error"], "response_too_large");
    }
}
