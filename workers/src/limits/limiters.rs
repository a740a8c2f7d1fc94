//! Limiters: workspace objects whose buckets all rules share that name them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rand::random;
use schedules::Millis;
use schedules::rate::{Limit, LimiterId, Rule};
use serde::Deserialize;
use serde_json::Value;
use store::catalog::Limiter;
use store::queue::Queue;

use crate::services::to_the_end;
use crate::settings::{RateLimit, WrittenAlgorithm, check_limiter_name, rule};
use crate::wire::{self, Object};
use crate::{Error, Result, Services, duties};

/// The limiters there are, in memory.
#[derive(Clone, Debug, Default)]
pub struct Limiters(BTreeMap<String, Limiter>);

impl Limiters {
    /// These.
    pub fn new(limiters: Vec<Limiter>) -> Self {
        Self(limiters.into_iter().map(|limiter| (limiter.name.clone(), limiter)).collect())
    }

    /// Reads `{"crm": {"limit": …, "interval": …}}`, as `PUT /v1/limiters/crm` takes each: for a simulation, where nothing
    /// else knows them. Errors name the limiter and the field.
    pub fn parse(written: Value) -> Result<Self> {
        let bodies: BTreeMap<String, Object<Body>> = wire::read("", written)?;
        let limiter = |(name, Object(body)): (String, Object<Body>)| {
            check_limiter_name(&name, &name)?;
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            let id = LimiterId(hasher.finish().into());
            let rule = rule(&name, body.limit, &body.interval, (body.burst, body.algorithm))?;
            let (workspace, created, updated) = (String::new(), Millis(0), Millis(0));
            Ok(Limiter { workspace, name, id, rule, created, updated })
        };
        bodies.into_iter().map(limiter).collect::<Result<Vec<_>>>().map(Self::new)
    }

    /// By name, in order.
    pub fn all(&self) -> impl Iterator<Item = &Limiter> {
        self.0.values()
    }

    /// The one with this name.
    pub fn get(&self, name: &str) -> Option<&Limiter> {
        self.0.get(name)
    }

    /// Another number whenever one is made, edited or deleted.
    pub fn stamp(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for limiter in self.all() {
            (&limiter.name, limiter.id, limiter.rule).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Rules with the numbers of the limiters that they name. One whose limiter is gone counts for itself, one a second:
    /// rather too few than too many.
    pub fn resolve(&self, limits: &[RateLimit]) -> Vec<Limit> {
        let resolve = |RateLimit { limit, limiter }: &RateLimit| match limiter.as_deref().map(|name| self.get(name)) {
            None => limit.clone(),
            Some(Some(limiter)) => Limit { rule: limiter.rule, limiter: Some(limiter.id), ..limit.clone() },
            Some(None) => {
                let rule = schedules::rate::Rule { limit: 1, interval_ms: 1_000, ..limit.rule };
                Limit { rule, ..limit.clone() }
            }
        };
        limits.iter().map(resolve).collect()
    }

    /// Refuses rules that name a limiter that is not there.
    pub fn check(&self, limits: &[RateLimit]) -> Result<()> {
        for (place, limit) in limits.iter().enumerate() {
            if let Some(name) = limit.limiter.as_deref().filter(|name| self.get(name).is_none()) {
                let message = format!("there is no limiter named {name:?}; make it with PUT /v1/limiters/{name}");
                let field = format!("settings.rateLimits[{place}].limiter");
                return Err(Error::invalid(field, "limiter_not_found", message));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    limit: u32,
    interval: Value,
    burst: Option<u32>,
    #[serde(default)]
    algorithm: WrittenAlgorithm,
}

/// The numbers of a rule as people write them. Errors name `<field>.<part>`.
pub fn numbers(field: &str, body: Value) -> Result<Rule> {
    let body: Body = wire::read(field, body)?;
    rule(field, body.limit, &body.interval, (body.burst, body.algorithm))
}

/// Makes a limiter, or edits the numbers of one: what is in its buckets stays. `true` when it is new.
pub async fn put(services: &Services, name: &str, body: Value) -> Result<(Limiter, bool)> {
    check_name(name)?;
    let rule = numbers("", body)?;
    services.directory.refresh().await?;
    let now = services.clock.now();
    let known = services.directory.limiters().get(name).cloned();
    let is_new = known.is_none();
    let limiter = match known {
        Some(known) => Limiter { rule, updated: now, ..known },
        None => Limiter {
            workspace: services.options.workspace.clone(),
            name: name.to_owned(),
            id: LimiterId(random()),
            rule,
            created: now,
            updated: now,
        },
    };
    to_the_end(change(services.clone(), limiter)).await.map(|limiter| (limiter, is_new))
}

async fn change(services: Services, limiter: Limiter) -> Result<Limiter> {
    services.catalog.put_limiter(&limiter).await?;
    services.directory.reload().await?;
    duties::agree(services.clone()).await?;
    let stored = services.directory.limiters().get(&limiter.name).cloned();
    Ok(stored.unwrap_or(limiter))
}

/// Checks the name of a limiter.
pub fn check_name(name: &str) -> Result<()> {
    check_limiter_name("limiter", name)
}

/// The limiter with this name; one that is not known may have been made by another process a moment ago.
pub async fn get(services: &Services, name: &str) -> Result<Limiter> {
    services.directory.refresh().await?;
    services.directory.limiters().get(name).cloned().ok_or_else(|| no_limiter(name))
}

/// Forgets a limiter that no release names, with its buckets.
pub async fn delete(services: &Services, name: &str) -> Result<()> {
    let limiter = get(services, name).await?;
    for entry in services.directory.all() {
        let version = services.directory.version(&entry, None).await?;
        let names_it = |limit: &RateLimit| limit.limiter.as_deref() == Some(name);
        if version.is_some_and(|version| version.settings.rate_limits.iter().any(names_it)) {
            let message = format!("{} names it; release that integration without it first", entry.name);
            return Err(Error::conflict("limiter_in_use", message));
        }
    }
    to_the_end(forget(services.clone(), limiter)).await
}

async fn forget(services: Services, limiter: Limiter) -> Result<()> {
    services.catalog.delete_limiter(&limiter.workspace, &limiter.name).await?;
    services.directory.reload().await?;
    services.queue.purge_limiter(limiter.id).await?;
    Ok(())
}

/// A limiter that does not exist.
fn no_limiter(name: &str) -> Error {
    let message = format!("there is no limiter named {name:?}; GET /v1/limiters lists them");
    Error::NotFound { code: "limiter_not_found", message }
}
