//! The job's key, taken from parts of a request: rate limits and lanes count by it.

use schedules::Key;
use serde_json::{Map, Value};

use crate::{Error, Result};

const MAX_FIELDS: usize = 16;
const MAX_DEPTH: usize = 10;
const MAX_PATH_BYTES: usize = 200;

/// Which part of a request each field of the key is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFields(Vec<(String, Source)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Payload(Vec<String>),
    Header(String),
    Query(String),
}

impl KeyFields {
    /// Reads `{ "shop": "headers.x-shop", "email": "payload.customer.email", "page": "query.page" }`; `field` is named in
    /// errors.
    pub(crate) fn parse(field: &str, written: &Map<String, Value>) -> Result<Self> {
        if written.is_empty() || written.len() > MAX_FIELDS {
            return Err(Error::invalid(field, "out_of_range", format!("must have 1 to {MAX_FIELDS} fields")));
        }
        let source = |(name, value): (&String, &Value)| {
            let source = value.as_str().filter(|path| path.len() <= MAX_PATH_BYTES).and_then(Source::parse);
            let message = "must say where it is taken from, as in \"payload.customer.email\", \"headers.x-shop\" or \
                           \"query.page\"";
            let source = source.ok_or_else(|| Error::invalid(format!("{field}.{name}"), "invalid_path", message))?;
            Ok((name.clone(), source))
        };
        written.iter().map(source).collect::<Result<_>>().map(Self)
    }

    /// The key of one request. What is not there, or neither text, number nor boolean, is left out.
    pub fn of(&self, payload: &Value, request: &Value) -> Result<Option<Key>> {
        let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
        let found = |(name, source): &(String, Source)| {
            source.find(payload, request).filter(|value| scalar(value)).map(|value| (name.clone(), value.clone()))
        };
        let fields: Map<String, Value> = self.0.iter().filter_map(found).collect();
        if fields.is_empty() {
            return Ok(None);
        }
        Ok(Some(Key::parse(&Value::Object(fields))?))
    }
}

impl Source {
    fn parse(path: &str) -> Option<Self> {
        let (root, rest) = path.split_once('.')?;
        if rest.is_empty() {
            return None;
        }
        match root {
            "headers" => Some(Self::Header(rest.to_ascii_lowercase())),
            "query" => Some(Self::Query(rest.to_owned())),
            "payload" => {
                let parts: Vec<String> = rest.split('.').map(str::to_owned).collect();
                let fine = parts.len() <= MAX_DEPTH && parts.iter().all(|part| !part.is_empty());
                fine.then_some(Self::Payload(parts))
            }
            _ => None,
        }
    }

    fn find<'v>(&self, payload: &'v Value, request: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Header(name) => request["headers"].get(name),
            Self::Query(name) => request["query"].get(name),
            Self::Payload(parts) => parts.iter().try_fold(payload, |value, part| match value {
                Value::Array(items) => items.get(part.parse::<usize>().ok()?),
                value => value.get(part),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(written: &Value) -> Result<KeyFields> {
        KeyFields::parse("settings.http.key", written.as_object().expect("an object"))
    }

    #[test]
    fn a_key_is_made_of_what_is_there() {
        let fields = fields(&json!({
            "email": "payload.customers.0.email", "shop": "headers.X-Shop", "page": "query.page", "gone": "payload.x.y",
            "whole": "payload.customers",
        }));
        let fields = fields.expect("valid");
        let payload = json!({ "customers": [{ "email": "a@b.example" }] });
        let request = json!({ "headers": { "x-shop": "one" }, "query": { "page": ["1", "2"] } });
        let key = fields.of(&payload, &request).expect("a key").expect("fields");
        assert_eq!(key.canonical(), r#"{"email":"a@b.example","shop":"one"}"#);
        assert!(fields.of(&Value::Null, &Value::Null).expect("none").is_none());
        let long = json!({ "customers": [{ "email": "x".repeat(2_000) }] });
        assert!(matches!(fields.of(&long, &request), Err(Error::Invalid { .. })));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused_by_name() {
        for bad in [json!("payload"), json!("payload."), json!("payload..a"), json!("body.a"), json!(1)] {
            match fields(&json!({ "a": bad })) {
                Err(Error::Invalid { field, .. }) => assert_eq!(field, "settings.http.key.a", "{bad}"),
                other => panic!("{bad}: {other:?}"),
            }
        }
        assert!(fields(&json!({})).is_err());
    }
}
