//! `settings.http.auth` as its author writes it.

use http::HeaderName;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::Auth;
use super::credentials::{Basic, Place, Token};
use super::presets::{Preset, TOLERANCE_MS};
use super::replay::Replay;
use super::scheme::{Algorithm, Encoding, Form, KeyForm, Scheme, Template, TimestampPlace};
use super::standard;
use crate::settings::duration_ms;
use crate::{Error, Result, secrets, wire};

/// So many secrets may be valid at one time.
const MAX_SECRETS: usize = 4;
const MAX_TEXT_BYTES: usize = 200;
const MIN_TOLERANCE_MS: i64 = 1_000;
const MAX_TOLERANCE_MS: i64 = 24 * 3_600_000;

const KINDS: &str = "must be none, token, basic, hmac or standard_webhooks";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    kind: Option<String>,
    preset: Option<String>,
    secret: Option<String>,
    secrets: Option<Vec<String>>,
    header: Option<String>,
    query: Option<String>,
    prefix: Option<String>,
    user: Option<String>,
    algorithm: Option<Algorithm>,
    encoding: Option<Encoding>,
    signs: Option<String>,
    timestamp_header: Option<String>,
    id_header: Option<String>,
    tolerance: Option<Value>,
    replay: Option<Replay>,
}

/// What each way takes besides `kind` or `preset`.
const TAKES: [(&str, &[&str]); 6] = [
    ("none", &[]),
    ("token", &["secret", "secrets", "header", "prefix", "query"]),
    ("basic", &["secret", "secrets", "user"]),
    (
        "hmac",
        &[
            "secret",
            "secrets",
            "header",
            "prefix",
            "algorithm",
            "encoding",
            "signs",
            "timestampHeader",
            "idHeader",
            "tolerance",
            "replay",
        ],
    ),
    ("standard_webhooks", &["secret", "secrets", "tolerance", "replay"]),
    ("preset", &["secret", "secrets", "tolerance", "replay"]),
];

/// Reads how callers prove themselves: an object with `kind` or `preset`, or the kind alone as a text. `field` is what
/// it is called in errors.
pub fn read(field: &str, value: Value) -> Result<Auth> {
    let value = if value.is_string() { json!({ "kind": value }) } else { value };
    let given: Vec<String> = value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let reader = Reader { field, written: wire::read(field, value)? };
    let (way, preset) = reader.way()?;
    let takes = TAKES.iter().find(|(name, _)| *name == way).map_or(&[][..], |(_, takes)| takes);
    let beside = |name: &&String| !matches!(name.as_str(), "kind" | "preset") && !takes.contains(&name.as_str());
    if let Some(name) = given.iter().find(beside) {
        let takes = if takes.is_empty() { "nothing".to_owned() } else { takes.join(", ") };
        return Err(reader.wrong(name, "unknown_field", format!("is not for {way}, which takes {takes}")));
    }
    match (way, preset) {
        ("token", _) => reader.token(),
        ("basic", _) => reader.basic(),
        ("hmac", _) => reader.hmac(),
        ("standard_webhooks", _) => reader.with_times(standard::scheme(reader.secrets()?)),
        (_, Some(preset)) => reader.with_times(preset.scheme(reader.secrets()?)),
        _ => Ok(Auth::None),
    }
}

struct Reader<'f> {
    field: &'f str,
    written: Written,
}

