//! The secrets of a workspace in memory, decrypted for an integration when it runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use store::IntegrationId;
use store::catalog::{Catalog, DataKey, SecretScope, StoredSecret};
use ulid::Ulid;
use zeroize::Zeroizing;

use super::key_file;
use super::keyring::{KeySource, Keyring};
use super::run::{Clear, RunSecrets};
use super::seal::{self, KeyBytes};
use super::written::NewSecret;
use crate::gateway::Insert;
use crate::{Error, Result};

/// How often a value is encrypted anew because its data key was retired meanwhile.
const TRIES: u32 = 5;

/// The secrets of a workspace; cheap to clone.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    catalog: Catalog,
    workspace: String,
    /// Secrets of the process's environment: defaults of the whole workspace.
    environment: BTreeMap<String, String>,
    source: KeySource,
    snapshot: RwLock<Arc<Snapshot>>,
    reading: tokio::sync::Mutex<()>,
}

/// The catalog's secrets as they were read.
#[derive(Default)]
struct Snapshot {
    version: u64,
    sealed: HashMap<SecretScope, Vec<StoredSecret>>,
    keys: HashMap<String, KeyBytes>,
    /// What was decrypted so far.
    runs: Mutex<HashMap<IntegrationId, Arc<RunSecrets>>>,
}

impl Secrets {
    /// Reads the secrets of `workspace`. A key file that is missing is made, unless the catalog has secrets already:
    /// then their key is lost, and that is an error. Also tells whether the file was made.
    pub async fn open(
        catalog: Catalog,
        workspace: String,
        environment: BTreeMap<String, String>,
        source: KeySource,
    ) -> Result<(Self, bool)> {
        let made = ensure_key(&catalog, &source).await?;
        let (snapshot, reading) = (RwLock::default(), tokio::sync::Mutex::default());
        let secrets = Self(Arc::new(Inner { catalog, workspace, environment, source, snapshot, reading }));
        secrets.reload().await?;
        Ok((secrets, made))
    }

    /// Where the master key is.
    pub fn key_place(&self) -> String {
        self.0.source.place()
    }

    /// What a run of this integration is given; each integration's is decrypted once and kept until a secret changes.
    /// Of one name, the integration's own wins over the workspace's, and that over the environment's.
    pub fn of(&self, integration: IntegrationId) -> Result<Arc<RunSecrets>> {
        let snapshot = self.snapshot();
        let known = || snapshot.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = known().get(&integration) {
            return Ok(run.clone());
        }
        let run = Arc::new(self.decrypt(&snapshot, integration)?);
        known().insert(integration, run.clone());
        Ok(run)
    }

    fn decrypt(&self, snapshot: &Snapshot, integration: IntegrationId) -> Result<RunSecrets> {
        let mut clear: BTreeMap<_, _> =
            self.0.environment.iter().map(|(name, value)| (name.clone(), open(value))).collect();
        let mut replaced = Vec::new();
        for scope in [SecretScope::Workspace, SecretScope::Integration(integration)] {
            for stored in snapshot.sealed.get(&scope).into_iter().flatten() {
                let secret = snapshot.open(stored)?;
                replaced.extend(clear.insert(stored.name.clone(), secret).map(|secret| secret.value));
            }
        }
        Ok(RunSecrets::new(clear, &replaced))
    }

    /// A secret of the whole workspace, or of the environment if it has none of that name.
    pub(crate) fn of_workspace(&self, name: &str) -> Result<Option<Insert>> {
        let snapshot = self.snapshot();
        let stored = snapshot.sealed.get(&SecretScope::Workspace).into_iter().flatten().find(|one| one.name == name);
        match stored {
            Some(stored) => snapshot.open(stored).map(|secret| secret.insert()),
            None => Ok(self.0.environment.get(name).map(|value| open(value)).and_then(|secret| secret.insert())),
        }
    }

    /// Sees what other processes changed.
    pub async fn refresh(&self) -> Result<()> {
        if self.0.catalog.secrets_version().await? == self.snapshot().version { Ok(()) } else { self.reload().await }
    }

    /// Encrypts and stores a secret that was checked.
    pub(super) async fn put(&self, scope: SecretScope, new: &NewSecret, now: schedules::Millis) -> Result<()> {
        for _ in 0..TRIES {
            let (key, data_key) = self.newest_key(now).await?;
            let mut stored = StoredSecret {
                workspace: self.0.workspace.clone(),
                scope,
                name: new.name.clone(),
                version: Ulid::from_parts(now.0.max(0).unsigned_abs(), rand::random()).to_string(),
                data_key,
                gateway_only: new.gateway_only,
                hosts: new.hosts.clone(),
                created: now,
                updated: now,
                sealed: String::new(),
            };
            stored.sealed = seal::seal(&key, &context(&stored), new.value.as_bytes())?;
            match self.0.catalog.put_secret(&stored).await {
                Err(store::Error::NotFound { what }) if what.starts_with("data key") => {}
                Err(store::Error::Full { limit, .. }) => {
                    let message =
                        format!("there are {limit} secrets, and no more may be: remove one that is not needed");
                    return Err(Error::conflict("too_many_secrets", message));
                }
                put => {
                    put?;
                    return self.reload().await;
                }
            }
        }
        Err(Error::Busy { message: "the keys of secrets are being changed".to_owned(), retry_after_ms: 1_000 })
    }

    pub(super) async fn delete(&self, scope: SecretScope, name: &str) -> Result<()> {
        self.0.catalog.delete_secret(&self.0.workspace, scope, name).await?;
        self.reload().await
    }

