//! scrypt (RFC 7914), written out because a script chooses its time and memory and no crate stops midway.

use sha2::Sha256;

use super::derive::pbkdf2;
use crate::sandbox::Host;

/// Steps between two looks at the clock.
const STEPS_PER_TICK: usize = 64;

/// The parameters, as `crypto.scrypt` checked them: `n` is a power of two above 1, and all are at least 1.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub n: u32,
    pub r: u32,
    pub p: u32,
}

impl Cost {
    /// Bytes of the big table and of the blocks.
    fn bytes(self) -> u64 {
        let block = 128 * u64::from(self.r);
        block.saturating_mul(u64::from(self.n).saturating_add(u64::from(self.p)).saturating_add(2))
    }
}

/// Derives a key; false when the run was stopped, or its memory does not suffice.
pub(super) fn derive(password: &[u8], salt: &[u8], cost: Cost, key: &mut [u8], host: &Host) -> bool {
    if !host.charge(cost.bytes()) {
        return false;
    }
    let done = derived(password, salt, cost, key, host);
    host.release(cost.bytes());
    done
}

fn derived(password: &[u8], salt: &[u8], cost: Cost, key: &mut [u8], host: &Host) -> bool {
    let block = 128 * cost.r as usize;
    let mut blocks = vec![0; block * cost.p as usize];
    if !pbkdf2::<Sha256>(password, salt, 1, &mut blocks, host) {
        return false;
    }
    let mut table = vec![0_u32; block / 4 * cost.n as usize];
    blocks.chunks_exact_mut(block).all(|block| mix(block, &mut table, host))
        && pbkdf2::<Sha256>(password, &blocks, 1, key, host)
}

/// `scryptROMix` of one block.
fn mix(block: &mut [u8], table: &mut [u32], host: &Host) -> bool {
    let mut x: Vec<u32> =
        block.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
    let mut scratch = vec![0; x.len()];
    let width = x.len();
    let rows = table.len() / width;
    for (step, row) in table.chunks_exact_mut(width).enumerate() {
        if step.is_multiple_of(STEPS_PER_TICK) && host.tick() {
            return false;
        }
        row.copy_from_slice(&x);
        mix_block(&mut x, &mut scratch);
    }
    for step in 0..rows {
        if step.is_multiple_of(STEPS_PER_TICK) && host.tick() {
            return false;
        }
        // The first word of the last 64 bytes; `rows` is a power of two.
        let row = x[width - 16] as usize & (rows - 1);
        x.iter_mut().zip(&table[row * width..]).for_each(|(word, other)| *word ^= other);
        mix_block(&mut x, &mut scratch);
    }
    block.chunks_exact_mut(4).zip(&x).for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_le_bytes()));
    true
}

/// `scryptBlockMix`: 64-byte parts, those of even number first in the result.
fn mix_block(x: &mut Vec<u32>, scratch: &mut Vec<u32>) {
    let parts = x.len() / 16;
    let mut last = [0_u32; 16];
    last.copy_from_slice(&x[x.len() - 16..]);
    for (index, part) in x.chunks_exact(16).enumerate() {
        last.iter_mut().zip(part).for_each(|(word, other)| *word ^= other);
        salsa20_8(&mut last);
        let place = index / 2 + if index.is_multiple_of(2) { 0 } else { parts / 2 };
        scratch[place * 16..][..16].copy_from_slice(&last);
    }
    std::mem::swap(x, scratch);
}

fn salsa20_8(block: &mut [u32; 16]) {
    const QUARTERS: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [5, 9, 13, 1],
        [10, 14, 2, 6],
        [15, 3, 7, 11],
        [0, 1, 2, 3],
        [5, 6, 7, 4],
        [10, 11, 8, 9],
        [15, 12, 13, 14],
    ];
    let mut x = *block;
    for _ in 0..4 {
        for [a, b, c, d] in QUARTERS {
            x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
            x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
            x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
            x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
        }
    }
    block.iter_mut().zip(x).for_each(|(word, mixed)| *word = word.wrapping_add(mixed));
}
