//! The caller's key: a small JSON object whose identity does not depend on the order of its fields.
//!
//! Two keys are the same when their canonical JSON (RFC 8785) is: `{"a":1,"b":2}` and `{"b":2.0,"a":1e0}` are, `1` and
//! `"1"` are not. RFC 8785 knows only the numbers of JavaScript, in which neighbouring whole numbers above 2^53 are one
//! and the same, so those are refused rather than merged. Text needs no care: Rust's strings hold no lone surrogates,
//! and JSON has neither NaN nor infinity.

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

use crate::Error;

/// The most fields a key may have.
pub const MAX_FIELDS: usize = 16;
/// The most bytes of a key's canonical JSON.
pub const MAX_BYTES: usize = 1024;
/// The last whole number before neighbours become equal in JavaScript, 2^53 − 1.
const MAX_WHOLE: u64 = 9_007_199_254_740_991;
/// How much of a field's name an error repeats.
const MAX_NAME_CHARS: usize = 64;

/// SHA-256 of a key's canonical JSON (RFC 8785).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 32]);

/// A JSON object of 1 to 16 scalar fields, at most 1 KiB.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    fields: Map<String, Value>,
    canonical: String,
}

impl Key {
    /// Checks a JSON value and takes it as a key. Errors: field `key`, code `invalid_key`.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        let invalid = |message: String| Error::new("key", "invalid_key", message);
        let Value::Object(fields) = value else {
            return Err(invalid("must be a JSON object, such as {\"email\": \"a@example.com\"}".into()));
        };
        if fields.is_empty() || fields.len() > MAX_FIELDS {
            return Err(invalid(format!("must have 1 to {MAX_FIELDS} fields, has {}", fields.len())));
        }
        for (name, value) in fields {
            scalar(value).map_err(|message| {
                let name: String = name.chars().take(MAX_NAME_CHARS).collect();
                Error::new(format!("key.{name}"), "invalid_key", message)
            })?;
        }
        let canonical = serde_json_canonicalizer::to_string(value)
            .map_err(|error| invalid(format!("cannot be written as canonical JSON: {error}")))?;
        if canonical.len() > MAX_BYTES {
            return Err(invalid(format!("must be at most {MAX_BYTES} bytes of JSON, is {}", canonical.len())));
        }
        Ok(Self { fields: fields.clone(), canonical })
    }

    /// The canonical JSON text: fields sorted, no spaces, numbers as JavaScript prints them.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// What makes two keys the same key.
    pub fn identity(&self) -> KeyId {
        KeyId(Sha256::digest(self.canonical.as_bytes()).into())
    }

    /// The value of one field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The fields, in the order the caller gave them.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// Whether this key has every field of `part`, with an equal value; `1` equals `1.0` but not `"1"`.
    pub fn contains(&self, part: &Self) -> bool {
        part.fields.iter().all(|(name, value)| self.fields.get(name).is_some_and(|own| equal(own, value)))
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

fn scalar(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(_) | Value::Array(_) => {
            Err("must be a string, a number, a boolean or null, not an object or an array".into())
        }
        Value::Number(number) if is_too_long(number) => {
            Err("must be a whole number up to 2^53 - 1; send longer ones as a string".into())
        }
        _ => Ok(()),
    }
}

fn is_too_long(number: &Number) -> bool {
    number.as_i64().map(i64::unsigned_abs).or(number.as_u64()) > Some(MAX_WHOLE)
}
