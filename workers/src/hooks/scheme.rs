//! A way to sign requests: which bytes are signed, with what, and where the signature stands.

use http::HeaderName;
use ring::hmac;

use super::replay::Replay;

/// A way to sign requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheme {
    /// The header with the signature.
    pub(crate) header: HeaderName,
    /// How the signature stands in it.
    pub(crate) form: Form,
    /// The hash.
    pub(crate) algorithm: Algorithm,
    /// How the signature is written.
    pub(crate) encoding: Encoding,
    /// What is signed.
    pub(crate) template: Template,
    /// Where the time of the signature stands, if it has one.
    pub(crate) timestamp: Option<TimestampPlace>,
    /// The header with the request's id, if it has one.
    pub(crate) id_header: Option<HeaderName>,
    /// How far from now the time of a signature may be, in milliseconds; how long one without a time is remembered.
    pub(crate) tolerance_ms: i64,
    /// What happens to a request that came before.
    pub(crate) replay: Replay,
    /// How a secret becomes a key.
    pub(crate) key: KeyForm,
    /// The names of its secrets: a signature by any of them will do.
    pub(crate) secrets: Vec<String>,
}

/// How a signature stands in its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Alone, behind a prefix such as `sha256=`.
    Whole(String),
    /// `t=1700000000,v1=…,v1=…`, as Stripe writes it.
    Pairs,
    /// `v1,… v1,…`, as Standard Webhooks have it.
    Versions,
}

/// The hash of an HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Algorithm {
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    #[default]
    Hex,
    Base64,
}

/// Where the time of a signature stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TimestampPlace {
    /// In a header of its own.
    Header(HeaderName),
    /// In the signature's header ([`Form::Pairs`]).
    Signature,
}

/// How a secret becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// Its bytes are the key.
    Text,
    /// It is base64, perhaps behind `whsec_`.
    WebhookSecret,
}

impl Algorithm {
    pub(super) fn ring(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// What is signed: pieces in a row, such as `{timestamp}.{body}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Timestamp,
    Id,
    Body,
}

impl Template {
    /// Reads a template. Two placeholders have text between them, and the text beside `{timestamp}` no digit at its
    /// side: otherwise the same signed bytes could be cut into other parts.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some(open) = rest.find('{') else {
                pieces.push(Piece::Text(rest.to_owned()));
                break;
            };
            if open > 0 {
                pieces.push(Piece::Text(rest[..open].to_owned()));
            }
            let close = rest[open..].find('}').ok_or("a { has no } after it")?;
            pieces.push(match &rest[open + 1..open + close] {
                "timestamp" => Piece::Timestamp,
                "id" => Piece::Id,
                "body" => Piece::Body,
                other => return Err(format!("{{{other}}} is none of {{timestamp}}, {{id}}, {{body}}")),
            });
            rest = &rest[open + close + 1..];
        }
        let template = Self(pieces);
        template.check()?;
        Ok(template)
    }

    fn check(&self) -> Result<(), String> {
        let count = |piece: &Piece| self.0.iter().filter(|other| *other == piece).count();
        if count(&Piece::Body) != 1 || count(&Piece::Timestamp) > 1 || count(&Piece::Id) > 1 {
            return Err("must have {body} once, {timestamp} and {id} at most once".into());
        }
        for pair in self.0.windows(2) {
            let touches = match (&pair[0], &pair[1]) {
                (Piece::Text(text), Piece::Timestamp) => {
                    // Text that everything begins with is the same in every message.
                    !std::ptr::eq(&pair[0], &self.0[0]) && text.ends_with(|c: char| c.is_ascii_digit())
                }
                (Piece::Timestamp, Piece::Text(text)) => text.starts_with(|c: char| c.is_ascii_digit()),
                (Piece::Text(_), _) | (_, Piece::Text(_)) => false,
                _ => true,
            };
            if touches {
                let message = "needs a separator that is no digit between {timestamp}, {id} and {body}, such as a dot";
                return Err(message.into());
            }
        }
        Ok(())
    }

    /// Whether a time is signed.
    pub(crate) fn has_timestamp(&self) -> bool {
        self.0.contains(&Piece::Timestamp)
    }

    /// Whether an id is signed.
    pub(crate) fn has_id(&self) -> bool {
        self.0.contains(&Piece::Id)
    }

    /// Whether an id can be told from what stands beside it.
    pub(super) fn takes_id(&self, id: &str) -> bool {
        let beside = |at: usize| match self.0.get(at) {
            Some(Piece::Text(text)) => id.contains(text.as_str()),
            _ => false,
        };
        let at = self.0.iter().position(|piece| *piece == Piece::Id);
        at.is_none_or(|at| !beside(at + 1) && (at == 0 || !beside(at - 1)))
    }

    /// The bytes that are signed.
    pub(super) fn message(&self, timestamp: &str, id: &str, body: &[u8]) -> Vec<u8> {
        let mut message = Vec::with_capacity(body.len() + 64);
        for piece in &self.0 {
            message.extend_from_slice(match piece {
                Piece::Text(text) => text.as_bytes(),
                Piece::Timestamp => timestamp.as_bytes(),
                Piece::Id => id.as_bytes(),
                Piece::Body => body,
            });
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read_and_ambiguous_ones_refused() {
        let check = |text: &str, expected: Result<&str, &str>| match (Template::parse(text), expected) {
            (Ok(template), Ok(message)) => {
                assert_eq!(template.message("17", "m1", b"B"), message.as_bytes(), "{text}");
            }
            (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
            (parsed, _) => panic!("{text}: {parsed:?}"),
        };
        check("{body}", Ok("B"));
        check("v0:{timestamp}:{body}", Ok("v0:17:B"));
        check("{id}.{timestamp}.{body}", Ok("m1.17.B"));
        check("{body}|{timestamp}", Ok("B|17"));
        check("", Err("{body} once"));
        check("{timestamp}.", Err("{body} once"));
        check("{body}{body}", Err("{body} once"));
        check("{timestamp}{body}", Err("separator"));
        check("{id}{timestamp}.{body}", Err("separator"));
        check("{timestamp}0.{body}", Err("separator"));
        check("{body}.0{timestamp}", Err("separator"));
        check("{url}{body}", Err("{url} is none of"));
        check("{body", Err("no }"));
    }

    #[test]
    fn an_id_with_the_separator_in_it_is_not_taken() {
        let template = Template::parse("{id}.{timestamp}.{body}").expect("a template");
        assert!(template.takes_id("msg_2b") && !template.takes_id("msg.1700000000"));
    }
}
