//! What a secret looks like in a text, apart from escaping.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::{MASK, MIN_SECRET_BYTES};

/// A line of a longer secret is a secret of its own from this length on: printers break long texts at line ends.
const MIN_LINE_BYTES: usize = 16;
/// Printers of bytes show the first 50, and say how many more there are.
const PRINTED_BYTES: usize = 48;

/// Everything to search for; sorted, without duplicates.
pub(super) fn of<'s>(secrets: impl IntoIterator<Item = &'s str>) -> BTreeSet<Vec<u8>> {
    let mut patterns = BTreeSet::new();
    for secret in secrets {
        add(&mut patterns, secret);
        add(&mut patterns, secret.trim());
        if secret.len() > PRINTED_BYTES {
            add(&mut patterns, &secret[..secret.floor_char_boundary(PRINTED_BYTES)]);
        }
        let lines = secret.lines().map(str::trim).filter(|line| *line != secret.trim());
        for line in lines.filter(|line| line.len() >= MIN_LINE_BYTES && !line.starts_with("-----")) {
            add(&mut patterns, line);
        }
    }
    // A secret of nothing but the mask's characters is masked by being what it is.
    patterns.retain(|pattern| !MASK.as_bytes().windows(pattern.len()).any(|part| part == pattern));
    patterns
}

fn add(patterns: &mut BTreeSet<Vec<u8>>, value: &str) {
    let bytes = value.as_bytes();
    if bytes.len() < MIN_SECRET_BYTES {
        return;
    }
    patterns.insert(bytes.to_vec());
    patterns.insert(value.chars().rev().collect::<String>().into_bytes());
    patterns.insert(hex(bytes));
    for alphabet in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let (at_end, within) = base64_after(&alphabet, bytes, before);
            patterns.extend([at_end, within]);
        }
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// The base64 of `bytes` when `before` other bytes (modulo 3) precede them: as the end of the text, and as far as
/// other bytes that follow have no part in it.
fn base64_after(alphabet: &impl Engine, bytes: &[u8], before: usize) -> (Vec<u8>, Vec<u8>) {
    let mut input = vec![0; before];
    input.extend_from_slice(bytes);
    let encoded = alphabet.encode(&input).into_bytes();
    // One byte before decides the first character and part of the second; two decide two and part of the third.
    let start = if before == 0 { 0 } else { before + 1 };
    // Every whole character: the last one of 8, 16 or 24 bits is shared unless they are 24.
    let whole = input.len() * 8 / 6;
    (encoded[start..].to_vec(), encoded[start..whole].to_vec())
}
