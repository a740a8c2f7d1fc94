//! Tests a signature: the headers first, then the bytes of the body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use ring::hmac;
use schedules::Millis;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::auth::Refusal;
use super::credentials::same;
use super::replay::{Replay, Seen};
use super::scheme::{Encoding, Form, KeyForm, Scheme, TimestampPlace};
use super::standard;

/// As many signatures are looked at; one for each secret while they are changed is what is usual.
const MAX_SIGNATURES: usize = 10;
const MAX_ID_BYTES: usize = 255;
/// Times of more are milliseconds, not seconds: as seconds they would be after the year 5138.
const FIRST_MS: i64 = 100_000_000_000;

/// What the headers of a request claim; its body has to bear it out.
#[derive(Debug)]
pub struct Claim<'s> {
    scheme: &'s Scheme,
    signatures: Vec<Vec<u8>>,
    timestamp: String,
    signed_at: Option<Millis>,
    id: String,
    keys: Vec<hmac::Key>,
    now: Millis,
}

impl<'s> Claim<'s> {
    /// Reads the headers, and refuses what no body can bear out.
    pub(super) fn read(
        scheme: &'s Scheme,
        headers: &HeaderMap,
        secrets: &[Zeroizing<String>],
        now: Millis,
    ) -> Result<Self, Refusal> {
        let keys: Vec<hmac::Key> = secrets.iter().filter_map(|secret| scheme.key_of(secret)).collect();
        if keys.is_empty() {
            return Err(Refusal::NoSecret);
        }
        let Written { signatures, timestamp: beside } = scheme.written(single(headers, &scheme.header)?)?;
        let timestamp = match &scheme.timestamp {
            None => String::new(),
            Some(TimestampPlace::Header(name)) => single(headers, name)?.to_owned(),
            Some(TimestampPlace::Signature) => beside.ok_or(Refusal::MalformedSignature)?.to_owned(),
        };
        let signed_at = scheme.timestamp.is_some().then(|| time(&timestamp)).transpose()?;
        if let Some(at) = signed_at {
            in_time(at, now, scheme.tolerance_ms)?;
        }
        let id = scheme.id_header.as_ref().map(|name| single(headers, name)).transpose()?.unwrap_or("").to_owned();
        let usable = !id.is_empty() && id.len() <= MAX_ID_BYTES && scheme.template.takes_id(&id);
        if scheme.id_header.is_some() && !usable {
            return Err(Refusal::MalformedSignature);
        }
        Ok(Self { scheme, signatures, timestamp, signed_at, id, keys, now })
    }

    /// Tests the signatures against the body as it came; gives what it takes to know the request again.
    pub fn check_body(&self, body: &[u8]) -> Result<Option<Seen>, Refusal> {
        let message = self.scheme.template.message(&self.timestamp, &self.id, body);
        // A body is hashed once for each secret, however many signatures came with it.
        let signed = |key: &hmac::Key| {
            let tag = hmac::sign(key, &message);
            self.signatures.iter().any(|given| same(given, tag.as_ref()))
        };
        if !self.keys.iter().any(signed) {
            return Err(Refusal::WrongSignature);
        }
        if self.scheme.replay == Replay::Allow {
            return Ok(None);
        }
        // The message and not the signature: one that was made with another secret, or is written in capitals, does not
        // make it another request.
        let id = Sha256::digest(&message).into();
        // As long as its time is in the tolerance it would be taken again.
        let last = self.signed_at.map_or(self.now, |at| at.max(self.now)).after(self.scheme.tolerance_ms);
        Ok(Some(Seen { id, until: last.after(1_000), replay: self.scheme.replay }))
    }
}

/// What a signature's header holds.
struct Written<'h> {
    signatures: Vec<Vec<u8>>,
    timestamp: Option<&'h str>,
}

impl Scheme {
    pub(super) fn key_of(&self, secret: &str) -> Option<hmac::Key> {
        let key = |bytes: &[u8]| hmac::Key::new(self.algorithm.ring(), bytes);
        match self.key {
            KeyForm::Text => Some(key(secret.as_bytes())),
            KeyForm::WebhookSecret => standard::key(secret).map(|bytes| key(&bytes)),
        }
    }

    fn written<'h>(&self, value: &'h str) -> Result<Written<'h>, Refusal> {
        let mut timestamps = Vec::new();
        let texts: Vec<&str> = match &self.form {
            Form::Whole(prefix) => value.strip_prefix(prefix.as_str()).into_iter().collect(),
            Form::Pairs => {
                let pairs = value.split(',').filter_map(|pair| pair.trim().split_once('='));
                let (times, others): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| *name == "t");
                timestamps = times.into_iter().map(|(_, time)| time).collect();
                others.into_iter().filter(|(name, _)| *name == "v1").map(|(_, text)| text).collect()
            }
            Form::Versions => value.split(' ').filter_map(|one| one.strip_prefix("v1,")).collect(),
        };
        let signatures: Vec<Vec<u8>> = texts.iter().filter_map(|text| decode(text, self.encoding)).collect();
        if signatures.is_empty() || texts.len() > MAX_SIGNATURES || timestamps.len() > 1 {
            return Err(Refusal::MalformedSignature);
        }
        Ok(Written { signatures, timestamp: timestamps.pop() })
    }
}

/// The header that must be there once, as ASCII.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Refusal::MissingSignature),
        (Some(value), None) => value.to_str().map_err(|_| Refusal::MalformedSignature),
        (Some(_), Some(_)) => Err(Refusal::MalformedSignature),
    }
}

/// Unix seconds, or milliseconds.
fn time(text: &str) -> Result<Millis, Refusal> {
    if text.len() > 13 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::MalformedSignature);
    }
    let number: i64 = text.parse().map_err(|_| Refusal::MalformedSignature)?;
    Ok(Millis(if number >= FIRST_MS { number } else { number * 1_000 }))
}

fn in_time(at: Millis, now: Millis, tolerance_ms: i64) -> Result<(), Refusal> {
    match now.since(at) {
        age_ms if age_ms > tolerance_ms => Err(Refusal::Late),
        age_ms if age_ms < -tolerance_ms => Err(Refusal::Early),
        _ => Ok(()),
    }
}

fn decode(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex if text.len().is_multiple_of(2) => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            let pair = |pair: &[u8]| u8::try_from(digit(&pair[0])? * 16 + digit(&pair[1])?).ok();
            text.as_bytes().chunks(2).map(pair).collect()
        }
        Encoding::Hex => None,
    }
}
