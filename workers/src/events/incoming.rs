//! An event as it comes in: checked, and given an id and a time if it has none.

use schedules::Millis;
use schedules::due::parse_instant;
use serde_json::{Map, Value};
use ulid::Ulid;

use crate::invoke::request::MAX_PAYLOAD_BYTES;
use crate::{Error, Result};

/// The most bytes of an event's type.
pub const MAX_TYPE_BYTES: usize = 255;
/// The most bytes of an event's id.
pub const MAX_ID_BYTES: usize = 255;
/// The most bytes of an event's source.
pub const MAX_SOURCE_BYTES: usize = 1_024;

/// An event as somebody sent it, or why it could not even be read.
pub type Incoming = Result<Value>;

/// An event that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// `meta.id`.
    pub id: String,
    /// `meta.type`.
    pub kind: String,
    /// `meta.source`.
    pub source: Option<String>,
    /// `meta.ts`.
    pub ts: Millis,
    /// The whole event; its `meta` has an id and a time.
    pub body: Value,
    /// The same as text.
    pub text: String,
}

impl Checked {
    /// Checks an event that came at `now`. Errors name the field within the event.
    pub fn read(body: Value, now: Millis) -> Result<Self> {
        let Value::Object(mut fields) = body else {
            let message = "an event is an object such as {\"meta\": {\"type\": \"ecUser\"}, \"user\": {…}}";
            return Err(Error::invalid("event", "invalid_type", message));
        };
        let meta = match fields.get_mut("meta") {
            Some(Value::Object(meta)) => meta,
            Some(_) => return Err(Error::invalid("meta", "invalid_type", "must be an object with a type")),
            None => {
                let message = "is missing: an event says what it is, as in {\"meta\": {\"type\": \"ecUser\"}}";
                return Err(Error::invalid("meta", "missing_field", message));
            }
        };
        let kind = kind(meta)?;
        let id = text_of(meta, "id", MAX_ID_BYTES)?.unwrap_or_else(|| new_id(now));
        let source = text_of(meta, "source", MAX_SOURCE_BYTES)?;
        let ts = match meta.get("ts").filter(|ts| !ts.is_null()) {
            Some(ts) => parse_instant("meta.ts", ts)?,
            None => now,
        };
        meta.insert("id".into(), id.clone().into());
        meta.entry("ts").and_modify(|ts| defaulted(ts, now)).or_insert_with(|| now.to_rfc3339().into());
        // Only the engine says that an event is replayed.
        meta.remove("replayed");
        let body = Value::Object(fields);
        let text = body.to_string();
        if text.len() > MAX_PAYLOAD_BYTES {
            let message = format!("must be at most {MAX_PAYLOAD_BYTES} bytes of JSON, is {}", text.len());
            return Err(Error::invalid("event", "payload_too_large", message));
        }
        Ok(Self { id, kind, source, ts, body, text })
    }
}

fn defaulted(ts: &mut Value, now: Millis) {
    if ts.is_null() {
        *ts = now.to_rfc3339().into();
    }
}

fn new_id(now: Millis) -> String {
    Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), rand::random()).to_string()
}

fn kind(meta: &Map<String, Value>) -> Result<String> {
    let wrong = |message: String| Error::invalid("meta.type", "invalid_event_type", message);
    match meta.get("type") {
        Some(Value::String(kind)) => {
            check_type(kind).map_err(wrong)?;
            Ok(kind.clone())
        }
        Some(_) => Err(wrong("must be a text, such as \"ecUser\"".into())),
        None => Err(Error::invalid("meta.type", "missing_field", "is missing: say what happened, such as \"ecUser\"")),
    }
}

/// Checks an event type: 1 to 255 visible ASCII characters.
pub fn check_type(kind: &str) -> std::result::Result<(), String> {
    if !kind.is_empty() && kind.len() <= MAX_TYPE_BYTES && kind.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(format!("must be 1 to {MAX_TYPE_BYTES} visible ASCII characters without spaces, such as ecUser or shop.order"))
}

fn text_of(meta: &Map<String, Value>, name: &str, max_bytes: usize) -> Result<Option<String>> {
    let wrong = || {
        let message = format!("must be a text of 1 to {max_bytes} bytes without control characters, or left out");
        Error::invalid(format!("meta.{name}"), "invalid_meta", message)
    };
    match meta.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let fits = !text.is_empty() && text.len() <= max_bytes && !text.chars().any(char::is_control);
            if fits { Ok(Some(text.clone())) } else { Err(wrong()) }
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::NOW;

    fn refused(body: Value, field: &str) {
        match Checked::read(body.clone(), NOW) {
            Err(Error::Invalid { field: f, .. }) => assert_eq!(f, field, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn errors_name_the_field() {
        refused(json!(1), "event");
        refused(json!([]), "event");
        refused(json!({}), "meta");
        refused(json!({"meta": "x"}), "meta");
        refused(json!({"meta": {}}), "meta.type");
        refused(json!({"meta": {"type": 1}}), "meta.type");
        refused(json!({"meta": {"type": ""}}), "meta.type");
        refused(json!({"meta": {"type": "a b"}}), "meta.type");
        refused(json!({"meta": {"type": "x".repeat(256)}}), "meta.type");
        refused(json!({"meta": {"type": "a", "id": 1}}), "meta.id");
        refused(json!({"meta": {"type": "a", "id": ""}}), "meta.id");
        refused(json!({"meta": {"type": "a", "id": "x".repeat(256)}}), "meta.id");
        refused(json!({"meta": {"type": "a", "id": "a\nb"}}), "meta.id");
        refused(json!({"meta": {"type": "a", "source": []}}), "meta.source");
        refused(json!({"meta": {"type": "a", "ts": "yesterday"}}), "meta.ts");
        refused(json!({"meta": {"type": "a"}, "x": "x".repeat(MAX_PAYLOAD_BYTES)}), "event");
    }

    #[test]
    fn what_is_missing_is_added_and_the_rest_stays() {
        let read =
            Checked::read(json!({"meta": {"type": "a", "more": 1, "replayed": true}, "x": 1}), NOW).expect("read");
        assert_eq!(read.body["meta"]["id"], json!(read.id));
        assert_eq!(read.body["meta"]["ts"], json!(NOW.to_rfc3339()));
        assert_eq!((&read.body["meta"]["more"], &read.body["x"]), (&json!(1), &json!(1)));
        assert_eq!(read.body["meta"].get("replayed"), None);
        let other = Checked::read(json!({"meta": {"type": "a"}}), NOW).expect("read");
        assert_ne!(read.id, other.id);
    }

    #[test]
    fn an_id_and_a_time_of_its_own_are_kept_as_they_are() {
        let body = json!({"meta": {"type": "a", "id": "i", "ts": 1_000, "source": "s"}});
        let read = Checked::read(body.clone(), NOW).expect("read");
        assert_eq!((read.body, read.ts, read.source.as_deref()), (body, Millis(1_000), Some("s")));
    }
}
