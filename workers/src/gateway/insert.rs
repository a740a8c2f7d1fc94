//! Puts secrets into a request that has left its script, where the script wrote `$(secret:NAME)`.
//!
//! One pass over what the script wrote: what is inserted is not looked at again. It happens once, to the first request
//! of a chain: what a redirect says is never looked through for placeholders.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use super::host_rule::HostRule;
use super::placeholder::{self, Spelling};
use super::refused::Refused;
use super::request::{self, Hop};

/// The most placeholders of one request: each may become 8 KiB.
const MAX_PLACEHOLDERS: usize = 64;

/// A secret that may be put into requests. Its `Debug` hides the value.
#[derive(Clone)]
pub struct Insert {
    /// What is put in.
    pub value: Zeroizing<String>,
    /// Where it may be sent; empty is anywhere.
    pub hosts: Vec<HostRule>,
}

/// The secrets by name.
pub type Inserts = BTreeMap<String, Insert>;

impl fmt::Debug for Insert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insert").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// How a value is written where it lands.
#[derive(Clone, Copy)]
enum Place {
    /// In a URL or a form: percent-encoded.
    Escaped,
    /// In JSON: as the inside of a string.
    Json,
    /// Anywhere else: as it is.
    Plain,
}

impl Place {
    fn spelling(self) -> Spelling {
        if matches!(self, Self::Escaped) { Spelling::Escaped } else { Spelling::Plain }
    }

    fn write(self, value: &str) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Escaped => value.bytes().map(percent).collect(),
            Self::Json => {
                let quoted = Zeroizing::new(serde_json::Value::from(value).to_string());
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Plain => value.to_owned(),
        })
    }
}

fn percent(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    }
}

/// Puts the secrets in. The URL's host is what the script wrote, and decides which ones may go there.
pub(super) fn insert(hop: &mut Hop, secrets: &Inserts) -> Result<(), Refused> {
    let mut inserting = Inserting { url: hop.url.clone(), secrets, done: 0 };
    let url = inserting.url()?;
    let headers = inserting.headers(&hop.headers)?;
    let body = inserting.body(&hop.headers, &hop.body)?;
    hop.url = url;
    hop.headers = headers;
    if let Some(body) = body {
        hop.body = body;
    }
    hop.carries_secrets = inserting.done > 0;
    Ok(())
}

struct Inserting<'s> {
    url: Url,
    secrets: &'s Inserts,
    done: usize,
}

impl Inserting<'_> {
    fn url(&mut self) -> Result<Url, Refused> {
        let mut url = self.url.clone();
        if let Some(path) = self.text(self.url.path().to_owned().as_str(), Place::Escaped)? {
            url.set_path(&path);
        }
        if let Some(query) = self.url.query().map(str::to_owned)
            && let Some(query) = self.text(&query, Place::Escaped)?
        {
            url.set_query(Some(&query));
        }
        request::check_url(url)
    }

    fn headers(&mut self, written: &HeaderMap) -> Result<HeaderMap, Refused> {
        let mut headers = HeaderMap::with_capacity(written.len());
        for (name, value) in written {
            let filled = match value.to_str() {
                Ok(text) if name == AUTHORIZATION => self.authorization(text)?,
                Ok(text) => self.text(text, Place::Plain)?,
                Err(_) => None,
            };
            let value = match filled {
                Some(text) => header_value(name.as_str(), &text)?,
                None => value.clone(),
            };
            headers.append(name.clone(), value);
        }
        request::check_header_bytes(&headers)?;
        Ok(headers)
    }

    /// User and password of `Basic` are encoded by whoever wrote the header: the placeholder is inside.
    fn authorization(&mut self, text: &str) -> Result<Option<Zeroizing<String>>, Refused> {
        let basic = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let decoded = basic.and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok());
        let Some(inside) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return self.text(text, Place::Plain);
        };
        let filled = self.text(&inside, Place::Plain)?;
        Ok(filled.map(|filled| Zeroizing::new(format!("Basic {}", STANDARD.encode(filled.as_bytes())))))
    }

    fn body(&mut self, headers: &HeaderMap, body: &Bytes) -> Result<Option<Bytes>, Refused> {
        // Only texts: what merely looks like a placeholder in an image is none.
        let Ok(text) = std::str::from_utf8(body) else { return Ok(None) };
        let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let place = match media.as_str() {
            "application/x-www-form-urlencoded" => Place::Escaped,
            json if json == "application/json" || json.ends_with("+json") => Place::Json,
            _ => Place::Plain,
        };
        Ok(self.text(text, place)?.map(|text| Bytes::copy_from_slice(text.as_bytes())))
    }

    /// `text` with its placeholders filled; `None` when it has none.
    fn text(&mut self, text: &str, place: Place) -> Result<Option<Zeroizing<String>>, Refused> {
        let found = placeholder::find(text, place.spelling());
        if found.is_empty() {
            return Ok(None);
        }
        self.done += found.len();
        if self.done > MAX_PLACEHOLDERS {
            let message = format!("a request may have {MAX_PLACEHOLDERS} placeholders of secrets");
            return Err(Refused::new("too_many_secrets", message));
        }
        let mut filled = Zeroizing::new(String::with_capacity(text.len()));
        let mut copied = 0;
        for placeholder in found {
            filled.push_str(&text[copied..placeholder.range.start]);
            filled.push_str(&place.write(self.value(placeholder.name)?));
            copied = placeholder.range.end;
        }
        filled.push_str(&text[copied..]);
        Ok(Some(filled))
    }

    /// The value, if it may be sent to where this request goes.
    fn value(&self, name: &str) -> Result<&str, Refused> {
        let Some(secret) = self.secrets.get(name) else {
            let message = format!("there is no secret {name}; `tidegate secrets set {name}` stores one");
            return Err(Refused::new("unknown_secret", message));
        };
        if secret.hosts.is_empty() || secret.hosts.iter().any(|rule| rule.matches(&self.url)) {
            return Ok(&secret.value);
        }
        let place = &self.url[url::Position::BeforeScheme..url::Position::AfterPort];
        let message = format!("the secret {name} may not be sent to {place}: its list of hosts does not have it");
        Err(Refused::new("secret_not_allowed_here", message))
    }
}

fn header_value(name: &str, text: &str) -> Result<HeaderValue, Refused> {
    let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let latin1 = latin1.map(Zeroizing::new);
    latin1.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()).ok_or_else(|| {
        let message =
            format!("the header `{name}` cannot be sent: a secret in it has characters that no header may have");
        Refused::new("invalid_header", message)
    })
}
