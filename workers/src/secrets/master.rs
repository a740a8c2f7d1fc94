//! Master keys: what encrypts data keys. The seam for services that keep keys and never give them out.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::seal::{self, KeyBytes};
use crate::{Error, Result};

/// Encrypts and decrypts data keys. A key service (KMS) is another implementation; it is asked once per data key and
/// process, and when a workspace gets a new one.
pub trait Wrap: Send + Sync {
    /// Which key this is; says nothing about it.
    fn id(&self) -> &str;

    /// Encrypts a data key for `context`.
    fn wrap(&self, context: &[&str], key: &Zeroizing<[u8; 32]>) -> Result<String>;

    /// Decrypts what [`Self::wrap`] gave; `None` when it is not that, or not for this context.
    fn unwrap(&self, context: &[&str], wrapped: &str) -> Option<Zeroizing<[u8; 32]>>;
}

/// A master key that this process holds itself.
pub struct MasterKey {
    id: String,
    key: KeyBytes,
}

impl MasterKey {
    /// A new one.
    pub fn generate() -> Result<Self> {
        Ok(Self::of(seal::random_key()?))
    }

    /// Reads one: 32 bytes in base64 or as 64 hexadecimal digits. The error never repeats the text.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let wrong = "is not a key: write 32 random bytes in base64, as `openssl rand -base64 32` prints them";
        let decoded = Zeroizing::new(decode(text.trim()).ok_or(wrong)?);
        let key: [u8; 32] = decoded.as_slice().try_into().map_err(|_| wrong)?;
        if key.iter().all(|byte| *byte == key[0]) {
            return Err("is not random: all of its bytes are the same".to_owned());
        }
        Ok(Self::of(Zeroizing::new(key)))
    }

    /// The key in base64, for its file.
    pub(super) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.key.as_slice()))
    }

    fn of(key: KeyBytes) -> Self {
        let digest = Sha256::new().chain_update("tidegate master key").chain_update(key.as_slice()).finalize();
        Self { id: digest[..8].iter().map(|byte| format!("{byte:02x}")).collect(), key }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect();
    }
    let bare = text.trim_end_matches('=');
    STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare)).ok()
}

impl Wrap for MasterKey {
    fn id(&self) -> &str {
        &self.id
    }

    fn wrap(&self, context: &[&str], key: &KeyBytes) -> Result<String> {
        seal::seal(&self.key, context, key.as_slice())
    }

    fn unwrap(&self, context: &[&str], wrapped: &str) -> Option<KeyBytes> {
        let plain = seal::open(&self.key, context, wrapped)?;
        plain.as_slice().try_into().ok().map(Zeroizing::new)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The error of a master key that is not the right one, or not there.
pub(super) fn missing(id: &str, place: &str) -> Error {
    Error::Unavailable(format!(
        "the catalog's secrets are encrypted with the master key {id}, which {place} does not have: bring it back from \
         its backup; without it these secrets cannot be read"
    ))
}
