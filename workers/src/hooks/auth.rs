//! How a hook's callers prove themselves, and why one is refused.

use http::HeaderMap;
use schedules::Millis;
use zeroize::Zeroizing;

use super::credentials::{Basic, Token};
use super::scheme::Scheme;
use super::signature::Claim;

/// How a hook's callers prove themselves.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    /// Not at all: anyone may call.
    None,
    /// By a token in a header or a query parameter.
    Token(Token),
    /// By user and password (RFC 7617).
    Basic(Basic),
    /// By an HMAC of what they send.
    Signed(Scheme),
}

/// Why a caller is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no token, or no user and password.
    MissingCredentials,
    /// Token, user or password are wrong, or there twice.
    WrongCredentials,
    /// A header that the signature needs is not there.
    MissingSignature,
    /// A header of the signature cannot be read, or is there twice.
    MalformedSignature,
    /// No signature is that of what came.
    WrongSignature,
    /// The signature is older than the tolerance.
    Late,
    /// The signature is of a time further ahead than the tolerance.
    Early,
    /// The same signed request has run already.
    Replayed,
    /// None of the secrets that the settings name is set, or none can be used.
    NoSecret,
}

impl Refusal {
    /// As metrics and logs name it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::MissingCredentials => "missing_credentials",
            Self::WrongCredentials => "wrong_credentials",
            Self::MissingSignature => "missing_signature",
            Self::MalformedSignature => "malformed_signature",
            Self::WrongSignature => "wrong_signature",
            Self::Late => "late",
            Self::Early => "early",
            Self::Replayed => "replayed",
            Self::NoSecret => "no_secret",
        }
    }

    /// The code of the answer. That a secret is not set is the operator's affair: callers see a proof that fails.
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingCredentials => "missing_credentials",
            Self::WrongCredentials | Self::NoSecret => "invalid_credentials",
            Self::MissingSignature => "missing_signature",
            Self::MalformedSignature | Self::WrongSignature => "invalid_signature",
            Self::Late | Self::Early => "stale_timestamp",
            Self::Replayed => "replayed_request",
        }
    }
}

impl Refusal {
    /// What the caller is told.
    pub fn message(self) -> &'static str {
        match self {
            Self::MissingCredentials => "this hook needs its token, or its user and password",
            Self::WrongCredentials | Self::NoSecret => "these credentials do not open this hook",
            Self::MissingSignature => "this hook takes signed requests only; a header of the signature is missing",
            Self::MalformedSignature => "the headers of the signature cannot be read, or are there twice",
            Self::WrongSignature => "the signature is not that of this body",
            Self::Late => "the signature is too old",
            Self::Early => "the signature is of a time to come; is the sender's clock right?",
            Self::Replayed => "this very request came before and was run; sign it anew to have it run again",
        }
    }
}

impl Auth {
    /// The names of the secrets it goes by.
    pub fn secrets(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::Token(token) => &token.secrets,
            Self::Basic(basic) => &basic.secrets,
            Self::Signed(scheme) => &scheme.secrets,
        }
    }

    /// Looks at what comes before the body. `None`: the caller is proven; otherwise the body has to prove it.
    pub fn check_head(
        &self,
        headers: &HeaderMap,
        query: &str,
        secret: impl Fn(&str) -> Option<Zeroizing<String>>,
        now: Millis,
    ) -> Result<Option<Claim<'_>>, Refusal> {
        let values: Vec<Zeroizing<String>> = self.secrets().iter().filter_map(|name| secret(name)).collect();
        match self {
            Self::None => Ok(None),
            Self::Token(token) => token.check(headers, query, &values).map(|()| None),
            Self::Basic(basic) => basic.check(headers, &values).map(|()| None),
            Self::Signed(scheme) => Claim::read(scheme, headers, &values, now).map(Some),
        }
    }

    /// Takes the credentials that proved the caller out of what the handler is given.
    pub fn conceal(&self, headers: &mut HeaderMap) {
        if let Some(name) = self.concealed_header() {
            headers.remove(name);
        }
    }

    fn concealed_header(&self) -> Option<&http::HeaderName> {
        match self {
            Self::None | Self::Signed(_) => None,
            Self::Token(token) => token.header(),
            Self::Basic(_) => Some(&http::header::AUTHORIZATION),
        }
    }

    /// The query parameter with the token, which the handler is not given either.
    pub fn concealed_parameter(&self) -> Option<&str> {
        match self {
            Self::Token(token) => token.parameter(),
            Self::None | Self::Basic(_) | Self::Signed(_) => None,
        }
    }

    /// What the answer's `WWW-Authenticate` asks for.
    pub fn challenge(&self) -> &'static str {
        match self {
            Self::None | Self::Token(_) => "Bearer realm=\"hook\"",
            Self::Basic(_) => "Basic realm=\"hook\", charset=\"UTF-8\"",
            Self::Signed(_) => "Signature realm=\"hook\"",
        }
    }
}
