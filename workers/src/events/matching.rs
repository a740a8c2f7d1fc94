//! Which integrations an event is for: a pure function of the event and the subscriptions. Most subscriptions are to
//! other types and are never looked at.

use std::collections::HashMap;
use std::sync::Arc;

use schedules::Key;
use serde_json::{Map, Value};
use store::catalog::Trigger;
use store::queue::Selector;

use super::Checked;
use crate::Entry;
use crate::invoke::payload;
use crate::settings::{CancelOn, EventSettings, KeyFields, Lanes, Settings, TypePattern, Which};

/// An integration with what of its settings is about events.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The integration.
    pub entry: Arc<Entry>,
    /// What it subscribes to.
    pub events: Option<EventSettings>,
    /// What cancels its jobs.
    pub cancel_on: Vec<CancelOn>,
    /// By what its jobs take turns.
    pub lanes: Option<Lanes>,
}

impl Subscriber {
    /// An integration and the settings of its highest release; `None` if events are nothing to it.
    pub fn new(entry: Arc<Entry>, settings: &Settings) -> Option<Self> {
        let events = settings.events.clone().filter(|_| entry.trigger == Trigger::Event);
        if events.is_none() && settings.cancel_on.is_empty() {
            return None;
        }
        let lanes = settings.concurrency.lanes.clone();
        Some(Self { entry, events, cancel_on: settings.cancel_on.clone(), lanes })
    }
}

/// What a job is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Its key.
    pub key: Option<Key>,
    /// Its payload, as JSON text; `None` is the event.
    pub payload: Option<Box<str>>,
}

/// Why an integration gets no job of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It subscribes to other types.
    Type,
    /// Its filter is not true of the event.
    FilterFalse,
    /// Its filter could not be evaluated.
    FilterError(String),
    /// Its key expressions give no key.
    KeyError(String),
    /// Its payload expression gives no payload.
    PayloadError(String),
    /// It has a draft and no release.
    NoRelease,
    /// As many jobs of its lane are pending as may be.
    BacklogFull,
    /// The caller's API key is bound to other integrations.
    NotAllowed,
}

impl Reason {
    /// A stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::FilterFalse => "filter_false",
            Self::FilterError(_) => "filter_error",
            Self::KeyError(_) => "key_error",
            Self::PayloadError(_) => "payload_error",
            Self::NoRelease => "no_release",
            Self::BacklogFull => "backlog_full",
            Self::NotAllowed => "not_allowed",
        }
    }

    /// What went wrong.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::FilterError(detail) | Self::KeyError(detail) | Self::PayloadError(detail) => Some(detail),
            Self::Type | Self::FilterFalse | Self::NoRelease | Self::BacklogFull | Self::NotAllowed => None,
        }
    }
}

/// The subscriptions by type. Each place is one in a list.
#[derive(Debug, Default)]
struct Index {
    exact: HashMap<Box<str>, Vec<u32>>,
    below: HashMap<Box<str>, Vec<u32>>,
}

impl Index {
    fn add(&mut self, types: &[TypePattern], place: usize) {
        let Ok(place) = u32::try_from(place) else { return };
        for pattern in types {
            let (map, name) = match pattern {
                TypePattern::Exact(name) => (&mut self.exact, name),
                TypePattern::Below(start) => (&mut self.below, start),
            };
            map.entry(name.clone()).or_default().push(place);
        }
    }

