//! The form of an API key: `tg_` (`tg_pub_` for web pages), 32 random bytes in base 62, and a checksum that tells a typing error from a revoked key.

use rand::RngCore;
use sha2::{Digest, Sha256};

const PREFIX: &str = "tg_";
/// What a publishable key begins with: `_` is in no secret, so the two are never taken for each other.
const PUBLISHABLE: &str = "tg_pub_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 > 2^256: every value of 32 bytes fits.
const SECRET_CHARS: usize = 43;
/// 62^6 > 2^32: so does every checksum.
const CHECKSUM_CHARS: usize = 6;
/// As much of a key as is kept to recognise it by.
const SHOWN_CHARS: usize = 8;
/// The same of a key that is no secret.
const PUBLISHABLE_SHOWN_CHARS: usize = 12;

/// A new API key; the only place where it is in clear.
pub struct Token(String);

impl Token {
    /// Makes a key from the system's randomness.
    pub fn generate() -> Self {
        Self::with_prefix(PREFIX)
    }

    /// The same for a key that web pages show.
    pub fn generate_publishable() -> Self {
        Self::with_prefix(PUBLISHABLE)
    }

    fn with_prefix(prefix: &str) -> Self {
        let mut secret = [0_u8; 32];
        rand::rng().fill_bytes(&mut secret);
        let secret = base62(&secret, SECRET_CHARS);
        Self(format!("{prefix}{secret}{}", checksum(&secret)))
    }

    /// The key itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The first characters of a key, to recognise it by; never so much of a short one that it is given away.
pub fn shown(key: &str) -> String {
    let chars = if key.starts_with(PUBLISHABLE) { PUBLISHABLE_SHOWN_CHARS } else { SHOWN_CHARS };
    key.chars().take(chars.min(key.chars().count() / 3)).collect()
}

/// SHA-256 of a key: what is stored, and what is looked up, so that no comparison depends on the secret's bytes.
pub fn fingerprint(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Whether a key was copied whole; keys that are preset by the operator have no checksum.
pub fn is_intact(key: &str) -> bool {
    let Some(rest) = key.strip_prefix(PUBLISHABLE).or_else(|| key.strip_prefix(PREFIX)) else {
        return false;
    };
    let fits = rest.len() == SECRET_CHARS + CHECKSUM_CHARS && rest.is_ascii();
    fits && checksum(&rest[..SECRET_CHARS]) == rest[SECRET_CHARS..]
}

fn checksum(secret: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    base62(&digest[..4], CHECKSUM_CHARS)
}

/// A big-endian number in base 62, padded to `chars`.
fn base62(bytes: &[u8], chars: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = vec![ALPHABET[0]; chars];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = (value / 62).to_le_bytes()[0];
            remainder = value % 62;
        }
        *digit = ALPHABET[remainder as usize];
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_base_62() {
        let check = |bytes: &[u8], chars, expected: &str| assert_eq!(base62(bytes, chars), expected);
        check(&[0], 2, "00");
        check(&[61], 2, "0z");
        check(&[62], 2, "10");
        check(&[1, 0], 3, "048");
        check(&[255; 4], 6, "4gfFC3");
        assert!(!base62(&[255; 32], SECRET_CHARS).starts_with('0'), "32 bytes need all {SECRET_CHARS} characters");
    }

    #[test]
    fn a_key_is_intact_until_a_character_changes() {
        let token = Token::generate();
        for token in [&token, &Token::generate_publishable()] {
            assert!(is_intact(token.reveal()));
            for (at, _) in token.reveal().char_indices() {
                let mut other = token.reveal().to_owned();
                let replacement = if other.as_bytes()[at] == b'x' { "y" } else { "x" };
                other.replace_range(at..=at, replacement);
                assert!(!is_intact(&other), "{at}");
            }
        }
        for other in ["", "tg_", "tg_short", &token.reveal()[1..], &format!("{}0", token.reveal())] {
            assert!(!is_intact(other), "{other}");
        }
    }

    #[test]
    fn two_keys_differ_and_little_is_shown() {
        let (a, b) = (Token::generate(), Token::generate());
        assert_ne!(a.reveal(), b.reveal());
        assert_eq!(shown(a.reveal()).len(), SHOWN_CHARS);
        assert_eq!(shown("123456789"), "123");
        let publishable = Token::generate_publishable();
        assert_eq!(shown(publishable.reveal()), publishable.reveal()[..PUBLISHABLE_SHOWN_CHARS]);
    }
}
