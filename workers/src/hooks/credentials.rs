//! Tokens, and users with a password: compared in a time that does not depend on where they differ.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
use ring::hmac;
use zeroize::Zeroizing;

use super::auth::Refusal;

/// A token that every caller has.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Where it stands.
    pub(crate) place: Place,
    /// The names of its secrets: any of them will do.
    pub(crate) secrets: Vec<String>,
}

/// Where a token stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// In a header, behind a prefix such as `Bearer `, in any case.
    Header(HeaderName, String),
    /// In a query parameter.
    Query(String),
}

/// A user with a password.
#[derive(Clone, Debug, PartialEq)]
pub struct Basic {
    /// The user's name.
    pub(crate) user: String,
    /// The names of the password's secrets: any of them will do.
    pub(crate) secrets: Vec<String>,
}

impl Token {
    pub(super) fn header(&self) -> Option<&HeaderName> {
        match &self.place {
            Place::Header(name, _) => Some(name),
            Place::Query(_) => None,
        }
    }

    pub(super) fn parameter(&self) -> Option<&str> {
        match &self.place {
            Place::Header(..) => None,
            Place::Query(name) => Some(name),
        }
    }

    pub(super) fn check(&self, headers: &HeaderMap, query: &str, values: &[Zeroizing<String>]) -> Result<(), Refusal> {
        let given = match &self.place {
            Place::Header(name, prefix) => {
                let value = single(headers, name)?;
                let (head, token) = value.as_bytes().split_at_checked(prefix.len()).ok_or(Refusal::WrongCredentials)?;
                if !head.eq_ignore_ascii_case(prefix.as_bytes()) {
                    return Err(Refusal::WrongCredentials);
                }
                Zeroizing::new(token.to_vec())
            }
            Place::Query(name) => parameter(query, name)?,
        };
        one_of(&given, values)
    }
}

impl Basic {
    pub(super) fn check(&self, headers: &HeaderMap, values: &[Zeroizing<String>]) -> Result<(), Refusal> {
        let value = single(headers, &AUTHORIZATION)?;
        let text = value.to_str().map_err(|_| Refusal::WrongCredentials)?;
        let (scheme, encoded) = text.split_once(' ').ok_or(Refusal::WrongCredentials)?;
        let decoded = STANDARD.decode(encoded.trim()).map(Zeroizing::new).map_err(|_| Refusal::WrongCredentials)?;
        let colon = decoded.iter().position(|byte| *byte == b':').ok_or(Refusal::WrongCredentials)?;
        let user = same(&decoded[..colon], self.user.as_bytes());
        let password = one_of(&decoded[colon + 1..], values);
        if user && scheme.eq_ignore_ascii_case("basic") { password } else { Err(Refusal::WrongCredentials) }
    }
}

/// The header that must be there once.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h HeaderValue, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Refusal::MissingCredentials),
        (Some(_), Some(_)) => Err(Refusal::WrongCredentials),
    }
}

/// The query parameter that must be there once.
fn parameter(query: &str, name: &str) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut found = url::form_urlencoded::parse(query.as_bytes()).filter(|(given, _)| given == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Ok(Zeroizing::new(value.into_owned().into_bytes())),
        (None, _) => Err(Refusal::MissingCredentials),
        (Some(_), Some(_)) => Err(Refusal::WrongCredentials),
    }
}

/// Whether it is one of these values; all of them are looked at.
fn one_of(given: &[u8], values: &[Zeroizing<String>]) -> Result<(), Refusal> {
    if values.is_empty() {
        return Err(Refusal::NoSecret);
    }
    let matching = values.iter().filter(|value| same(given, value.as_bytes())).count();
    if matching > 0 { Ok(()) } else { Err(Refusal::WrongCredentials) }
}

/// Whether two texts are equal. What is compared byte by byte are their HMACs under a key nobody knows, so that neither
/// the first difference nor the length shows in how long it takes.
pub(super) fn same(given: &[u8], expected: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>());
    hmac::verify(&key, given, hmac::sign(&key, expected).as_ref()).is_ok()
}