    /// The secrets of one scope, by name; their values stay encrypted.
    pub(super) async fn list(&self, scope: SecretScope) -> Result<Vec<StoredSecret>> {
        let all = self.0.catalog.secrets(&self.0.workspace).await?;
        Ok(all.into_iter().filter(|secret| secret.scope == scope).collect())
    }

    /// The key that encrypts what is new, and its id; read from the catalog, as a rotation may have made another one.
    async fn newest_key(&self, now: schedules::Millis) -> Result<(KeyBytes, String)> {
        let newest = newest(&self.0.catalog.data_keys().await?, &self.0.workspace);
        if let Some(data_key) = newest {
            return Ok((self.keyring(&data_key.master)?.unwrap(&data_key)?, data_key.id));
        }
        let keyring = self.keyring("")?;
        let (key, data_key) = keyring.new_data_key(&self.0.workspace, next_id(None, now), now)?;
        self.0.catalog.add_data_key(&data_key).await?;
        // A rotation may have begun, and passed by, between reading the key and storing what it encrypted.
        let after = self.keyring("")?;
        if after.current().id() != data_key.master && after.has(&data_key.master) {
            self.0.catalog.rewrap_data_key(&after.rewrap(&data_key)?, &data_key.wrapped).await?;
        }
        Ok((key, data_key.id))
    }

    /// The master keys as they are now: a rotation changes the file under a running process.
    fn keyring(&self, wanted: &str) -> Result<Keyring> {
        let keyring = Keyring::read(&self.0.source)?;
        keyring.ok_or_else(|| super::master::missing(wanted, &self.key_place()))
    }

    fn unwrap(&self, data_keys: &[DataKey]) -> Result<HashMap<String, KeyBytes>> {
        let mine: Vec<&DataKey> = data_keys.iter().filter(|key| key.workspace == self.0.workspace).collect();
        let Some(first) = mine.first() else { return Ok(HashMap::new()) };
        let keyring = self.keyring(&first.master)?;
        mine.into_iter().map(|key| Ok((key.id.clone(), keyring.unwrap(key)?))).collect()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn reload(&self) -> Result<()> {
        let _reading = self.0.reading.lock().await;
        let snapshot = Arc::new(self.read().await?);
        *self.0.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    /// The version first: what changes meanwhile is read again. The data keys before and after the secrets: a rotation
    /// adds one before, and forgets one after, it encrypts secrets anew.
    async fn read(&self) -> Result<Snapshot> {
        let version = self.0.catalog.secrets_version().await?;
        let mut data_keys = self.0.catalog.data_keys().await?;
        let mut sealed: HashMap<_, Vec<_>> = HashMap::new();
        for secret in self.0.catalog.secrets(&self.0.workspace).await? {
            sealed.entry(secret.scope).or_default().push(secret);
        }
        data_keys.extend(self.0.catalog.data_keys().await?);
        let keys = self.unwrap(&data_keys)?;
        Ok(Snapshot { version, sealed, keys, runs: Mutex::default() })
    }
}

impl Snapshot {
    fn open(&self, stored: &StoredSecret) -> Result<Clear> {
        let key = self.keys.get(&stored.data_key);
        let value = key.and_then(|key| reveal(key, stored)).ok_or_else(|| changed(stored))?;
        Ok(Clear { value, gateway_only: stored.gateway_only, hosts: stored.hosts.clone() })
    }
}

/// A secret of the environment.
fn open(value: &str) -> Clear {
    Clear { value: Zeroizing::new(value.to_owned()), gateway_only: false, hosts: Vec::new() }
}

/// The error of a secret whose ciphertext is not the one that was stored for it.
pub(super) fn changed(stored: &StoredSecret) -> Error {
    Error::Unavailable(format!(
        "the secret {} cannot be decrypted: what the catalog holds is not what was stored there; set it again",
        stored.name
    ))
}

/// The value of a stored secret.
pub(super) fn reveal(key: &KeyBytes, stored: &StoredSecret) -> Option<Zeroizing<String>> {
    let plain = seal::open(key, &context(stored), &stored.sealed)?;
    std::str::from_utf8(&plain).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// What a ciphertext is bound to: everything that, changed in the catalog, would give it another meaning.
pub(super) fn context(stored: &StoredSecret) -> [String; 8] {
    [
        "tidegate secret".to_owned(),
        stored.workspace.clone(),
        stored.scope.text(),
        stored.name.clone(),
        stored.version.clone(),
        stored.data_key.clone(),
        stored.gateway_only.to_string(),
        stored.hosts.join(" "),
    ]
}

/// The key of a workspace that encrypts what is new.
pub(super) fn newest(data_keys: &[DataKey], workspace: &str) -> Option<DataKey> {
    data_keys.iter().filter(|key| key.workspace == workspace).max_by(|a, b| a.id.cmp(&b.id)).cloned()
}

/// An id after `last`, whatever the clock says.
pub(super) fn next_id(last: Option<&DataKey>, now: schedules::Millis) -> String {
    let after = last.and_then(|key| Ulid::from_string(&key.id).ok()).map_or(0, |id| id.timestamp_ms() + 1);
    Ulid::from_parts(now.0.max(0).unsigned_abs().max(after), rand::random()).to_string()
}

/// Makes the key file of a catalog without secrets; tells whether it did.
async fn ensure_key(catalog: &Catalog, source: &KeySource) -> Result<bool> {
    if Keyring::read(source)?.is_some() {
        return Ok(false);
    }
    if let Some(key) = catalog.data_keys().await?.first() {
        return Err(super::master::missing(&key.master, &source.place()));
    }
    match source {
        KeySource::File(path) => key_file::make(path).map(|()| true),
        KeySource::Given(_) => Ok(false),
    }
}
