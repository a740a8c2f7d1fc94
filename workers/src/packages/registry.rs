//! The only way to a registry: through the gateway, to its hosts, with its token to nobody else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schedules::{Clock, Millis};
use url::Url;
use zeroize::Zeroizing;

use super::SecretSource;
use super::digest::Digest;
use super::kept::Kept;
use super::lock::Locked;
use super::options::{Options, RegistryOptions, Token, is_token};
use super::packument::Packument;
use super::refusal::refused;
use super::resolve::Source;
use crate::gateway::{self, Gateway, Outgoing, Policy, Received, Redirect};
use crate::{Error, Result};

/// The most bytes of a description, and of a tarball.
const MAX_BYTES: u64 = 64 << 20;
/// For one request, and how often it is made before the registry counts as down, with the pause in between.
const TIMEOUT: Duration = Duration::from_secs(60);
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);
/// A description is not asked for again within this time.
const FRESH_MS: i64 = 60_000;
/// When to try again after a registry was down.
const RETRY_AFTER_MS: u64 = 10_000;

/// Only what installing needs: a tenth of the whole description.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
/// The times of versions are in the whole one only.
const WHOLE: &str = "application/json";
/// Where npm's own registry says tarballs are; a mirror has them at its own address.
const NPM_HOST: &str = "registry.npmjs.org";

/// The registries.
pub(super) struct Registry {
    gateway: Gateway,
    policy: Policy,
    options: Options,
    secrets: SecretSource,
    kept: Kept,
    clock: Arc<dyn Clock>,
}

impl Registry {
    pub(super) fn new(options: Options, secrets: SecretSource, folder: PathBuf, clock: Arc<dyn Clock>) -> Result<Self> {
        let config = gateway::Config {
            openings: options.openings.clone(),
            extra_roots_pem: options.extra_roots_pem.clone(),
            ..gateway::Config::default()
        };
        let gateway = Gateway::new(config).map_err(|error| Error::Unavailable(format!("packages.ca: {error}")))?;
        let registries = std::iter::once(&options.registry).chain(options.scoped.values());
        let hosts = registries.filter_map(|registry| registry.url.host_str()).map(str::to_owned);
        let hosts = hosts.chain(options.hosts.iter().cloned()).collect();
        let policy = Policy { allowed_domains: Some(hosts), max_response_bytes: MAX_BYTES, ..Policy::default() };
        Ok(Self { gateway, policy, kept: Kept::new(folder), options, secrets, clock })
    }

    /// The tarball of a locked package; its hash is not checked yet.
    pub(super) async fn tarball(&self, locked: &Locked) -> Result<Vec<u8>> {
        let what = format!("{}@{}", locked.name, locked.version);
        let url = self
            .place_of(&locked.name, &locked.url)
            .ok_or_else(|| refused("package_malformed", format!("the registry's address of {what} is no URL")))?;
        let received = self.get(self.of(&locked.name), &url, Vec::new()).await?;
        match received.status {
            200 => Ok(received.body),
            status => Err(answered(&what, &url, status)),
        }
    }

    /// A tarball of the main registry by its usual address, with a hash that is known here.
    pub(super) async fn pinned(&self, name: &str, version: &str, digest: Digest) -> Result<Vec<u8>> {
        let short = name.rsplit('/').next().unwrap_or(name);
        let path = format!("{name}/-/{short}-{version}.tgz");
        let base = &self.options.registry.url;
        let url = base.join(&path).map_err(|error| Error::Unavailable(format!("{base}{path}: {error}")))?;
        let received = self.get(&self.options.registry, &url, Vec::new()).await?;
        match received.status {
            200 if digest.matches(&received.body) => Ok(received.body),
            200 => Err(mismatch(&format!("{name}@{version}"), digest)),
            status => Err(down(&url, &format!("it answered {status}"))),
        }
    }

    fn of(&self, name: &str) -> &RegistryOptions {
        let scope = name.split_once('/').map(|(scope, _)| scope);
        scope.and_then(|scope| self.options.scoped.get(scope)).unwrap_or(&self.options.registry)
    }

    /// Where a tarball is, seen from here: what npm's registry says of itself holds for the registry in its place.
    fn place_of(&self, name: &str, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let base = &self.of(name).url;
        if url.host_str() != Some(NPM_HOST) || base.host_str() == Some(NPM_HOST) {
            return Some(url);
        }
        base.join(url.path().trim_start_matches('/')).ok()
    }

