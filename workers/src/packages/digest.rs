//! Integrity: what a registry says a tarball hashes to, in the forms npm has had for it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha512};

/// A hash that a tarball must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Digest {
    /// What everything is locked and stored by.
    Sha512([u8; 64]),
    /// All that is known of some very old packages; good for the first download only.
    Sha1([u8; 20]),
}

impl Digest {
    /// The SHA-512 of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::Sha512(Sha512::digest(bytes).into())
    }

    /// Reads `integrity` (`sha512-<base64>`; of several hashes the strongest) or, without one, `shasum`.
    pub(super) fn parse(integrity: Option<&str>, shasum: Option<&str>) -> Option<Self> {
        let parts = || integrity.unwrap_or_default().split_ascii_whitespace();
        let decode = |part: &str, name: &str| {
            // Options may follow a `?`; nothing has ever used them.
            let encoded = part.strip_prefix(name)?.split('?').next()?;
            BASE64_STANDARD.decode(encoded).ok()
        };
        let strong = parts().find_map(|part| decode(part, "sha512-")?.try_into().ok().map(Self::Sha512));
        let weak = || parts().find_map(|part| decode(part, "sha1-")?.try_into().ok().map(Self::Sha1));
        let old = || Some(Self::Sha1(unhex(shasum?)?.try_into().ok()?));
        strong.or_else(weak).or_else(|| if integrity.is_none() { old() } else { None })
    }

    /// Whether these bytes have this hash.
    pub(super) fn matches(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Sha512(expected) => <[u8; 64]>::from(Sha512::digest(bytes)) == *expected,
            Self::Sha1(expected) => <[u8; 20]>::from(Sha1::digest(bytes)) == *expected,
        }
    }

    /// As npm writes it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Sha512(bytes) => format!("sha512-{}", BASE64_STANDARD.encode(bytes)),
            Self::Sha1(bytes) => format!("sha1-{}", BASE64_STANDARD.encode(bytes)),
        }
    }

    /// As a folder's name.
    pub(super) fn hex(&self) -> String {
        match self {
            Self::Sha512(bytes) => hex(bytes),
            Self::Sha1(bytes) => hex(bytes),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_hash_counts() {
        let strong = Digest::of(b"tarball").text();
        let weak = "sha1-y3vfCvjSBxaG1Nxg70VHXmsyOjs=";
        let check = |integrity: Option<&str>, shasum: Option<&str>, expected: Option<bool>| {
            let found = Digest::parse(integrity, shasum);
            assert_eq!(found.map(|found| matches!(found, Digest::Sha512(_))), expected, "{integrity:?} {shasum:?}");
        };
        check(Some(&strong), None, Some(true));
        check(Some(&format!("{weak} {strong}?x")), None, Some(true));
        check(Some(weak), None, Some(false));
        check(None, Some("cb7bdf0af8d2071686d4dc60ef45475e6b323a3b"), Some(false));
        for nothing in ["", "sha512-", "sha512-AAAA", "sha256-AAAA", "md5-AAAA", "sha512-!!!!"] {
            check(Some(nothing), Some("cb7bdf0af8d2071686d4dc60ef45475e6b323a3b"), None);
        }
        check(None, Some("cb7b"), None);
        check(None, Some("cb7bdf0af8d2071686d4dc60ef45475e6b323a3"), None);
        check(None, Some("+b7bdf0af8d2071686d4dc60ef45475e6b323a3b"), None);
        check(None, None, None);
    }

    #[test]
    fn other_bytes_do_not_match() {
        let digest = Digest::of(b"a");
        assert!(digest.matches(b"a") && !digest.matches(b"b"));
        assert_eq!(Digest::parse(Some(&digest.text()), None), Some(digest));
        assert_eq!(digest.hex().len(), 128);
    }
}
