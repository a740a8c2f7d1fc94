//! The fields of a query or a form: flat, as they were written; nothing in a name makes an object.

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

/// The fields: a text each, and a list of texts where a name is there more than once.
pub fn read(bytes: &[u8]) -> Map<String, Value> {
    let mut fields = Map::new();
    for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = at.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
        let value = Value::String(decode(value));
        match fields.entry(decode(name)) {
            serde_json::map::Entry::Vacant(entry) => {
                entry.insert(value);
            }
            serde_json::map::Entry::Occupied(mut entry) => match entry.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::Array(vec![first.take(), value]),
            },
        }
    }
    fields
}

/// What is no UTF-8, and a `%` without two digits, stay visible as what they are.
fn decode(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_flat_and_keep_what_is_written_twice() {
        let check = |text: &str, expected: Value| assert_eq!(Value::Object(read(text.as_bytes())), expected, "{text}");
        check("", json!({}));
        check("&&=&", json!({ "": "" }));
        check("a=1&b=x+y%20z&c", json!({ "a": "1", "b": "x y z", "c": "" }));
        check("a=1&a=2&a=3", json!({ "a": ["1", "2", "3"] }));
        check("a[b]=1&__proto__[x]=2&__proto__=3", json!({ "a[b]": "1", "__proto__[x]": "2", "__proto__": "3" }));
        check("a=%&b=%zz&c=%ff", json!({ "a": "%", "b": "%zz", "c": "\u{fffd}" }));
        check("payload=%7B%22a%22%3A1%7D", json!({ "payload": "{\"a\":1}" }));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            read(&bytes);
        }
    }
}