impl Reader<'_> {
    fn wrong(&self, name: &str, code: &'static str, message: impl Into<String>) -> Error {
        Error::invalid(format!("{}.{name}", self.field), code, message)
    }

    fn way(&self) -> Result<(&str, Option<Preset>)> {
        match (&self.written.kind, &self.written.preset) {
            (Some(_), Some(_)) => {
                Err(self.wrong("preset", "kind_and_preset", "says all that kind says; give one of them"))
            }
            (None, None) => Err(self.wrong("kind", "missing_field", format!("{KINDS}, or give preset"))),
            (Some(kind), None) if kind != "preset" && TAKES.iter().any(|(name, _)| name == kind) => Ok((kind, None)),
            (Some(_), None) => Err(self.wrong("kind", "invalid_kind", KINDS)),
            (None, Some(preset)) => match preset.parse() {
                Ok(preset) => Ok(("preset", Some(preset))),
                Err(()) => {
                    let names: Vec<&str> = Preset::ALL.iter().map(|(_, name)| *name).collect();
                    Err(self.wrong("preset", "invalid_preset", format!("must be one of {}", names.join(", "))))
                }
            },
        }
    }

    fn secrets(&self) -> Result<Vec<String>> {
        let names = match (&self.written.secret, &self.written.secrets) {
            (Some(name), None) => vec![name.clone()],
            (None, Some(names)) if (1..=MAX_SECRETS).contains(&names.len()) => names.clone(),
            (None, Some(_)) => {
                return Err(self.wrong("secrets", "out_of_range", format!("must name 1 to {MAX_SECRETS} secrets")));
            }
            (Some(_), Some(_)) => {
                return Err(self.wrong("secret", "secret_and_secrets", "is one of secrets; give one of the two"));
            }
            (None, None) => {
                let message = "must be the name of a secret (not its value), as in \"HOOK_SECRET\"; \
                               `tidegate secrets set HOOK_SECRET` stores the value";
                return Err(self.wrong("secret", "missing_field", message));
            }
        };
        for name in &names {
            let message = "must be the name of a secret, such as HOOK_SECRET: letters, digits and _; never its value";
            secrets::check_name(name).map_err(|_| self.wrong("secret", "invalid_secret_name", message))?;
        }
        Ok(names)
    }

    fn header(&self, name: &str, value: &str) -> Result<HeaderName> {
        let message = "must be the name of a header, such as X-Signature";
        value.parse().map_err(|_| self.wrong(name, "invalid_header", message))
    }

    fn text(&self, name: &str, value: Option<&str>) -> Result<String> {
        let value = value.unwrap_or("");
        if value.len() <= MAX_TEXT_BYTES && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Ok(value.to_owned());
        }
        Err(self.wrong(name, "out_of_range", format!("must be at most {MAX_TEXT_BYTES} ASCII characters")))
    }

    fn token(&self) -> Result<Auth> {
        let Written { header, query, prefix, .. } = &self.written;
        let place = match (header, query) {
            (Some(_), Some(_)) => {
                return Err(self.wrong("query", "header_and_query", "the token stands in one place: give one of them"));
            }
            (None, Some(_)) if prefix.is_some() => {
                return Err(self.wrong("prefix", "unknown_field", "is of a header; a parameter has none"));
            }
            (None, Some(query)) if query.is_empty() => {
                return Err(self.wrong("query", "out_of_range", "must be the name of a parameter, such as token"));
            }
            (None, Some(query)) => Place::Query(self.text("query", Some(query))?),
            (header, None) => {
                let name = header.as_ref().map(|name| self.header("header", name)).transpose()?;
                let name = name.unwrap_or(AUTHORIZATION);
                let usual = if name == AUTHORIZATION { "Bearer " } else { "" };
                let prefix = self.text("prefix", Some(prefix.as_deref().unwrap_or(usual)))?;
                Place::Header(name, prefix)
            }
        };
        Ok(Auth::Token(Token { place, secrets: self.secrets()? }))
    }

    fn basic(&self) -> Result<Auth> {
        let user = self.text("user", self.written.user.as_deref())?;
        if user.is_empty() || user.contains(':') {
            return Err(self.wrong("user", "missing_field", "must be the user's name, without a colon"));
        }
        Ok(Auth::Basic(Basic { user, secrets: self.secrets()? }))
    }

    fn hmac(&self) -> Result<Auth> {
        let written = &self.written;
        let Some(header) = &written.header else {
            let message = "must be the header with the signature, such as X-Signature";
            return Err(self.wrong("header", "missing_field", message));
        };
        let signs = self.text("signs", Some(written.signs.as_deref().unwrap_or("{body}")))?;
        let template = Template::parse(&signs).map_err(|message| self.wrong("signs", "invalid_template", message))?;
        let named = |name: &str, value: &Option<String>| value.as_ref().map(|it| self.header(name, it)).transpose();
        let timestamp = named("timestampHeader", &written.timestamp_header)?;
        let id_header = named("idHeader", &written.id_header)?;
        self.agree("timestampHeader", timestamp.is_some(), "{timestamp}", template.has_timestamp())?;
        self.agree("idHeader", id_header.is_some(), "{id}", template.has_id())?;
        self.with_times(Scheme {
            header: self.header("header", header)?,
            form: Form::Whole(self.text("prefix", written.prefix.as_deref())?),
            algorithm: written.algorithm.unwrap_or_default(),
            encoding: written.encoding.unwrap_or_default(),
            template,
            timestamp: timestamp.map(TimestampPlace::Header),
            id_header,
            tolerance_ms: TOLERANCE_MS,
            replay: Replay::Refuse,
            key: KeyForm::Text,
            secrets: self.secrets()?,
        })
    }

    /// What is not signed proves nothing, and what is signed must be known.
    fn agree(&self, name: &str, named: bool, placeholder: &str, signed: bool) -> Result<()> {
        match (named, signed) {
            (true, false) => {
                let message = format!("is not signed: put {placeholder} into signs, or leave this out");
                Err(self.wrong(name, "not_signed", message))
            }
            (false, true) => {
                Err(self.wrong(name, "missing_field", format!("must name the header that {placeholder} stands in")))
            }
            _ => Ok(()),
        }
    }

    fn with_times(&self, mut scheme: Scheme) -> Result<Auth> {
        if let Some(value) = &self.written.tolerance {
            let field = format!("{}.tolerance", self.field);
            scheme.tolerance_ms = duration_ms(&field, value)?;
            if !(MIN_TOLERANCE_MS..=MAX_TOLERANCE_MS).contains(&scheme.tolerance_ms) {
                return Err(Error::invalid(field, "out_of_range", "must be between 1 s and 24 h"));
            }
        }
        if let Some(replay) = self.written.replay {
            scheme.replay = replay;
        }
        Ok(Auth::Signed(scheme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(value: Value, field: &str, code: &str) {
        match read("settings.http.auth", value.clone()) {
            Err(Error::Invalid { field: f, code: c, .. }) => {
                assert_eq!((f.as_str(), c), (&*format!("settings.http.auth.{field}"), code), "{value}");
            }
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused(json!({}), "kind", "missing_field");
        refused(json!("maybe"), "kind", "invalid_kind");
        refused(json!({ "kind": "preset", "secret": "A" }), "kind", "invalid_kind");
        refused(json!({ "preset": "gitlab", "secret": "A" }), "preset", "invalid_preset");
        refused(json!({ "kind": "hmac", "preset": "slack" }), "preset", "kind_and_preset");
        refused(json!({ "kind": "none", "secret": "A" }), "secret", "unknown_field");
        refused(json!({ "kind": "token" }), "secret", "missing_field");
        refused(json!({ "kind": "token", "secret": "a-value!" }), "secret", "invalid_secret_name");
        refused(json!({ "kind": "token", "secrets": [] }), "secrets", "out_of_range");
        refused(json!({ "kind": "token", "secret": "A", "secrets": ["B"] }), "secret", "secret_and_secrets");
        refused(json!({ "kind": "token", "secret": "A", "header": "X", "query": "t" }), "query", "header_and_query");
        refused(json!({ "kind": "token", "secret": "A", "header": "a b" }), "header", "invalid_header");
        refused(json!({ "kind": "token", "secret": "A", "query": "t", "prefix": "x" }), "prefix", "unknown_field");
        refused(json!({ "kind": "basic", "secret": "A" }), "user", "missing_field");
        refused(json!({ "kind": "basic", "secret": "A", "user": "a:b" }), "user", "missing_field");
        refused(json!({ "kind": "hmac", "secret": "A" }), "header", "missing_field");
        refused(
            json!({ "kind": "hmac", "secret": "A", "header": "X", "algorithm": "md5" }),
            "algorithm",
            "invalid_type",
        );
        refused(json!({ "kind": "hmac", "secret": "A", "header": "X", "signs": "{url}" }), "signs", "invalid_template");
        let timed = json!({ "kind": "hmac", "secret": "A", "header": "X", "signs": "{timestamp}.{body}" });
        refused(timed, "timestampHeader", "missing_field");
        let unsigned = json!({ "kind": "hmac", "secret": "A", "header": "X", "timestampHeader": "T" });
        refused(unsigned, "timestampHeader", "not_signed");
        refused(json!({ "preset": "stripe", "secret": "A", "header": "X" }), "header", "unknown_field");
        refused(json!({ "preset": "stripe", "secret": "A", "tolerance": "25h" }), "tolerance", "out_of_range");
        refused(json!({ "preset": "stripe", "secret": "A", "colour": 1 }), "colour", "unknown_field");
    }

    #[test]
    fn every_way_is_read() {
        let read = |value: Value| read("auth", value).expect("valid");
        assert_eq!(read(json!("none")), Auth::None);
        assert_eq!(read(json!({ "kind": "none" })), Auth::None);
        let Auth::Token(token) = read(json!({ "kind": "token", "secret": "A" })) else { panic!("a token") };
        assert_eq!(token.place, Place::Header(AUTHORIZATION, "Bearer ".into()));
        assert_eq!(read(json!({ "kind": "token", "secrets": ["A", "B"], "query": "k" })).secrets(), ["A", "B"]);
        for (_, name) in Preset::ALL {
            assert!(matches!(read(json!({ "preset": name, "secret": "A" })), Auth::Signed(_)), "{name}");
        }
        let Auth::Signed(scheme) = read(json!({ "kind": "standard_webhooks", "secret": "A", "tolerance": "1m" }))
        else {
            panic!("signed")
        };
        assert_eq!((scheme.tolerance_ms, scheme.replay), (60_000, Replay::Refuse));
    }
}
