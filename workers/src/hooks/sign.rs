//! Makes the proof that a hook asks for: what a sender does, for tests and the command line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::auth::Auth;
use super::credentials::Place;
use super::scheme::{Encoding, Form, Scheme, TimestampPlace};

/// When and as what a request is signed.
#[derive(Clone, Debug)]
pub struct Signing {
    /// Unix seconds.
    pub timestamp: i64,
    /// The request's id, for schemes that have one.
    pub id: String,
}

/// Names and values of headers, and of parameters.
type Pairs = Vec<(String, String)>;

impl Auth {
    /// The headers and the query parameters that prove `body` with this secret; `None` if the secret cannot be a key.
    pub fn prove(&self, secret: &str, body: &[u8], signing: &Signing) -> Option<(Pairs, Pairs)> {
        let headers = match self {
            Self::None => Vec::new(),
            Self::Token(token) => match &token.place {
                Place::Header(name, prefix) => vec![(name.to_string(), format!("{prefix}{secret}"))],
                Place::Query(name) => return Some((Vec::new(), vec![(name.clone(), secret.to_owned())])),
            },
            Self::Basic(basic) => {
                let pair = STANDARD.encode(format!("{}:{secret}", basic.user));
                vec![("authorization".into(), format!("Basic {pair}"))]
            }
            Self::Signed(scheme) => scheme.sign(secret, body, signing)?,
        };
        Some((headers, Vec::new()))
    }
}

impl Scheme {
    fn sign(&self, secret: &str, body: &[u8], signing: &Signing) -> Option<Pairs> {
        let timestamp = signing.timestamp.to_string();
        let message = self.template.message(&timestamp, &signing.id, body);
        let tag = hmac::sign(&self.key_of(secret)?, &message);
        let text = match self.encoding {
            Encoding::Base64 => STANDARD.encode(tag.as_ref()),
            Encoding::Hex => tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let value = match &self.form {
            Form::Whole(prefix) => format!("{prefix}{text}"),
            Form::Pairs => format!("t={timestamp},v1={text}"),
            Form::Versions => format!("v1,{text}"),
        };
        let id = self.id_header.as_ref().map(|name| (name.to_string(), signing.id.clone()));
        let time = match &self.timestamp {
            Some(TimestampPlace::Header(name)) => Some((name.to_string(), timestamp)),
            Some(TimestampPlace::Signature) | None => None,
        };
        Some(id.into_iter().chain(time).chain([(self.header.to_string(), value)]).collect())
    }
}
