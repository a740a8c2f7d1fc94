//! The `http` part of settings: who may call a hook, how, and what is answered.

use std::str::FromStr;

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::in_range;
use crate::hooks::{self, Auth, KeyFields, Respond};
use crate::{Error, Result};

/// The most of a hook's body, in KiB.
pub const MAX_BODY_KB: u32 = 256;
const MAX_ORIGINS: usize = 20;
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// How an integration with the trigger `http` is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// How callers prove themselves.
    pub auth: Auth,
    /// The methods it takes.
    pub methods: Vec<Method>,
    /// What is answered.
    pub respond: Respond,
    /// What the job's key is made of.
    pub key: KeyFields,
    /// The most bytes of a body.
    pub max_body_bytes: usize,
    /// The origins whose scripts may call it from a browser; `*` is any.
    pub origins: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Written {
    auth: Option<Value>,
    methods: Option<Vec<String>>,
    #[serde(default)]
    respond: Respond,
    key: Option<Map<String, Value>>,
    max_body_kb: Option<u32>,
    #[serde(default)]
    origins: Vec<String>,
}

/// What an author has to choose; nothing is open by oversight.
pub(crate) const CHOOSE: &str = "say who may call: {\"preset\": \"stripe\", \"secret\": \"HOOK_SECRET\"} (or github, slack, \
     shopify), {\"kind\": \"standard_webhooks\" | \"token\" | \"basic\" | \"hmac\", \"secret\": …}, or {\"kind\": \"none\"} for anyone";

pub(super) fn read(written: Written) -> Result<Http> {
    let auth = written.auth.filter(|auth| !auth.is_null());
    let auth = auth.ok_or_else(|| Error::invalid("settings.http.auth", "missing_field", CHOOSE))?;
    let auth = hooks::read_auth("settings.http.auth", auth)?;
    let key = written.key.map(|key| KeyFields::parse("settings.http.key", &key)).transpose()?.unwrap_or_default();
    let max_body_kb = in_range("settings.http.maxBodyKb", written.max_body_kb.unwrap_or(MAX_BODY_KB), 1, MAX_BODY_KB)?;
    Ok(Http {
        methods: methods(written.methods, &auth)?,
        respond: written.respond,
        key,
        max_body_bytes: (max_body_kb as usize) << 10,
        origins: origins(written.origins)?,
        auth,
    })
}

/// Those that are named. Otherwise any, but of signed requests POST: a signature says nothing of what has no body.
fn methods(written: Option<Vec<String>>, auth: &Auth) -> Result<Vec<Method>> {
    let field = "settings.http.methods";
    let Some(written) = written else {
        return Ok(match auth {
            Auth::Signed(_) => vec![Method::POST],
            Auth::None | Auth::Token(_) | Auth::Basic(_) => METHODS[..6].to_vec(),
        });
    };
    if written.is_empty() || written.len() > METHODS.len() {
        return Err(Error::invalid(field, "out_of_range", "must name 1 to 7 methods, such as [\"POST\"]"));
    }
    let known = |name: &String| {
        let method = Method::from_str(name).ok().filter(|method| METHODS.contains(method));
        let names: Vec<&str> = METHODS.iter().map(Method::as_str).collect();
        let message = format!("{name:?} is none of {}", names.join(", "));
        method.ok_or_else(|| Error::invalid(field, "invalid_method", message))
    };
    let mut methods: Vec<Method> = written.iter().map(known).collect::<Result<_>>()?;
    // Who may GET may ask for the headers alone.
    if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
        methods.push(Method::HEAD);
    }
    Ok(methods)
}

fn origins(origins: Vec<String>) -> Result<Vec<String>> {
    let field = "settings.http.origins";
    if origins.len() > MAX_ORIGINS {
        return Err(Error::invalid(field, "out_of_range", format!("at most {MAX_ORIGINS} origins")));
    }
    for origin in &origins {
        let parsed = url::Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let exact = parsed.is_some_and(|url| url.origin().ascii_serialization() == *origin);
        if !exact && origin != "*" {
            let message = format!("{origin:?} must be an origin such as https://shop.example, or *");
            return Err(Error::invalid(field, "invalid_origin", message));
        }
    }
    Ok(origins)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Settings;
    use super::*;

    fn http(value: &Value) -> Result<Http> {
        let settings = Settings::parse(&json!({ "http": value }))?;
        Ok(settings.http.expect("it has one").as_ref().clone())
    }

    #[test]
    fn nothing_is_open_by_oversight() {
        for value in [json!({}), json!({ "auth": null }), json!({ "respond": "accepted" })] {
            match http(&value) {
                Err(Error::Invalid { field, code: "missing_field", message }) => {
                    assert_eq!(field, "settings.http.auth");
                    assert!(message.contains("none") && message.contains("preset"), "{message}");
                }
                other => panic!("{value}: {other:?}"),
            }
        }
    }

    #[test]
    fn defaults_depend_on_the_proof() {
        let open = http(&json!({ "auth": "none" })).expect("valid");
        assert_eq!((open.methods.len(), open.respond, open.max_body_bytes), (6, Respond::Response, 256 << 10));
        let signed = http(&json!({ "auth": { "preset": "github", "secret": "A" } })).expect("valid");
        assert_eq!(signed.methods, [Method::POST]);
        let get = http(&json!({ "auth": "none", "methods": ["GET"] })).expect("valid");
        assert_eq!(get.methods, [Method::GET, Method::HEAD]);
    }

    #[test]
    fn errors_name_the_field() {
        let check = |part: Value, field: &str| {
            let mut value = json!({ "auth": "none" });
            value.as_object_mut().expect("an object").extend(part.as_object().expect("an object").clone());
            match http(&value) {
                Err(Error::Invalid { field: f, .. }) => assert_eq!(f, format!("settings.http.{field}"), "{value}"),
                other => panic!("{value}: {other:?}"),
            }
        };
        check(json!({ "methods": [] }), "methods");
        check(json!({ "methods": ["post"] }), "methods");
        check(json!({ "methods": ["TRACE"] }), "methods");
        check(json!({ "respond": "later" }), "respond");
        check(json!({ "maxBodyKb": 0 }), "maxBodyKb");
        check(json!({ "maxBodyKb": 257 }), "maxBodyKb");
        check(json!({ "key": { "a": "b" } }), "key.a");
        check(json!({ "origins": ["https://shop.example/"] }), "origins");
        check(json!({ "origins": ["shop.example"] }), "origins");
        check(json!({ "colour": 1 }), "colour");
        check(json!({ "auth": "token" }), "auth.secret");
    }
}
