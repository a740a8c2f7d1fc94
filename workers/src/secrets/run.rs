//! What one run knows of secrets: the values its script sees, those the gateway inserts, and what must be masked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::gateway::{Insert, Inserts};
use crate::redact::Redactor;

/// A secret in the clear.
#[derive(Clone)]
pub(super) struct Clear {
    pub value: Zeroizing<String>,
    pub gateway_only: bool,
    pub hosts: Vec<String>,
}

impl Clear {
    /// As the gateway takes it; nothing if its hosts, which were checked when it was set, cannot be read.
    pub(super) fn insert(&self) -> Option<Insert> {
        let hosts = self.hosts.iter().map(|host| host.parse()).collect::<Result<Vec<_>, _>>().ok()?;
        Some(Insert { value: self.value.clone(), hosts })
    }
}

/// The secrets of one integration, as of one moment. `Debug` says nothing.
pub struct RunSecrets {
    clear: BTreeMap<String, Clear>,
    inserts: Arc<Inserts>,
    redactor: Redactor,
    hidden: Redactor,
}

impl RunSecrets {
    /// `clear` is what the run may use; `masked` is what else must not be shown: values that another takes the place of.
    pub(super) fn new(clear: BTreeMap<String, Clear>, masked: &[Zeroizing<String>]) -> Self {
        let values = clear.values().map(|secret| &secret.value).chain(masked);
        let redactor = Redactor::new(values.map(|value| value.as_str()));
        let hidden = clear.values().filter(|secret| secret.gateway_only).map(|secret| secret.value.as_str());
        let hidden = Redactor::new(hidden);
        let insert = |(name, secret): (&String, &Clear)| Some((name.clone(), secret.insert()?));
        let inserts = Arc::new(clear.iter().filter_map(insert).collect());
        Self { clear, inserts, redactor, hidden }
    }

    /// Of a run that will not start, because its secrets cannot be read.
    pub(crate) fn none() -> Self {
        Self::new(BTreeMap::new(), &[])
    }

    /// What the script sees: the values, and placeholders of those that are for the gateway alone.
    pub fn visible(&self) -> BTreeMap<String, String> {
        let shown = |(name, secret): (&String, &Clear)| match secret.gateway_only {
            true => (name.clone(), format!("$(secret:{name})")),
            false => (name.clone(), secret.value.to_string()),
        };
        self.clear.iter().map(shown).collect()
    }

    /// The value of one, whatever scripts see of it.
    pub(crate) fn value(&self, name: &str) -> Option<Zeroizing<String>> {
        self.clear.get(name).map(|secret| secret.value.clone())
    }

    /// What the gateway puts into the place of `$(secret:NAME)`.
    pub fn inserts(&self) -> Arc<Inserts> {
        self.inserts.clone()
    }

    /// Masks them.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Masks those that the script itself must not see.
    pub fn hidden(&self) -> &Redactor {
        &self.hidden
    }
}

impl fmt::Debug for RunSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSecrets").finish_non_exhaustive()
    }
}
