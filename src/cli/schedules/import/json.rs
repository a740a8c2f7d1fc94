//! The entries of a JSON file, each with its line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One entry: its line, its name if the file is an object of entries, and its fields or what is wrong with it.
pub struct Item {
    pub line: usize,
    pub name: Option<String>,
    pub fields: Result<Map<String, Value>, String>,
}

/// Reads a list of objects, or an object of objects by name.
pub fn items(text: &str) -> Result<Vec<Item>, String> {
    let Items(found) = serde_json::from_str(text).map_err(|error| format!("it is not a list of entries: {error}"))?;
    let (mut line, mut counted) = (1, 0);
    let item = |(name, raw): (Option<String>, &RawValue)| {
        // `raw` is a part of `text`.
        let at = raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
        line += text.as_bytes().get(counted..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
        counted = at;
        let fields = serde_json::from_str(raw.get()).map_err(|_| "it must be an object".to_owned());
        Item { line, name, fields }
    };
    Ok(found.into_iter().map(item).collect())
}

/// Entries as they are written. A name that is there twice is there twice.
struct Items<'a>(Vec<(Option<String>, &'a RawValue)>);

impl<'a> Deserialize<'a> for Items<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Entries)
    }
}

struct Entries;

impl<'a> Visitor<'a> for Entries {
    type Value = Items<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects, or an object of them by name")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Items<'a>, A::Error> {
        let mut found = Vec::new();
        while let Some(raw) = list.next_element()? {
            found.push((None, raw));
        }
        Ok(Items(found))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<Items<'a>, A::Error> {
        let mut found = Vec::new();
        while let Some((name, raw)) = object.next_entry()? {
            found.push((Some(name), raw));
        }
        Ok(Items(found))
    }
}

/// A text of an entry that is there and not empty.
pub fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(other) => Err(format!("{name}: must be a text, is {other}")),
    }
}

/// A whole number, also one that is written as a text.
pub fn number(fields: &Map<String, Value>, name: &str) -> Result<Option<u64>, String> {
    let number = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
    };
    number.map(Some).ok_or_else(|| format!("{name}: must be a whole number, is {}", fields[name]))
}

/// The fields that are none of those a converter knows.
pub fn others(fields: &Map<String, Value>, known: &[&str]) -> Option<String> {
    let others: Vec<&str> =
        fields.keys().map(String::as_str).filter(|name| !known.contains(name) && !fields[*name].is_null()).collect();
    (!others.is_empty()).then(|| others.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_their_lines() {
        let check = |text: &str, expected: &[(usize, Option<&str>)]| {
            let found = items(text).expect("JSON");
            let found: Vec<_> = found.iter().map(|item| (item.line, item.name.as_deref())).collect();
            assert_eq!(found, expected);
        };
        check("[\n  {},\n\n  {}, {}]", &[(2, None), (4, None), (4, None)]);
        check("{\n\"a\": {},\n\"a\": 1}", &[(2, Some("a")), (3, Some("a"))]);
        check(" []", &[]);
    }

    #[test]
    fn what_is_no_list_says_where() {
        for text in ["", "1", "[{]", "{\"a\": }", "- a: 1"] {
            assert!(items(text).is_err(), "{text}");
        }
        assert!(items("[\n{},\n}").err().is_some_and(|message| message.contains("line 3")));
        assert!(items("[1]").expect("a list")[0].fields.is_err());
    }
}
