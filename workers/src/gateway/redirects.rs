//! Where a redirecting answer leads, and what may go there.

use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, HeaderMap, LOCATION, RANGE, USER_AGENT};
use http::{HeaderName, Method, StatusCode};
use url::Url;

use super::refused::Refused;
use super::request::{Hop, Redirect, check_url};

/// Headers that may go to another host. A list of what is safe: a key can be in a header of any name.
const SAFE_ELSEWHERE: [HeaderName; 6] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, RANGE, USER_AGENT];

/// The request after `hop` was answered with `status` and `headers`; `None` when the answer is the last one.
pub(super) fn next(hop: &Hop, status: StatusCode, headers: &HeaderMap, mode: Redirect) -> Result<Option<Hop>, Refused> {
    let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = headers.get(LOCATION).filter(|_| redirects);
    let Some(location) = location else { return Ok(None) };
    match mode {
        Redirect::Manual => Ok(None),
        Redirect::Error => {
            Err(refuse(format!("the answer is a redirect ({status}), which the request asked to refuse")))
        }
        Redirect::Follow => {
            let (url, shown_url) = target(hop, location.as_bytes())?;
            Ok(Some(moved(hop, status, url, shown_url)))
        }
    }
}

/// Where the redirect leads, and that as it may be shown: a relative one leads on from what the request carries.
fn target(from: &Hop, location: &[u8]) -> Result<(Url, Url), Refused> {
    let text = std::str::from_utf8(location).map_err(|_| refuse("the redirect's Location is not valid text"))?;
    let join = |from: &Url| {
        let joined = from.join(text).map_err(|error| refuse(format!("the redirect's Location is no URL: {error}")))?;
        check_url(joined).map_err(|refused| refuse(format!("the redirect leads nowhere safe: {}", refused.message)))
    };
    let (url, shown) = (join(&from.url)?, join(&from.shown_url)?);
    if from.url.scheme() == "https" && url.scheme() == "http" {
        return Err(refuse(format!(
            "the redirect leads from https to http ({shown}); request that URL yourself if you mean it"
        )));
    }
    Ok((url, shown))
}

/// The same request at `url`: as `fetch` changes the method, and with nothing private when the host is another.
fn moved(hop: &Hop, status: StatusCode, url: Url, shown_url: Url) -> Hop {
    let mut next = Hop { url, shown_url, ..hop.clone() };
    let to_get = match status.as_u16() {
        303 => next.method != Method::HEAD,
        301 | 302 => next.method == Method::POST,
        _ => false,
    };
    if to_get && next.method != Method::GET {
        next.method = Method::GET;
        drop_body(&mut next);
    }
    // A list of hosts is about scheme and port too: with secrets, only the very same origin is the same place.
    let same =
        if hop.carries_secrets { hop.url.origin() == next.url.origin() } else { same_place(&hop.url, &next.url) };
    if !same {
        drop_body(&mut next);
        next.headers = safe(&next.shown_headers);
        next.shown_headers = next.headers.clone();
        next.carries_secrets = false;
    }
    next
}

