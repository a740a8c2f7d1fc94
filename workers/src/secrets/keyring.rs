//! The master keys a process knows: one that encrypts, and during a rotation the one before it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use store::catalog::DataKey;

use super::key_file;
use super::master::{self, Wrap};
use super::seal::{self, KeyBytes};
use crate::{Error, Result};

/// Where the master key is.
#[derive(Clone)]
pub enum KeySource {
    /// A file, made at the first start.
    File(PathBuf),
    /// Given by the operator, as from `TIDEGATE_MASTER_KEY`: a key, or during a rotation the new one, a comma, and the
    /// one before.
    Given(String),
}

impl KeySource {
    /// Where it is, in words.
    pub(super) fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Given(_) => "TIDEGATE_MASTER_KEY".to_owned(),
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

/// The keys, the one that encrypts first.
pub(super) struct Keyring {
    keys: Vec<Arc<dyn Wrap>>,
    place: String,
}

impl Keyring {
    /// Reads the keys; `None` when there is no file yet.
    pub(super) fn read(source: &KeySource) -> Result<Option<Self>> {
        let keys = match source {
            KeySource::File(path) => key_file::read(path)?,
            KeySource::Given(text) => Some(
                key_file::parse(&text.replace(',', "\n"))
                    .map_err(|why| Error::Unavailable(format!("TIDEGATE_MASTER_KEY {why}")))?,
            ),
        };
        let held = |keys: Vec<master::MasterKey>| keys.into_iter().map(|key| Arc::new(key) as Arc<dyn Wrap>).collect();
        Ok(keys.map(|keys| Self { keys: held(keys), place: source.place() }))
    }

    /// The key that encrypts.
    pub(super) fn current(&self) -> &dyn Wrap {
        // Not empty: a source without keys is refused.
        &*self.keys[0]
    }

    /// Whether it has the key with this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id() == id)
    }

    /// A new data key for `workspace`: the key, and as it is stored.
    pub(super) fn new_data_key(
        &self,
        workspace: &str,
        id: String,
        created: schedules::Millis,
    ) -> Result<(KeyBytes, DataKey)> {
        let key = seal::random_key()?;
        let wrapped = self.current().wrap(&context(workspace, &id), &key)?;
        let master = self.current().id().to_owned();
        Ok((key, DataKey { workspace: workspace.to_owned(), id, master, created, wrapped }))
    }

    /// The data key itself.
    pub(super) fn unwrap(&self, data_key: &DataKey) -> Result<KeyBytes> {
        let master = self.keys.iter().find(|key| key.id() == data_key.master);
        let master = master.ok_or_else(|| master::missing(&data_key.master, &self.place))?;
        master.unwrap(&context(&data_key.workspace, &data_key.id), &data_key.wrapped).ok_or_else(|| {
            Error::Unavailable(format!(
                "the data key {} cannot be decrypted: it was changed in the catalog",
                data_key.id
            ))
        })
    }

    /// The same data key under the key that encrypts now.
    pub(super) fn rewrap(&self, data_key: &DataKey) -> Result<DataKey> {
        let key = self.unwrap(data_key)?;
        let wrapped = self.current().wrap(&context(&data_key.workspace, &data_key.id), &key)?;
        Ok(DataKey { master: self.current().id().to_owned(), wrapped, ..data_key.clone() })
    }
}

fn context<'a>(workspace: &'a str, id: &'a str) -> [&'a str; 3] {
    ["tidegate data key", workspace, id]
}
