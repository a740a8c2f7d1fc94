//! CloudEvents 1.0 as events. The fields of a CloudEvent's data stand beside `meta`, so that one filter reads an event
//! whichever way it came; its attributes and extensions are in `meta`, `time` as `ts`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Incoming;
use crate::{Error, Result};

const VERSION: &str = "1.0";
const MAX_ATTRIBUTES: usize = 50;
const MAX_NAME_BYTES: usize = 100;

/// The data of a CloudEvent.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// None.
    Absent,
    /// JSON.
    Json(Value),
    /// Of another kind: it becomes the field `data`, as text or, if it is none, as base64 in `data_base64`.
    Bytes(Vec<u8>),
}

/// A CloudEvent whose attributes and data are one JSON object: the structured mode, and each of a batch.
pub fn structured(event: Value) -> Incoming {
    let Value::Object(mut attributes) = event else {
        let message =
            "a CloudEvent is an object such as {\"specversion\": \"1.0\", \"id\": …, \"source\": …, \"type\": …}";
        return Err(Error::invalid("event", "invalid_type", message));
    };
    let data = match (attributes.remove("data"), attributes.remove("data_base64")) {
        (None, None) => Data::Absent,
        (Some(data), None) => Data::Json(data),
        (None, Some(Value::String(text))) => {
            let bytes = STANDARD
                .decode(&text)
                .map_err(|error| Error::invalid("data_base64", "invalid_base64", format!("must be base64: {error}")))?;
            of_bytes(bytes, attributes.get("datacontenttype").and_then(Value::as_str))?
        }
        (None, Some(_)) => return Err(Error::invalid("data_base64", "invalid_base64", "must be a text in base64")),
        (Some(_), Some(_)) => {
            let message = "cannot be used together with data: an event has one or the other";
            return Err(Error::invalid("data_base64", "invalid_type", message));
        }
    };
    event_of(attributes, data)
}

/// A CloudEvent whose attributes came beside its data: the binary mode.
pub fn binary(attributes: Map<String, Value>, body: Vec<u8>) -> Incoming {
    let data = if body.is_empty() {
        Data::Absent
    } else {
        of_bytes(body, attributes.get("datacontenttype").and_then(Value::as_str))?
    };
    event_of(attributes, data)
}

/// Bytes by their content type; JSON where there is none.
fn of_bytes(bytes: Vec<u8>, content_type: Option<&str>) -> Result<Data> {
    let media = content_type.unwrap_or("application/json").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if media == "application/json" || media.ends_with("+json") || media == "text/json" {
        let json = serde_json::from_slice(&bytes)
            .map_err(|error| Error::invalid("data", "invalid_json", format!("the data is not JSON: {error}")))?;
        return Ok(Data::Json(json));
    }
    Ok(Data::Bytes(bytes))
}

fn event_of(attributes: Map<String, Value>, data: Data) -> Incoming {
    check(&attributes)?;
    let mut fields = match data {
        Data::Absent => Map::new(),
        Data::Json(Value::Object(fields)) => fields,
        Data::Json(other) => Map::from_iter([("data".to_owned(), other)]),
        Data::Bytes(bytes) => Map::from_iter([match String::from_utf8(bytes) {
            Ok(text) => ("data".to_owned(), Value::from(text)),
            Err(error) => ("data_base64".to_owned(), Value::from(STANDARD.encode(error.into_bytes()))),
        }]),
    };
    // What the data says of itself stays where the attributes do not say it.
    let mut meta = match fields.remove("meta") {
        Some(Value::Object(meta)) => meta,
        _ => Map::new(),
    };
    for (name, value) in attributes {
        meta.insert(if name == "time" { "ts".to_owned() } else { name }, value);
    }
    fields.insert("meta".into(), Value::Object(meta));
    Ok(Value::Object(fields))
}

