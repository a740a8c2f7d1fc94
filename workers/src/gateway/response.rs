//! An answer as the caller gets it: bounded, and without its compression.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use schedules::{Millis, Stopwatch};
use tokio::time::timeout;

use super::decode::{codings, decode};
use super::refused::Refused;
use super::request::Policy;

/// An answer, whatever its status. Its `Debug` shows neither headers nor body: they may carry credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// The status code.
    pub status: u16,
    /// The status text, as the server sent it.
    pub status_text: String,
    /// The URL that answered, after redirects, without a fragment.
    pub url: String,
    /// Whether a redirect was followed.
    pub redirected: bool,
    /// The headers in order; one byte of a value is one character, as in `fetch`. A body whose compression was taken
    /// off has neither `content-encoding` nor `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, body, .. } = self;
        f.debug_struct("Received").field("status", status).field("body_bytes", &body.len()).finish_non_exhaustive()
    }
}

impl Received {
    /// The pause a 429 or 503 asks for in `Retry-After`, in seconds or as a date.
    pub fn retry_after_ms(&self, now: Millis) -> Option<u64> {
        let asks = matches!(self.status, 429 | 503);
        let (_, value) = self.headers.iter().find(|(name, _)| asks && name == "retry-after")?;
        if let Ok(seconds) = value.trim().parse::<u64>() {
            return Some(seconds.saturating_mul(1000));
        }
        let date = httpdate::parse_http_date(value.trim()).ok()?;
        let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        let pause = date.duration_since(now).unwrap_or_default();
        Some(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Headers as pairs of text.
pub(super) fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

/// The least rate at which a body may arrive, in bytes a second.
const MIN_RATE: u64 = 1 << 10;

/// Reads a body as it arrives, counting into `received`: no more of it, and no slower, than `policy` says.
pub(super) async fn read_body(mut body: Incoming, policy: &Policy, received: &mut u64) -> Result<Vec<u8>, Refused> {
    let (limit, watch) = (policy.max_response_bytes, Stopwatch::start());
    if body.size_hint().lower() > limit {
        return Err(Refused::too_large("bytes", limit));
    }
    let mut bytes = Vec::new();
    loop {
        // What has arrived pays for so much time at the least rate.
        let patience = policy.slow_after.max(Duration::from_secs(*received / MIN_RATE));
        let frame = timeout(patience.saturating_sub(watch.elapsed()), body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow(*received, watch.elapsed()))? else { return Ok(bytes) };
        let frame = frame.map_err(|error| Refused::from_hyper(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        *received += data.len() as u64;
        if *received > limit {
            return Err(Refused::too_large("bytes", limit));
        }
        bytes.extend_from_slice(&data);
    }
}

fn too_slow(received: u64, after: Duration) -> Refused {
    let message = format!("the response arrives too slowly: {received} bytes in {} s", after.as_secs());
    Refused::new("response_too_slow", message)
}

/// Takes the compression off a body, on a thread that may be busy for a while.
pub(super) async fn unpack(body: Vec<u8>, headers: &mut HeaderMap, limit: u64) -> Result<Vec<u8>, Refused> {
    let named = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let named = named.collect::<Vec<_>>().join(",");
    let layers = match codings(&named)? {
        Some(layers) if !layers.is_empty() && !body.is_empty() => layers,
        _ => return Ok(body),
    };
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    let unpacked = tokio::task::spawn_blocking(move || decode(body, &layers, limit)).await;
    unpacked
        .unwrap_or_else(|error| Err(Refused::new("bad_response", format!("the body cannot be decompressed: {error}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_or_date() {
        let now = Millis(1_767_225_600_000); // 2026-01-01T00:00:00Z, a Thursday
        for (status, value, expected) in [
            (429, "120", Some(120_000)),
            (503, " 0 ", Some(0)),
            (429, "Thu, 01 Jan 2026 00:01:00 GMT", Some(60_000)),
            (429, "Wed, 31 Dec 2025 00:01:00 GMT", Some(0)),
            (429, "18446744073709551615", Some(u64::MAX)),
            (429, "soon", None),
            (429, "-1", None),
            (429, "1.5", None),
            (200, "120", None),
            (500, "120", None),
        ] {
            let headers = vec![("retry-after".to_owned(), value.to_owned())];
            let url = String::new();
            let received =
                Received { status, status_text: String::new(), url, redirected: false, headers, body: vec![] };
            assert_eq!(received.retry_after_ms(now), expected, "{status} {value}");
        }
    }
}
