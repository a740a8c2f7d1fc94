//! Reading JSON that people write: errors name the field and what would be right.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{Error, Result};

/// Reads `value` as a `T`; `prefix` is put before the names of its fields (empty for a whole body).
pub fn read<T: DeserializeOwned>(prefix: &str, value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map(|Object(read)| read).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let path = if path == "." { String::new() } else { path };
        match named(&message, "unknown field `").or_else(|| named(&message, "missing field `")) {
            Some(name) => {
                let code = if message.starts_with("unknown") { "unknown_field" } else { "missing_field" };
                // The path of an unknown field names it; that of a missing one ends at its parent.
                let parent = path.strip_suffix(name).map_or(&*path, |parent| parent.trim_end_matches('.'));
                Error::invalid(join(&[prefix, parent, name]), code, message.clone())
            }
            None => Error::invalid(join(&[prefix, &path]), "invalid_type", message),
        }
    })
}

/// A JSON object. Serde alone would also read a struct from an array of its fields' values.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(OnlyMaps(PhantomData)).map(Self)
    }
}

struct OnlyMaps<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMaps<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

fn named<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    message.strip_prefix(before)?.split('`').next()
}

fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "body".into() } else { parts.join(".") }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct Outer {
        inner: Object<Inner>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct Inner {
        n: u32,
    }

    fn check(value: Value, field: &str, code: &str) {
        match read::<Outer>("", value.clone()).map(|_| ()) {
            Err(Error::Invalid { field: f, code: c, .. }) => assert_eq!((f.as_str(), c), (field, code), "{value}"),
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn errors_name_the_field() {
        check(json!({"inner": {"n": "x"}}), "inner.n", "invalid_type");
        check(json!({"inner": [1]}), "inner", "invalid_type");
        check(json!({"inner": {"n": 1, "m": 2}}), "inner.m", "unknown_field");
        check(json!({"inner": {}}), "inner.n", "missing_field");
        check(json!({}), "inner", "missing_field");
        check(json!([1, 2]), "body", "invalid_type");
        check(json!("x"), "body", "invalid_type");
    }
}