fn check(attributes: &Map<String, Value>) -> Result<()> {
    if attributes.len() > MAX_ATTRIBUTES {
        let message = format!("a CloudEvent may have {MAX_ATTRIBUTES} attributes, has {}", attributes.len());
        return Err(Error::invalid("event", "invalid_cloudevent", message));
    }
    match attributes.get("specversion") {
        Some(Value::String(version)) if version == VERSION => {}
        Some(_) => return Err(Error::invalid("specversion", "invalid_cloudevent", "must be \"1.0\"")),
        None => return Err(Error::invalid("specversion", "missing_field", "is missing: it is \"1.0\"")),
    }
    for name in ["id", "source", "type"] {
        match attributes.get(name) {
            Some(Value::String(text)) if !text.is_empty() => {}
            Some(_) => return Err(Error::invalid(name, "invalid_cloudevent", "must be a text that is not empty")),
            None => return Err(Error::invalid(name, "missing_field", "is missing: every CloudEvent has one")),
        }
    }
    for (name, value) in attributes {
        let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !letters {
            let shown: String = name.chars().take(MAX_NAME_BYTES).collect();
            let message = "an attribute's name is of small letters and digits; other fields belong into data";
            return Err(Error::invalid(shown, "invalid_cloudevent", message));
        }
        if matches!(value, Value::Object(_) | Value::Array(_)) {
            let message = "an attribute is a text, a number or a truth value; other values belong into data";
            return Err(Error::invalid(name.clone(), "invalid_cloudevent", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes(more: Value) -> Value {
        let mut event = json!({"specversion": "1.0", "id": "e1", "source": "/shop", "type": "ecUser"});
        for (name, value) in more.as_object().expect("an object") {
            event[name] = value.clone();
        }
        event
    }

    #[test]
    fn attributes_are_meta_and_the_fields_of_data_stand_beside_it() {
        let event = attributes(json!({
            "time": "2026-03-02T00:00:00Z", "subject": "s", "traceparent": "t", "datacontenttype": "application/json",
            "data": {"user": {"email": "a@x"}, "meta": {"cookies": 1, "id": "other"}},
        }));
        let expected = json!({
            "meta": {
                "specversion": "1.0", "id": "e1", "source": "/shop", "type": "ecUser", "ts": "2026-03-02T00:00:00Z",
                "subject": "s", "traceparent": "t", "datacontenttype": "application/json", "cookies": 1,
            },
            "user": {"email": "a@x"},
        });
        assert_eq!(structured(event).expect("an event"), expected);
    }

    #[test]
    fn all_modes_give_the_same_event() {
        let data = json!({"user": {"tier": "gold"}});
        let whole = structured(attributes(json!({"data": data, "datacontenttype": "application/json"})));
        let encoded = STANDARD.encode(data.to_string());
        let coded = structured(attributes(json!({"data_base64": encoded, "datacontenttype": "application/json"})));
        let Value::Object(names) = attributes(json!({"datacontenttype": "application/json"})) else { panic!("no map") };
        let apart = binary(names, data.to_string().into_bytes());
        let whole = whole.expect("an event");
        assert_eq!((&coded.expect("an event"), &apart.expect("an event")), (&whole, &whole));
    }

    #[test]
    fn data_that_is_no_object_is_a_field() {
        let data = |more: Value| structured(attributes(more)).expect("an event");
        assert_eq!(data(json!({"data": [1]}))["data"], json!([1]));
        assert_eq!(data(json!({"data": "text"}))["data"], json!("text"));
        assert!(data(json!({})).get("data").is_none());
        let text = json!({"data_base64": STANDARD.encode("<x/>"), "datacontenttype": "text/xml"});
        assert_eq!(data(text)["data"], json!("<x/>"));
        let bytes = json!({"data_base64": STANDARD.encode([255, 0]), "datacontenttype": "image/png"});
        assert_eq!(data(bytes)["data_base64"], json!(STANDARD.encode([255, 0])));
    }

    #[test]
    fn errors_name_the_attribute() {
        let check = |event: Value, field: &str| match structured(event.clone()) {
            Err(Error::Invalid { field: f, .. }) => assert_eq!(f, field, "{event}"),
            other => panic!("{event}: {other:?}"),
        };
        check(json!([]), "event");
        check(json!({}), "specversion");
        check(attributes(json!({"specversion": "0.3"})), "specversion");
        check(attributes(json!({"id": ""})), "id");
        check(attributes(json!({"source": 1})), "source");
        check(json!({"specversion": "1.0", "id": "1", "source": "s"}), "type");
        check(attributes(json!({"comUser": 1})), "comUser");
        check(attributes(json!({"user": {}})), "user");
        check(attributes(json!({"data": 1, "data_base64": ""})), "data_base64");
        check(attributes(json!({"data_base64": "?"})), "data_base64");
        check(attributes(json!({"data_base64": STANDARD.encode("{")})), "data");
    }
}