    /// A description, the kept one as long as it is fresh, and also when the registry cannot be reached.
    async fn description(&self, name: &str, by: &str) -> Result<Vec<u8>> {
        let registry = self.of(name);
        let path = name.replacen('/', "%2f", 1);
        let url = registry.url.join(&path).map_err(|error| Error::Unavailable(format!("{path}: {error}")))?;
        let accept = if self.options.minimum_age_ms > 0 { WHOLE } else { ABBREVIATED };
        let key = format!("{url} {accept}");
        let now = self.clock.now();
        let kept = self.kept.read(&key).await;
        if let Some(kept) = &kept
            && (0..FRESH_MS).contains(&now.since(kept.at))
        {
            return Ok(kept.body.clone());
        }
        let mut headers = vec![("accept".to_owned(), accept.to_owned())];
        headers.extend(
            kept.as_ref()
                .filter(|kept| !kept.etag.is_empty())
                .map(|kept| ("if-none-match".to_owned(), kept.etag.clone())),
        );
        let received = match self.get(registry, &url, headers).await {
            Err(error @ Error::Registry { .. }) => match kept {
                Some(kept) => {
                    tracing::warn!(package = name, %error, "a kept description of a package is used");
                    return Ok(kept.body);
                }
                None => return Err(error),
            },
            answer => answer?,
        };
        match (received.status, kept) {
            (304, Some(kept)) => {
                self.kept.touch(&key, now).await;
                Ok(kept.body)
            }
            (200, _) => {
                let etag = received.headers.iter().find(|(name, _)| name == "etag").map(|(_, value)| value.as_str());
                self.kept.write(&key, etag.unwrap_or_default(), &received.body, now).await;
                Ok(received.body)
            }
            (404, _) => {
                let message = format!("there is no npm package {name}, required by {by}, in {}", registry.url);
                Err(refused("package_not_found", message))
            }
            (status, _) => Err(answered(&format!("{name}, required by {by},"), &url, status)),
        }
    }

    /// Asks a registry; an answer of 5xx or 429, or none, counts as down after some attempts.
    async fn get(&self, registry: &RegistryOptions, url: &Url, mut headers: Vec<(String, String)>) -> Result<Received> {
        if let Some(token) = registry.token.as_ref().filter(|_| registry.trusts(url)) {
            headers.push(("authorization".to_owned(), format!("Bearer {}", &*self.token(token, url)?)));
        }
        let request = Outgoing {
            method: "GET".to_owned(),
            url: url.to_string(),
            headers,
            body: None,
            redirect: Redirect::Follow,
            timeout: TIMEOUT,
        };
        let mut attempt = 1;
        loop {
            let why = match self.gateway.send(request.clone(), &self.policy).await.result {
                Ok(received) if received.status < 500 && received.status != 429 => return Ok(received),
                Ok(received) => format!("it answered {}", received.status),
                Err(no) if no.code == "response_too_large" => {
                    return Err(refused("package_too_large", format!("{url}: {}", no.message)));
                }
                Err(no) if matches!(no.code, "domain_not_allowed" | "egress_denied") => {
                    let message = format!("{}; the operator opens it in [packages] of the configuration", no.message);
                    return Err(refused("registry_not_allowed", message));
                }
                Err(no) => no.message,
            };
            if attempt == ATTEMPTS {
                return Err(down(url, &why));
            }
            tokio::time::sleep(PAUSE * attempt).await;
            attempt += 1;
        }
    }

    /// The token for a request to `url`.
    fn token(&self, token: &Token, url: &Url) -> Result<Zeroizing<String>> {
        let name = match token {
            Token::Text(text) => return Ok(text.clone().into()),
            Token::Secret(name) => name,
        };
        let host = url.host_str().unwrap_or_default();
        let forbidden =
            |why: &str| refused("package_forbidden", format!("the registry {host} wants a token, and {why}"));
        let secret = (self.secrets)(name)?.ok_or_else(|| {
            forbidden(&format!("the workspace has no secret {name}: `tidegate secrets set {name}` stores it"))
        })?;
        if !secret.hosts.is_empty() && !secret.hosts.iter().any(|rule| rule.matches(url)) {
            return Err(forbidden(&format!(
                "the secret {name} may not be sent there: its list of hosts does not have it"
            )));
        }
        let text = Zeroizing::new(secret.value.trim().to_owned());
        if is_token(&text) {
            Ok(text)
        } else {
            Err(forbidden(&format!("the secret {name} is none that a header can have")))
        }
    }

    /// The youngest that a version may be, if there is such a bound.
    pub(super) fn no_younger(&self) -> Option<Millis> {
        let age = i64::try_from(self.options.minimum_age_ms).unwrap_or(i64::MAX);
        (age > 0).then(|| Millis(self.clock.now().0.saturating_sub(age)))
    }
}

impl Source for Registry {
    async fn packument(&self, name: &str, by: &str) -> Result<Arc<Packument>> {
        let body = self.description(name, by).await?;
        let malformed = |error: String| {
            let message = format!("what the registry says about {name} cannot be read: {error}");
            refused("package_malformed", message)
        };
        Packument::parse(name, &body).map(Arc::new).map_err(malformed)
    }
}

/// A tarball that is not what was promised.
pub(super) fn mismatch(what: &str, digest: Digest) -> Error {
    let message =
        format!("the tarball of {what} does not hash to {}: it was changed on its way, or since", digest.text());
    refused("package_integrity_mismatch", message)
}

fn answered(what: &str, url: &Url, status: u16) -> Error {
    let host = url.host_str().unwrap_or_default();
    match status {
        401 | 403 => refused(
            "package_forbidden",
            format!("{host} does not hand out {what} ({status}); the operator sets a registry's token in [packages]"),
        ),
        404 => refused("package_not_found", format!("{host} does not have {what} (404)")),
        status => refused("package_malformed", format!("{host} answered {status} when asked for {what}")),
    }
}

fn down(url: &Url, why: &str) -> Error {
    let host = url.host_str().unwrap_or_default();
    let message = format!("the npm registry {host} cannot be reached: {why}");
    Error::Registry { message, retry_after_ms: RETRY_AFTER_MS }
}