/// What may go to another host, as the script wrote it.
fn safe(headers: &HeaderMap) -> HeaderMap {
    let kept = headers.iter().filter(|(name, _)| SAFE_ELSEWHERE.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn drop_body(hop: &mut Hop) {
    hop.body = bytes::Bytes::new();
    for name in ["content-encoding", "content-language", "content-location", "content-type"] {
        hop.headers.remove(name);
        hop.shown_headers.remove(name);
    }
}

/// Same origin, or the same host stepping up from http on 80 to https on 443.
fn same_place(from: &Url, to: &Url) -> bool {
    let upgrade = from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
    from.origin() == to.origin() || (upgrade && from.host() == to.host())
}

fn refuse(message: impl Into<String>) -> Refused {
    Refused::new("redirect_refused", message)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let headers =
            [("authorization", "a"), ("x-api-key", "b"), ("accept", "c"), ("content-type", "d"), ("x-custom", "e")];
        let headers = headers.into_iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        let (url, headers): (Url, HeaderMap) = (Url::parse(url).unwrap(), headers.collect());
        let (shown_url, shown_headers) = (url.clone(), headers.clone());
        Hop { method, url, headers, body: "body".into(), carries_secrets: false, shown_url, shown_headers }
    }

    fn go(hop: &Hop, status: u16, location: &str, mode: Redirect) -> Result<Option<Hop>, Refused> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_bytes(location.as_bytes()).unwrap());
        next(hop, StatusCode::from_u16(status).unwrap(), &headers, mode)
    }

    #[test]
    fn the_method_changes_as_fetch_does() {
        let from = "https://a.example/x";
        for (method, status, expected, body) in [
            ("POST", 301, "GET", false),
            ("POST", 302, "GET", false),
            ("POST", 303, "GET", false),
            ("POST", 307, "POST", true),
            ("POST", 308, "POST", true),
            ("PUT", 301, "PUT", true),
            ("PUT", 302, "PUT", true),
            ("PUT", 303, "GET", false),
            ("DELETE", 303, "GET", false),
            ("GET", 301, "GET", true),
            ("GET", 303, "GET", true),
            ("HEAD", 303, "HEAD", true),
        ] {
            let next = go(&hop(method.parse().unwrap(), from), status, "/y", Redirect::Follow).unwrap().unwrap();
            assert_eq!(next.method.as_str(), expected, "{method} {status}");
            assert_eq!(!next.body.is_empty(), body, "{method} {status}");
            assert_eq!(next.headers.contains_key("content-type"), body, "{method} {status}");
            assert_eq!(next.url.as_str(), "https://a.example/y");
            assert!(next.headers.contains_key("authorization") && next.headers.contains_key("x-custom"));
        }
    }

    #[test]
    fn only_safe_headers_leave_the_origin() {
        for (from, location, kept) in [
            ("https://a.example/", "/y", true),
            ("https://a.example/", "https://a.example:443/", true),
            ("http://a.example/", "https://a.example/", true),
            ("https://a.example/", "https://b.example/", false),
            ("https://a.example/", "//b.a.example/", false),
            ("https://a.example/", "https://a.example:8443/", false),
            ("http://a.example:8080/", "https://a.example/", false),
            ("http://a.example/", "https://a.example:8443/", false),
            ("http://a.example/", "https://b.example/", false),
        ] {
            let next = go(&hop(Method::POST, from), 307, location, Redirect::Follow).unwrap().unwrap();
            assert_eq!(next.headers.len(), if kept { 5 } else { 1 }, "{from} {location} {:?}", next.headers);
            assert_eq!(next.body.is_empty(), !kept, "{from} {location}");
            assert!(next.headers.contains_key("accept"));
        }
    }

    #[test]
    fn bad_targets_are_refused() {
        for location in [
            "http://a.example/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "data:,x",
            "https://user:pass@a.example/",
            "https://u@b.example/",
            "javascript:1",
            "https://[::1",
            "http:",
            "//",
            "https://a.example:0/",
        ] {
            let result = go(&hop(Method::GET, "https://a.example/x"), 302, location, Redirect::Follow);
            assert_eq!(result.map(|_| ()).unwrap_err().code, "redirect_refused", "{location}");
        }
    }

    #[test]
    fn other_answers_and_modes_end_the_chain() {
        let first = hop(Method::GET, "https://a.example/x");
        for status in [200, 201, 300, 304, 305, 306, 400] {
            assert!(go(&first, status, "/y", Redirect::Follow).unwrap().is_none(), "{status}");
        }
        assert!(go(&first, 302, "/y", Redirect::Manual).unwrap().is_none());
        assert_eq!(go(&first, 302, "/y", Redirect::Error).map(|_| ()).unwrap_err().code, "redirect_refused");
        assert!(next(&first, StatusCode::FOUND, &HeaderMap::new(), Redirect::Error).unwrap().is_none());
    }
}
