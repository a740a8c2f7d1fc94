//! AES-256-GCM around one value: a text with a version, which opens only with the context it was made in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// The bytes of a key; wiped when dropped.
pub(crate) type KeyBytes = Zeroizing<[u8; 32]>;

/// What a sealed text begins with. The nonce, the ciphertext and the tag follow in base64.
const FORMAT: &str = "v1.";

/// A new key.
pub(super) fn random_key() -> Result<KeyBytes> {
    let mut key = Zeroizing::new([0; 32]);
    fill(key.as_mut())?;
    Ok(key)
}

/// Encrypts `plain` for `context`, under a nonce of its own.
pub(super) fn seal(key: &KeyBytes, context: &[impl AsRef<str>], plain: &[u8]) -> Result<String> {
    let mut nonce = [0; NONCE_LEN];
    fill(&mut nonce)?;
    let mut body = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    body.extend_from_slice(plain);
    let sealed = cipher(key).and_then(|cipher| {
        cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(context), &mut body).ok()
    });
    sealed.ok_or_else(|| Error::Unavailable("a value cannot be encrypted".to_owned()))?;
    body.splice(..0, nonce);
    Ok(format!("{FORMAT}{}", URL_SAFE_NO_PAD.encode(body)))
}

/// What [`seal`] was given; `None` when key, context or text is another one, by a single bit.
pub(super) fn open(key: &KeyBytes, context: &[impl AsRef<str>], sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut body = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed.strip_prefix(FORMAT)?).ok()?);
    let nonce = body.get(..NONCE_LEN)?.try_into().ok()?;
    let length =
        cipher(key)?.open_within(Nonce::assume_unique_for_key(nonce), aad(context), &mut body, NONCE_LEN..).ok()?.len();
    body.truncate(length);
    Some(body)
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    let filled = SystemRandom::new().fill(bytes);
    filled.map_err(|_| Error::Unavailable("the system gives no random numbers".to_owned()))
}

fn cipher(key: &KeyBytes) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
}

/// The parts with their lengths, so that no two lists of parts are the same bytes.
fn aad(context: &[impl AsRef<str>]) -> Aad<Vec<u8>> {
    let part = |part: &str| [&(part.len() as u64).to_be_bytes(), part.as_bytes()].concat();
    Aad::from(context.iter().flat_map(|text| part(text.as_ref())).collect())
}
