//! Finds the hook that an address names, and the secrets that it goes by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::HeaderMap;
use schedules::Millis;
use store::IntegrationId;
use store::catalog::Trigger;

use super::auth::{Auth, Refusal};
use super::signature::Claim;
use crate::invoke::Target;
use crate::settings::{Http, Settings};
use crate::{Entry, Event, Result, Services};

/// The path of an integration's hook.
pub fn path(workspace: &str, name: &str) -> String {
    format!("/hooks/{workspace}/{name}")
}

/// A hook that can be called.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its integration.
    pub entry: Arc<Entry>,
    /// The major release that the address names.
    pub major: Option<u32>,
    /// Its settings.
    pub http: Arc<Http>,
}

/// The hook of `name`, or of `name@2`. `None` for whatever reason there is none: callers must not learn which. A name that
/// is not known is not looked for in the catalog: strangers could ask for many. What another process made is known here
/// within a second.
pub async fn open(services: &Services, workspace: &str, name: &str) -> Result<Option<Open>> {
    if workspace != services.options.workspace {
        return Ok(None);
    }
    let Ok(target) = name.parse::<Target>() else { return Ok(None) };
    let found = services.directory.by_name(&target.name).filter(|entry| entry.trigger == Trigger::Http);
    let Some(entry) = found else { return Ok(None) };
    let Some(version) = services.directory.version(&entry, target.major).await? else { return Ok(None) };
    Ok(version.settings.http.clone().map(|http| Open { entry, major: target.major, http }))
}

impl Open {
    /// Looks at what comes before the body: see [`Auth::check_head`].
    pub fn check_head(
        &self,
        services: &Services,
        headers: &HeaderMap,
        query: &str,
    ) -> std::result::Result<Option<Claim<'_>>, Refusal> {
        let secrets = match services.secrets.of(self.entry.id) {
            Ok(secrets) => secrets,
            Err(error) => {
                tracing::error!(integration = &*self.entry.name, %error, "a hook's secrets cannot be read");
                return Err(Refusal::NoSecret);
            }
        };
        self.http.auth.check_head(headers, query, |name| secrets.value(name), services.clock.now())
    }

    /// Counts a refusal; one that the operator must mend is in the log as well.
    pub fn refused(&self, services: &Services, refusal: Refusal) {
        let integration = self.entry.name.clone();
        if refusal == Refusal::NoSecret && is_time_to_warn(services.clock.now()) {
            let names = self.http.auth.secrets().join(", ");
            tracing::warn!(
                integration = &*integration,
                secrets = names,
                "a hook refuses every caller: none of its secrets is set, or none has the form it needs"
            );
        }
        services.events.emit(Event::HookRefused { integration, reason: refusal.reason() });
    }
}

/// When the log was last told of a hook without its secret, in Unix milliseconds.
static WARNED_MS: AtomicI64 = AtomicI64::new(0);

/// Strangers must not fill the log: a line a second says enough, and the metric counts all of them.
fn is_time_to_warn(now: Millis) -> bool {
    let last = WARNED_MS.load(Ordering::Relaxed);
    let due = now.0.saturating_sub(last) >= 1_000;
    due && WARNED_MS.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// What is missing for a hook with these settings to let anyone in, in words for its author.
pub fn missing_secrets(services: &Services, integration: IntegrationId, settings: &Settings) -> Vec<String> {
    let Some(http) = &settings.http else { return Vec::new() };
    let Ok(known) = services.secrets.of(integration) else { return Vec::new() };
    let warning = |name: &String| match (known.value(name), &http.auth) {
        (None, _) => Some(format!(
            "settings.http.auth goes by the secret {name}, which is not set: callers get 401 until \
             `tidegate secrets set {name}` has stored it"
        )),
        (Some(value), Auth::Signed(scheme)) if scheme.key_of(&value).is_none() => {
            Some(format!("the secret {name} is not base64, as settings.http.auth needs it: callers get 401"))
        }
        _ => None,
    };
    http.auth.secrets().iter().filter_map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_once_a_second() {
        let told = [10_000, 10_001, 10_999, 11_000, 11_500, 60_000].map(|ms| is_time_to_warn(Millis(ms)));
        assert_eq!(told, [true, false, false, true, false, true]);
    }
}
