//! Changing the keys under the secrets, while servers run; a rotation that was cut off goes on when it is started again.
//!
//! 1. A new master key is put before the old one into the key file: from here on both decrypt, the new one encrypts.
//! 2. Every data key is encrypted anew with it. With `reencrypt` every workspace gets a new data key, every secret is
//!    encrypted anew with that, and data keys that nothing needs any more are forgotten.
//! 3. The old key leaves the file, for a file of its own beside it: backups of the catalog from before need it.
//!
//! Where it stands is written in the key file and in the catalog alone, each step is whole or not there, and every step
//! finds out what is left for it to do.

use std::path::{Path, PathBuf};

use schedules::Clock;
use store::catalog::{Catalog, DataKey, StoredSecret};
use ulid::Ulid;

use super::keyring::{KeySource, Keyring};
use super::master::{self, MasterKey, Wrap};
use super::{key_file, seal, vault};
use crate::{Error, Result};

/// What a rotation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// The id of the master key that encrypts now.
    pub master: String,
    /// Data keys that were encrypted anew with it.
    pub data_keys: usize,
    /// Secrets that were encrypted anew.
    pub secrets: usize,
    /// Where the old master keys are now, if they were in a file.
    pub retired: Vec<PathBuf>,
}

/// Rotates the master key, or goes on with a rotation that was cut off; with `reencrypt` the data keys as well. `tell`
/// hears of every step: what is being done, how many are done, and of how many.
pub async fn rotate(
    catalog: &Catalog,
    source: &KeySource,
    clock: &dyn Clock,
    reencrypt: bool,
    mut tell: impl FnMut(&str, usize, usize),
) -> Result<Rotated> {
    begin(catalog, source).await?;
    let keyring = read(source)?;
    let mut rotated = Rotated { master: keyring.current().id().to_owned(), ..Rotated::default() };
    rewrap_all(catalog, &keyring, &mut rotated, &mut tell).await?;
    if reencrypt {
        for workspace in workspaces(&catalog.data_keys().await?) {
            reencrypt_all(catalog, &keyring, clock, &workspace, &mut rotated, &mut tell).await?;
        }
    }
    // A server may have made a data key with what it read before.
    rewrap_all(catalog, &keyring, &mut rotated, &mut tell).await?;
    if let KeySource::File(path) = source {
        rotated.retired = retire(path)?;
    }
    Ok(rotated)
}

fn read(source: &KeySource) -> Result<Keyring> {
    Keyring::read(source)?.ok_or_else(|| {
        Error::Unavailable(format!(
            "there is no master key at {}; a server makes it at its first start",
            source.place()
        ))
    })
}

/// Puts a new key in front, unless a rotation is under way. Given keys are the operator's to put in order.
async fn begin(catalog: &Catalog, source: &KeySource) -> Result<()> {
    let keyring = read(source)?;
    let data_keys = catalog.data_keys().await?;
    if let Some(unknown) = data_keys.iter().find(|key| !keyring.has(&key.master)) {
        return Err(master::missing(&unknown.master, &source.place()));
    }
    match source {
        KeySource::File(path) => {
            let old = key_file::read(path)?.unwrap_or_default();
            if old.len() > 1 {
                return Ok(());
            }
            let new = MasterKey::generate()?;
            let keys: Vec<&MasterKey> = std::iter::once(&new).chain(&old).collect();
            key_file::replace(path, &keys)
        }
        KeySource::Given(_) if data_keys.iter().all(|key| key.master == keyring.current().id()) => Err(Error::invalid(
            "TIDEGATE_MASTER_KEY",
            "no_new_key",
            "everything is encrypted with its first key already: put a new key and a comma before it \
                 (`openssl rand -base64 32` makes one), here and for every server, and start again",
        )),
        KeySource::Given(_) => Ok(()),
    }
}

async fn rewrap_all(
    catalog: &Catalog,
    keyring: &Keyring,
    rotated: &mut Rotated,
    tell: &mut impl FnMut(&str, usize, usize),
) -> Result<()> {
    let current = keyring.current().id();
    let left: Vec<DataKey> = catalog.data_keys().await?.into_iter().filter(|key| key.master != current).collect();
    for (done, key) in left.iter().enumerate() {
        tell("data keys", done, left.len());
        rotated.data_keys += usize::from(catalog.rewrap_data_key(&keyring.rewrap(key)?, &key.wrapped).await?);
    }
    Ok(())
}

fn workspaces(data_keys: &[DataKey]) -> Vec<String> {
    let mut names: Vec<String> = data_keys.iter().map(|key| key.workspace.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Encrypts a workspace's secrets anew. A new data key is made only when every secret has the newest one: else an
/// earlier rotation made that key, and was cut off.
async fn reencrypt_all(
    catalog: &Catalog,
    keyring: &Keyring,
    clock: &dyn Clock,
    workspace: &str,
    rotated: &mut Rotated,
    tell: &mut impl FnMut(&str, usize, usize),
) -> Result<()> {
    let data_keys = catalog.data_keys().await?;
    let newest = vault::newest(&data_keys, workspace);
    let unfinished = data_keys.iter().filter(|key| key.workspace == workspace).count() > 1;
    let target = match newest.clone().filter(|_| unfinished) {
        Some(target) => target,
        None => {
            let id = vault::next_id(newest.as_ref(), clock.now());
            let (_, made) = keyring.new_data_key(workspace, id, clock.now())?;
            catalog.add_data_key(&made).await?;
            made
        }
    };
    let key = keyring.unwrap(&target)?;
    loop {
        let data_keys = catalog.data_keys().await?;
        let all = catalog.secrets(workspace).await?;
        let left: Vec<&StoredSecret> = all.iter().filter(|secret| secret.data_key < target.id).collect();
        if left.is_empty() {
            break;
        }
        for (done, secret) in left.iter().enumerate() {
            tell("secrets", done, left.len());
            let was = data_keys.iter().find(|key| key.workspace == workspace && key.id == secret.data_key);
            let old = was.ok_or_else(|| vault::changed(secret)).and_then(|was| keyring.unwrap(was))?;
            let value = vault::reveal(&old, secret).ok_or_else(|| vault::changed(secret))?;
            let version = Ulid::from_parts(clock.now().0.max(0).unsigned_abs(), rand::random()).to_string();
            let mut anew = StoredSecret { version, data_key: target.id.clone(), ..(*secret).clone() };
            anew.sealed = seal::seal(&key, &vault::context(&anew), value.as_bytes())?;
            rotated.secrets += usize::from(catalog.reencrypt_secret(&anew, &secret.version).await?);
        }
    }
    catalog.prune_data_keys(workspace).await?;
    Ok(())
}

/// Leaves the current key in the file, and the others each in a file of its own.
fn retire(path: &Path) -> Result<Vec<PathBuf>> {
    let keys = key_file::read(path)?.unwrap_or_default();
    let mut retired = Vec::new();
    for old in keys.iter().skip(1) {
        let file = path.with_extension(format!("retired-{}", old.id()));
        key_file::replace(&file, &[old])?;
        retired.push(file);
    }
    if let Some(current) = keys.first().filter(|_| keys.len() > 1) {
        key_file::replace(path, &[current])?;
    }
    Ok(retired)
}
