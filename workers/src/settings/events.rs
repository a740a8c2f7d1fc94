//! What an integration subscribes to, and which events cancel its jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::events::{self, Expression, Fault};
use crate::wire::Object;
use crate::{Error, Result};

/// The most types of one subscription.
const MAX_TYPES: usize = 50;
/// The most entries of `cancelOn`.
const MAX_CANCELS: usize = 10;
/// The most fields of a key, as everywhere.
const MAX_KEY_FIELDS: usize = 16;
const MAX_FIELD_BYTES: usize = 255;

/// The types that a subscription means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypePattern {
    /// This one.
    Exact(Box<str>),
    /// Those that begin with this, which ends in a dot: it is written `shop.*`.
    Below(Box<str>),
}

impl TypePattern {
    /// Reads `shop.order` or `shop.*`.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let (name, below) = match text.strip_suffix(".*") {
            Some(name) => (name, true),
            None => (text, false),
        };
        events::check_type(name)?;
        if name.contains('*') {
            return Err("may have a * only at its end, after a dot, as in shop.*".into());
        }
        Ok(if below { Self::Below(format!("{name}.").into()) } else { Self::Exact(name.into()) })
    }

    /// Whether it means this type.
    pub fn means(&self, kind: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *kind,
            Self::Below(start) => kind.starts_with(&**start),
        }
    }
}

/// The fields of a key, each with the expression that gives it.
pub type KeyFields = Vec<(String, Arc<Expression>)>;

/// What an event integration subscribes to, and what its jobs are made of.
#[derive(Clone, Debug)]
pub struct EventSettings {
    /// The types.
    pub types: Vec<TypePattern>,
    /// Which events of these types; `None` is all.
    pub filter: Option<Arc<Expression>>,
    /// The job's key; without fields it has none.
    pub key: KeyFields,
    /// The job's payload; `None` is the event.
    pub payload: Option<Arc<Expression>>,
}

/// Which pending jobs an event cancels.
#[derive(Clone, Debug)]
pub enum Which {
    /// The one with exactly this key.
    Key(KeyFields),
    /// Those whose key contains these fields.
    Match(KeyFields),
}

