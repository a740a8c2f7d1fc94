//! Spreads things over a span of time, the same way every time they are asked.

use sha2::{Digest, Sha256};

/// A number in `0..span`, evenly spread over seeds; 0 when the span is empty.
pub(crate) fn spread(seed: &[u8], span: u64) -> u64 {
    let hash = Sha256::digest(seed);
    let mut head = [0; 8];
    head.copy_from_slice(&hash[..8]);
    let scaled = u128::from(u64::from_be_bytes(head)) * u128::from(span);
    u64::try_from(scaled >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_below_the_span_and_fills_it() {
        let mut seen = [false; 10];
        for seed in 0..1000u32 {
            seen[usize::try_from(spread(&seed.to_be_bytes(), 10)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(spread(b"anything", 0), 0);
        assert_eq!(spread(b"anything", 1), 0);
    }
}
