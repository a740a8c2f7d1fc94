//! Why a request has no answer: a stable code and a sentence for the author of the script.

use std::error::Error as _;
use std::time::Duration;

use hyper_util::client::legacy;

/// A request that got no answer, or whose answer may not be handed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// A stable code: `egress_denied`, `domain_not_allowed`, `invalid_url`, `invalid_method`, `invalid_header`,
    /// `dns_failed`, `connect_failed`, `tls_failed`, `request_timeout`, `connection_closed`, `bad_response`,
    /// `response_too_large`, `too_many_redirects`, `redirect_refused`, `unknown_secret`, `secret_not_allowed_here`,
    /// `too_many_secrets`, `proxy_not_allowed`, `proxy_failed`, `response_too_slow`.
    pub code: &'static str,
    /// What happened and what to do about it; never contains a header's value or a body.
    pub message: String,
    /// The pause before another try makes sense, when the gateway knows it.
    pub retry_after_ms: Option<u64>,
}

impl Refused {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None }
    }

    pub(super) fn timeout(limit: Duration) -> Self {
        Self::new("request_timeout", format!("the request did not finish within {} ms", limit.as_millis()))
    }

    pub(super) fn too_large(what: &str, limit: u64) -> Self {
        Self::new("response_too_large", format!("the response's {what} exceed the limit of {limit} bytes"))
    }

    /// What the pooled client's error means.
    pub(super) fn from_client(error: &legacy::Error) -> Self {
        let mut cause = error.source();
        while let Some(current) = cause {
            if let Some(refused) = current.downcast_ref::<Self>() {
                return refused.clone();
            }
            if let Some(hyper) = current.downcast_ref::<hyper::Error>() {
                return Self::from_hyper(hyper);
            }
            cause = current.source();
        }
        Self::new("connection_closed", format!("the connection failed: {error}"))
    }

    /// What an error of a connection in use means.
    pub(super) fn from_hyper(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            return Self::new("response_too_large", "the response has more than 100 headers or 64 KiB of them");
        }
        if error.is_parse() {
            return Self::new("bad_response", format!("the answer is not valid HTTP/1.1: {error}"));
        }
        let reason = error.source().map_or_else(|| error.to_string(), |source| source.to_string());
        Self::new("connection_closed", format!("the connection was lost before the answer was complete: {reason}"))
    }
}