/// Events that cancel pending jobs.
#[derive(Clone, Debug)]
pub struct CancelOn {
    /// The types.
    pub types: Vec<TypePattern>,
    /// Which events of these types; `None` is all.
    pub filter: Option<Arc<Expression>>,
    /// Which jobs.
    pub which: Which,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    types: Vec<String>,
    filter: Option<String>,
    key: Option<BTreeMap<String, String>>,
    payload: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCancel {
    types: Vec<String>,
    filter: Option<String>,
    key: Option<BTreeMap<String, String>>,
    r#match: Option<BTreeMap<String, String>>,
}

/// Reads `settings.events`.
pub(super) fn read(written: Written) -> Result<EventSettings> {
    let field = "settings.events";
    Ok(EventSettings {
        types: types(&format!("{field}.types"), &written.types)?,
        filter: condition(field, written.filter.as_deref())?,
        key: written.key.map(|fields| key(&format!("{field}.key"), fields)).transpose()?.unwrap_or_default(),
        payload: written.payload.map(|text| expression(&format!("{field}.payload"), &text)).transpose()?,
    })
}

/// Reads `settings.cancelOn`.
pub(super) fn read_cancels(written: Vec<Object<WrittenCancel>>) -> Result<Vec<CancelOn>> {
    if written.len() > MAX_CANCELS {
        let message = format!("at most {MAX_CANCELS} entries, there are {}", written.len());
        return Err(Error::invalid("settings.cancelOn", "out_of_range", message));
    }
    let read = |(place, Object(written)): (usize, Object<WrittenCancel>)| {
        let field = format!("settings.cancelOn[{place}]");
        let which = match (written.key, written.r#match) {
            (Some(fields), None) => Which::Key(key(&format!("{field}.key"), fields)?),
            (None, Some(fields)) => Which::Match(key(&format!("{field}.match"), fields)?),
            (None, None) => {
                let message = "is missing: say which jobs, as in {\"email\": \"event.user.email\"}; or give match";
                return Err(Error::invalid(format!("{field}.key"), "missing_field", message));
            }
            (Some(_), Some(_)) => {
                let message = "cannot be used together with key: one names the whole key, the other a part of it";
                return Err(Error::invalid(format!("{field}.match"), "key_and_match", message));
            }
        };
        let filter = condition(&field, written.filter.as_deref())?;
        Ok(CancelOn { types: types(&format!("{field}.types"), &written.types)?, filter, which })
    };
    written.into_iter().enumerate().map(read).collect()
}

/// Reads a list of types. Errors: the field, or one of its elements.
pub(crate) fn types(field: &str, written: &[String]) -> Result<Vec<TypePattern>> {
    if written.is_empty() || written.len() > MAX_TYPES {
        let message = format!("must name 1 to {MAX_TYPES} types, such as \"ecUser\" or \"shop.*\"");
        return Err(Error::invalid(field, "out_of_range", message));
    }
    let read = |(place, text): (usize, &String)| {
        let at = |message| Error::invalid(format!("{field}[{place}]"), "invalid_event_type", message);
        TypePattern::parse(text).map_err(at)
    };
    written.iter().enumerate().map(read).collect()
}

fn condition(field: &str, written: Option<&str>) -> Result<Option<Arc<Expression>>> {
    let read =
        |text| Expression::condition(text).map(Arc::new).map_err(|fault| wrong(&format!("{field}.filter"), &fault));
    written.map(read).transpose()
}

fn expression(field: &str, text: &str) -> Result<Arc<Expression>> {
    Expression::parse(text).map(Arc::new).map_err(|fault| wrong(field, &fault))
}

fn wrong(field: &str, fault: &Fault) -> Error {
    Error::invalid(field, "invalid_expression", fault.to_string())
}

fn key(field: &str, written: BTreeMap<String, String>) -> Result<KeyFields> {
    if written.is_empty() || written.len() > MAX_KEY_FIELDS {
        let message = format!("must have 1 to {MAX_KEY_FIELDS} fields, such as {{\"email\": \"event.user.email\"}}");
        return Err(Error::invalid(field, "invalid_key", message));
    }
    let read = |(name, text): (String, String)| {
        if name.is_empty() || name.len() > MAX_FIELD_BYTES {
            let message = format!("a field's name must have 1 to {MAX_FIELD_BYTES} bytes");
            return Err(Error::invalid(field, "invalid_key", message));
        }
        let expression = expression(&format!("{field}.{name}"), &text)?;
        Ok((name, expression))
    };
    written.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::Settings;

    fn check(settings: Value, field: &str, part: &str) {
        match Settings::parse(&settings) {
            Err(Error::Invalid { field: f, message, .. }) => {
                assert_eq!(f, field, "{settings}: {message}");
                assert!(message.contains(part), "{settings}: {message}");
            }
            other => panic!("{settings}: {other:?}"),
        }
    }

    #[test]
    fn errors_name_the_field_and_the_fix() {
        let events = |value: Value| json!({ "events": value });
        check(events(json!({})), "settings.events.types", "missing field");
        check(events(json!({"types": []})), "settings.events.types", "ecUser");
        check(events(json!({"types": "ecUser"})), "settings.events.types", "sequence");
        check(events(json!({"types": ["*"]})), "settings.events.types[0]", "shop.*");
        check(events(json!({"types": ["a", "shop.*.x"]})), "settings.events.types[1]", "at its end");
        check(events(json!({"types": ["a b"]})), "settings.events.types[0]", "without spaces");
        check(events(json!({"types": ["a"], "on": 1})), "settings.events.on", "unknown field");
        check(events(json!({"types": ["a"], "filter": "user.x == 1"})), "settings.events.filter", "\n  ^");
        check(events(json!({"types": ["a"], "filter": "event.x + 1"})), "settings.events.filter", "true or false");
        check(events(json!({"types": ["a"], "key": {}})), "settings.events.key", "1 to 16");
        check(events(json!({"types": ["a"], "key": {"email": "email"}})), "settings.events.key.email", "event.email");
        check(events(json!({"types": ["a"], "payload": "{"})), "settings.events.payload", "no CEL");
        let cancel = |value: Value| json!({ "cancelOn": [value] });
        check(cancel(json!({"types": ["a"]})), "settings.cancelOn[0].key", "which jobs");
        let both = json!({"types": ["a"], "key": {"a": "event.a"}, "match": {"a": "event.a"}});
        check(cancel(both), "settings.cancelOn[0].match", "together");
        check(cancel(json!({"key": {"a": "event.a"}})), "settings.cancelOn[0].types", "missing");
        check(cancel(json!({"types": ["a"], "match": {"a": "x"}})), "settings.cancelOn[0].match.a", "event.x");
        check(json!({"cancelOn": vec![json!({"types": ["a"], "key": {"a": "1"}}); 11]}), "settings.cancelOn", "10");
    }

    #[test]
    fn a_pattern_means_a_type_or_those_below_a_name() {
        let means = |pattern: &str, kind: &str| TypePattern::parse(pattern).expect(pattern).means(kind);
        assert!(means("ecUser", "ecUser") && !means("ecUser", "ecUser.x") && !means("ecUser", "ecUse"));
        assert!(means("shop.*", "shop.order") && means("shop.*", "shop.order.paid"));
        assert!(!means("shop.*", "shop") && !means("shop.*", "shopping.order"));
    }

    #[test]
    fn a_full_set_is_read() {
        let settings = json!({
            "events": {
                "types": ["ecUser", "shop.*"], "filter": "event.user.loyalty.tier == \"gold\"",
                "key": {"email": "event.user.email"}, "payload": "{\"to\": event.user.email}",
            },
            "cancelOn": [{"types": ["ecPurchase"], "match": {"email": "event.user.email"}}],
        });
        let read = Settings::parse(&settings).expect("valid");
        let events = read.events.expect("subscribes");
        assert_eq!((events.types.len(), events.key.len()), (2, 1));
        assert!(events.filter.is_some() && events.payload.is_some());
        assert!(matches!(read.cancel_on[0].which, Which::Match(_)));
    }
}