    /// The places that mean this type, each once, in order.
    fn of(&self, kind: &str) -> Vec<u32> {
        let mut places = self.exact.get(kind).cloned().unwrap_or_default();
        if !self.below.is_empty() {
            for (dot, _) in kind.match_indices('.') {
                places.extend(self.below.get(&kind[..=dot]).into_iter().flatten());
            }
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// What integrations want of events.
#[derive(Debug, Default)]
pub struct Subscriptions {
    subscribers: Vec<Subscriber>,
    /// How many of them subscribe to events; the others have only jobs that events cancel.
    subscribed: usize,
    by_type: Index,
    cancels: Vec<(usize, usize)>,
    cancels_by_type: Index,
    /// Event integrations that have no release.
    unreleased: Vec<Arc<str>>,
}

impl Subscriptions {
    /// Of these integrations, and the names of those without a release.
    pub fn new(mut subscribers: Vec<Subscriber>, mut unreleased: Vec<Arc<str>>) -> Self {
        subscribers.sort_by(|a, b| a.entry.name.cmp(&b.entry.name));
        unreleased.sort();
        let mut made = Self { unreleased, ..Self::default() };
        for (place, subscriber) in subscribers.iter().enumerate() {
            if let Some(events) = &subscriber.events {
                made.by_type.add(&events.types, place);
                made.subscribed += 1;
            }
            for (number, cancel) in subscriber.cancel_on.iter().enumerate() {
                made.cancels_by_type.add(&cancel.types, made.cancels.len());
                made.cancels.push((place, number));
            }
        }
        made.subscribers = subscribers;
        made
    }

    /// The integrations that subscribe to an event's type, by name, each with the job it wants or why it wants none.
    pub fn judge(&self, event: &Checked) -> Vec<(&Subscriber, Result<Wanted, Reason>)> {
        let places = self.by_type.of(&event.kind).into_iter();
        let subscribers = places.filter_map(|place| self.subscribers.get(place as usize));
        subscribers.filter_map(|it| Some((it, wanted(it.events.as_ref()?, event)))).collect()
    }

    /// Which pending jobs an event cancels.
    pub fn cancels(&self, event: &Checked) -> Vec<(&Subscriber, Result<Selector, Reason>)> {
        let mut found = Vec::new();
        for place in self.cancels_by_type.of(&event.kind) {
            let Some((subscriber, number)) = self.cancels.get(place as usize) else { continue };
            let subscriber = &self.subscribers[*subscriber];
            let cancel = &subscriber.cancel_on[*number];
            match passes(cancel.filter.as_deref(), &event.body).and_then(|()| selector(&cancel.which, &event.body)) {
                Err(Reason::FilterFalse) => {}
                chosen => found.push((subscriber, chosen)),
            }
        }
        found
    }

    /// Those that do not subscribe to an event's type, by name, with why.
    pub fn others(&self, kind: &str) -> Vec<(Arc<str>, Reason)> {
        let near = self.by_type.of(kind);
        let far = self.subscribers.iter().enumerate().filter(|(place, subscriber)| {
            subscriber.events.is_some() && u32::try_from(*place).is_ok_and(|place| near.binary_search(&place).is_err())
        });
        let unreleased = self.unreleased.iter().map(|name| (name.clone(), Reason::NoRelease));
        far.map(|(_, subscriber)| (subscriber.entry.name.clone(), Reason::Type)).chain(unreleased).collect()
    }

    /// How many integrations subscribe to other types, or have no release.
    pub fn count_others(&self, kind: &str) -> usize {
        self.subscribed.saturating_sub(self.by_type.of(kind).len()) + self.unreleased.len()
    }

    /// The one with this name, if events start it.
    pub fn of_name(&self, name: &str) -> Option<&Subscriber> {
        let place = self.subscribers.binary_search_by(|it| (*it.entry.name).cmp(name)).ok()?;
        self.subscribers.get(place).filter(|it| it.events.is_some())
    }
}

/// The job that a subscription wants of an event of one of its types.
pub(super) fn wanted(events: &EventSettings, event: &Checked) -> Result<Wanted, Reason> {
    passes(events.filter.as_deref(), &event.body)?;
    made(events, &event.body)
}

/// The job of an event, whatever the filter says.
pub(super) fn made(events: &EventSettings, body: &Value) -> Result<Wanted, Reason> {
    let key = if events.key.is_empty() { None } else { Some(key(&events.key, body)?) };
    let payload = match &events.payload {
        None => None,
        Some(expression) => {
            let value = expression.value(body).map_err(|error| Reason::PayloadError(error.to_string()))?;
            Some(payload(value).map_err(|error| Reason::PayloadError(error.to_string()))?)
        }
    };
    Ok(Wanted { key, payload })
}

fn passes(filter: Option<&super::Expression>, body: &Value) -> Result<(), Reason> {
    match filter.map_or(Ok(true), |filter| filter.holds(body)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Reason::FilterFalse),
        Err(error) => Err(Reason::FilterError(error.to_string())),
    }
}

fn selector(which: &Which, body: &Value) -> Result<Selector, Reason> {
    Ok(match which {
        Which::Key(fields) => Selector::Key(key(fields, body)?),
        Which::Match(fields) => Selector::Match(key(fields, body)?),
    })
}

/// The key that expressions give: each a scalar that is not null, for null would make one key of all that lack it.
fn key(fields: &KeyFields, body: &Value) -> Result<Key, Reason> {
    let mut read = Map::new();
    for (name, expression) in fields {
        let wrong = |what: String| Reason::KeyError(format!("{name}: {} {what}", expression.text()));
        match expression.value(body) {
            Err(error) => return Err(wrong(error.to_string())),
            Ok(Value::Null) => return Err(wrong("is null".into())),
            Ok(value) => read.insert(name.clone(), value),
        };
    }
    Key::parse(&Value::Object(read)).map_err(|error| Reason::KeyError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::IntegrationId;
    use store::catalog::ReleaseNumber;

    use super::*;
    use crate::world::NOW;

    fn subscriber(name: &str, settings: Value) -> Subscriber {
        let entry = Entry {
            id: IntegrationId::new(NOW),
            name: name.into(),
            workspace: "default".into(),
            trigger: Trigger::Event,
            paused: false,
            latest: Some(ReleaseNumber { major: 1, minor: 0 }),
        };
        Subscriber::new(Arc::new(entry), &Settings::parse(&settings).expect("settings")).expect("subscribes")
    }

    fn event(kind: &str, more: Value) -> Checked {
        let mut body = more;
        body["meta"] = json!({ "type": kind });
        Checked::read(body, NOW).expect("an event")
    }

    fn told(subscriptions: &Subscriptions, event: &Checked) -> Vec<String> {
        let judged = subscriptions.judge(event).into_iter();
        judged
            .map(|(subscriber, wanted)| {
                let word = match &wanted {
                    Ok(_) => "matched",
                    Err(reason) => reason.code(),
                };
                format!("{} {word}", subscriber.entry.name)
            })
            .collect()
    }

    #[test]
    fn each_subscriber_has_a_verdict_and_each_verdict_a_reason() {
        let subscriptions = Subscriptions::new(
            vec![
                subscriber("all-of-shop", json!({"events": {"types": ["shop.*", "shop.order.*"]}})),
                subscriber("gold", json!({"events": {"types": ["ecUser"], "filter": "event.tier == 'gold'"}})),
                subscriber("by-key", json!({"events": {"types": ["ecUser"], "key": {"email": "event.email"}}})),
                subscriber(
                    "heavy",
                    json!({"events": {"types": ["ecUser"],
                    "filter": "event.l.all(a, event.l.all(b, event.l.all(c, true)))"}}),
                ),
                subscriber("large", json!({"events": {"types": ["ecUser"], "payload": "event.text + event.text"}})),
            ],
            vec!["draft".into()],
        );
        let gold = event("ecUser", json!({"tier": "gold", "email": "a"}));
        assert_eq!(
            told(&subscriptions, &gold),
            ["by-key matched", "gold matched", "heavy filter_false", "large matched"]
        );
        let other = event("ecUser", json!({"l": vec![0; 200], "text": "x".repeat(200_000)}));
        let expected = ["by-key key_error", "gold filter_false", "heavy filter_error", "large payload_error"];
        assert_eq!(told(&subscriptions, &other), expected);
        assert_eq!(told(&subscriptions, &event("shop.order.paid", json!({}))), ["all-of-shop matched"]);
        assert_eq!(told(&subscriptions, &event("shop", json!({}))), [""; 0]);
        let others: Vec<String> =
            subscriptions.others("ecUser").iter().map(|(name, reason)| format!("{name} {}", reason.code())).collect();
        assert_eq!(others, ["all-of-shop type", "draft no_release"]);
        assert_eq!(subscriptions.count_others("ecUser"), 2);
        assert_eq!(subscriptions.count_others("nothing"), 6);
        assert!(subscriptions.of_name("gold").is_some() && subscriptions.of_name("draft").is_none());
    }

    #[test]
    fn a_job_is_made_of_what_the_expressions_give() {
        let settings = json!({"events": {"types": ["a"], "key": {"email": "event.user.email", "n": "1 + 1"},
                                         "payload": "{'to': event.user.email}"}});
        let subscriptions = Subscriptions::new(vec![subscriber("x", settings)], Vec::new());
        let event = event("a", json!({"user": {"email": "a@x"}}));
        let (_, wanted) = subscriptions.judge(&event).pop().expect("judged");
        let wanted = wanted.expect("matches");
        assert_eq!(wanted.key.expect("a key").canonical(), r#"{"email":"a@x","n":2}"#);
        assert_eq!(wanted.payload.as_deref(), Some(r#"{"to":"a@x"}"#));
    }

    #[test]
    fn an_event_cancels_by_key_or_by_a_part_of_it() {
        let settings = json!({"cancelOn": [
            {"types": ["buy"], "key": {"email": "event.email"}},
            {"types": ["leave", "buy"], "filter": "event.all", "match": {"email": "event.email"}},
        ]});
        let subscriptions = Subscriptions::new(vec![subscriber("reminder", settings)], Vec::new());
        let told = |event: &Checked| -> Vec<String> {
            let cancels = subscriptions.cancels(event).into_iter();
            cancels
                .map(|(_, chosen)| match chosen {
                    Ok(Selector::Key(key)) => format!("key {}", key.canonical()),
                    Ok(Selector::Match(key)) => format!("match {}", key.canonical()),
                    other => format!("{other:?}"),
                })
                .collect()
        };
        assert_eq!(told(&event("buy", json!({"email": "a"}))), [r#"key {"email":"a"}"#]);
        let both = [r#"key {"email":"a"}"#, r#"match {"email":"a"}"#];
        assert_eq!(told(&event("buy", json!({"email": "a", "all": true}))), both);
        assert_eq!(told(&event("leave", json!({"email": "a", "all": true}))), [r#"match {"email":"a"}"#]);
        assert_eq!(told(&event("look", json!({"email": "a"}))), [""; 0]);
        let nameless = told(&event("buy", json!({})));
        assert!(nameless[0].contains("event.email is null"), "{nameless:?}");
        assert!(subscriptions.judge(&event("buy", json!({}))).is_empty());
    }

    proptest::proptest! {
        /// The index says what going through all patterns says.
        #[test]
        fn the_index_agrees_with_the_patterns(
            patterns in proptest::collection::vec("[ab]([.][ab]){0,2}([.][*])?", 1..12),
            kind in "[ab]([.][ab]){0,3}",
        ) {
            let mut index = Index::default();
            let parsed: Vec<TypePattern> = patterns.iter().map(|it| TypePattern::parse(it).expect("reads")).collect();
            for (place, pattern) in parsed.iter().enumerate() {
                index.add(std::slice::from_ref(pattern), place);
            }
            let expected: Vec<u32> =
                (0_u32..).zip(&parsed).filter(|(_, pattern)| pattern.means(&kind)).map(|(place, _)| place).collect();
            proptest::prop_assert_eq!(index.of(&kind), expected);
        }
    }
}
