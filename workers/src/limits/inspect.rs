//! What is in the buckets of an integration's rate limits.

use std::cmp::Reverse;

use schedules::Key;
use schedules::rate::{Limit, names, total_name};
use store::IntegrationId;
use store::queue::{BucketView, Inspect};

use crate::settings::in_words;
use crate::{Entry, Error, Result, Services};

/// The most buckets of one rule that are looked through.
pub const MAX_BUCKETS: usize = 100_000;

/// One rule, added up over its buckets.
#[derive(Clone, Debug)]
pub struct RuleView {
    /// Its place in the settings.
    pub rule: usize,
    /// As a reader would write it.
    pub words: String,
    /// The limit.
    pub limit: Limit,
    /// The limiter that it names.
    pub limiter: Option<String>,
    /// How many of its buckets are not empty.
    pub buckets: u64,
    /// How many jobs wait in line at them.
    pub waiting: u64,
    /// How many jobs it refused today, in UTC.
    pub refused: u64,
    /// How many keys are paused, or shut by back-pressure.
    pub shut: u64,
}

/// By what the keys of a rule are ordered, the greatest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// How full their buckets are.
    #[default]
    Level,
    /// How many jobs wait at them.
    Waiting,
    /// How many jobs they refused today.
    Refused,
}

/// Which keys of a rule.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// In which order.
    pub order: Order,
    /// At most this many.
    pub first: usize,
    /// Those after this one in the list: a subject, as canonical JSON.
    pub after: Option<String>,
    /// Those before this one.
    pub before: Option<String>,
}

/// Some keys of a rule.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Their buckets; the name is the subject.
    pub items: Vec<BucketView>,
    /// Whether there are more after these.
    pub has_next: bool,
    /// Whether there are some before these.
    pub has_previous: bool,
    /// How many there are.
    pub total: u64,
}

/// The rules of an integration, as the queue applies them, and the limiters that they name.
async fn limits(services: &Services, entry: &Entry) -> Result<Vec<(Limit, String, Option<String>)>> {
    let limits = services.queue.control_of(entry.id).await?.limits;
    let names = names(&limits);
    let limiters = services.directory.limiters();
    let name_of = |limit: &Limit| {
        let id = limit.limiter?;
        limiters.all().find(|limiter| limiter.id == id).map(|limiter| limiter.name.clone())
    };
    Ok(limits.into_iter().zip(names).map(|(limit, name)| (limit.clone(), name, name_of(&limit))).collect())
}

fn entry(services: &Services, name: &str) -> Result<std::sync::Arc<Entry>> {
    services.directory.by_name(name).ok_or_else(|| Error::no_integration(name))
}

/// One rule with the name of its buckets.
pub(super) async fn rule_of(services: &Services, name: &str, rule: usize) -> Result<(IntegrationId, Limit, String)> {
    let entry = entry(services, name)?;
    let limits = limits(services, &entry).await?;
    let count = limits.len();
    let found = limits.into_iter().nth(rule).map(|(limit, buckets, _)| (entry.id, limit, buckets));
    found.ok_or_else(|| Error::NotFound {
        code: "rule_not_found",
        message: match count {
            0 => format!("{name} has no rate limits"),
            count => format!("{name} has no rate limit {rule}; they are numbered from 0 to {}", count - 1),
        },
    })
}

/// Every rule of an integration, added up.
pub async fn rules(services: &Services, name: &str) -> Result<Vec<RuleView>> {
    let entry = entry(services, name)?;
    let mut views = Vec::new();
    for (place, (limit, buckets, limiter)) in limits(services, &entry).await?.into_iter().enumerate() {
        let all = services.queue.buckets(entry.id, buckets.clone(), limit.rule, MAX_BUCKETS).await?;
        let of = with_fields(&limit.fields);
        let all: Vec<&BucketView> = all.iter().filter(|bucket| of(&bucket.name, &buckets)).collect();
        let whole = services.queue.bucket(entry.id, total_name(&buckets, &limit), limit.rule).await?;
        let now = services.clock.now();
        views.push(RuleView {
            rule: place,
            words: in_words(&limit),
            buckets: all.iter().filter(|bucket| bucket.level > 0).count() as u64,
            waiting: all.iter().map(|bucket| bucket.waiting).sum(),
            shut: all.iter().filter(|bucket| bucket.hold.ends() > now).count() as u64,
            refused: whole.refused,
            limit,
            limiter,
        });
    }
    Ok(views)
}

/// Whether a bucket is of a rule that counts by these fields: rules of other fields share the name.
fn with_fields(fields: &[String]) -> impl Fn(&str, &str) -> bool + use<> {
    let mut fields = fields.to_vec();
    fields.sort();
    fields.dedup();
    move |bucket, rule_name| {
        let subject = bucket.strip_prefix(rule_name).and_then(|subject| serde_json::from_str(subject).ok());
        let subject: serde_json::Map<String, serde_json::Value> = subject.unwrap_or_default();
        subject.len() == fields.len() && fields.iter().all(|field| subject.contains_key(field))
    }
}

/// A page of the keys of a rule about which there is something to say, those of which there is most first.
pub async fn keys(services: &Services, name: &str, rule: usize, wanted: &Wanted) -> Result<(Limit, Keys)> {
    let (integration, limit, buckets) = rule_of(services, name, rule).await?;
    let mut all = services.queue.buckets(integration, buckets.clone(), limit.rule, MAX_BUCKETS).await?;
    let of = with_fields(&limit.fields);
    all.retain(|bucket| of(&bucket.name, &buckets));
    for bucket in &mut all {
        bucket.name = bucket.name.split_off(buckets.len());
    }
    let measure = |bucket: &BucketView| match wanted.order {
        Order::Level => u64::from(bucket.level),
        Order::Waiting => bucket.waiting,
        Order::Refused => bucket.refused,
    };
    all.sort_by(|one, other| {
        (Reverse(measure(one)), one.level, &one.name).cmp(&(Reverse(measure(other)), other.level, &other.name))
    });
    Ok((limit, page(all, wanted)))
}

/// The part of a sorted list that is wanted; a place that is gone meanwhile is the beginning.
fn page(all: Vec<BucketView>, wanted: &Wanted) -> Keys {
    let place = |subject: &Option<String>| {
        let subject = subject.as_ref()?;
        all.iter().position(|bucket| bucket.name == *subject)
    };
    let total = all.len();
    let (from, to) = match (place(&wanted.after), place(&wanted.before)) {
        (Some(after), _) => (after + 1, after + 1 + wanted.first),
        (None, Some(before)) => (before.saturating_sub(wanted.first), before),
        (None, None) => (0, wanted.first),
    };
    let to = to.min(total);
    Keys {
        items: all.into_iter().skip(from).take(to.saturating_sub(from)).collect(),
        has_next: to < total,
        has_previous: from > 0,
        total: total as u64,
    }
}

/// One key of a rule; its bucket's name is the subject.
pub async fn key(services: &Services, name: &str, rule: usize, key: Option<&Key>) -> Result<(Limit, BucketView)> {
    let (integration, limit, buckets) = rule_of(services, name, rule).await?;
    let subject = subject(&limit, key)?;
    let mut view = services.queue.bucket(integration, format!("{buckets}{subject}"), limit.rule).await?;
    view.name = subject;
    Ok((limit, view))
}

/// What a rule counts a key under.
pub(crate) fn subject(limit: &Limit, key: Option<&Key>) -> Result<String> {
    limit.subject(key).ok_or_else(|| {
        let fields = limit.fields.join(", ");
        Error::invalid("key", "missing_key_field", format!("must have the fields that the rule counts by: {fields}"))
    })
}
