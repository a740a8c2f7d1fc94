//! AES as running states (ECB, CBC, CTR, GCM), and ChaCha20-Poly1305 in one piece.

use std::rc::Rc;

use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use ring::aead;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

use super::interrupted;
use crate::builtins::bytes::Bytes;
use crate::sandbox::Desk;

const BLOCK: usize = 16;
type Block = [u8; BLOCK];

/// AES with a key of any of its three lengths.
enum Aes {
    Short(Aes128),
    Middle(Aes192),
    Long(Box<Aes256>),
}

impl Aes {
    fn new(key: &[u8]) -> Option<Self> {
        Aes128::new_from_slice(key)
            .map(Self::Short)
            .or_else(|_| Aes192::new_from_slice(key).map(Self::Middle))
            .or_else(|_| Aes256::new_from_slice(key).map(|aes| Self::Long(Box::new(aes))))
            .ok()
    }

    fn encrypt(&self, block: &mut Block) {
        let block = block.into();
        match self {
            Self::Short(aes) => aes.encrypt_block(block),
            Self::Middle(aes) => aes.encrypt_block(block),
            Self::Long(aes) => aes.encrypt_block(block),
        }
    }

    fn decrypt(&self, block: &mut Block) {
        let block = block.into();
        match self {
            Self::Short(aes) => aes.decrypt_block(block),
            Self::Middle(aes) => aes.decrypt_block(block),
            Self::Long(aes) => aes.decrypt_block(block),
        }
    }
}

/// What a mode remembers from block to block.
enum Mode {
    Ecb,
    Cbc(Block),
    /// The next counter block, and what is left of the last key stream.
    Ctr(Block, Vec<u8>),
    /// As CTR with a counter of 32 bits, and the authentication so far.
    Gcm(Box<Gcm>),
}

struct Gcm {
    counter: Block,
    stream: Vec<u8>,
    hash: GHash,
    /// Bytes that do not fill a block of the hash yet.
    rest: Vec<u8>,
    /// The key stream of the tag.
    mask: Block,
    aad_bytes: u64,
    text_bytes: u64,
}

impl Gcm {
    fn new(aes: &Aes, nonce: &[u8]) -> Self {
        let mut key = [0; BLOCK];
        aes.encrypt(&mut key);
        let hash = GHash::new(&key.into());
        let mut counter = [0; BLOCK];
        if nonce.len() == 12 {
            counter[..12].copy_from_slice(nonce);
            counter[15] = 1;
        } else {
            let mut hash = hash.clone();
            hash.update_padded(nonce);
            hash.update(&[lengths(0, nonce.len() as u64).into()]);
            counter = hash.finalize().into();
        }
        let mut mask = counter;
        aes.encrypt(&mut mask);
        add_one(&mut counter[12..]);
        Self { counter, stream: Vec::new(), hash, rest: Vec::new(), mask, aad_bytes: 0, text_bytes: 0 }
    }

    fn absorb(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / BLOCK * BLOCK;
        self.hash.update_padded(&self.rest[..whole]);
        self.rest.drain(..whole);
    }

    fn tag(mut self) -> Block {
        self.end_of_part();
        self.hash.update(&[lengths(self.aad_bytes, self.text_bytes).into()]);
        let mut tag: Block = self.hash.finalize().into();
        xor(&mut tag, &self.mask);
        tag
    }

    /// Associated data and text are each padded to whole blocks.
    fn end_of_part(&mut self) {
        self.hash.update_padded(&self.rest);
        self.rest.clear();
    }
}

/// The last block of GHASH: two lengths in bits.
fn lengths(first: u64, second: u64) -> Block {
    let mut block = [0; BLOCK];
    block[..8].copy_from_slice(&first.wrapping_mul(8).to_be_bytes());
    block[8..].copy_from_slice(&second.wrapping_mul(8).to_be_bytes());
    block
}

fn xor(block: &mut Block, other: &Block) {
    block.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
}

/// Adds one to a big-endian number.
fn add_one(counter: &mut [u8]) {
    for byte in counter.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

/// One encryption or decryption.
struct Cipher {
    aes: Aes,
    mode: Mode,
    encrypts: bool,
}

impl Cipher {
    fn new(mode: &str, key: &[u8], iv: &[u8], encrypts: bool) -> Option<Self> {
        let aes = Aes::new(key)?;
        let mode = match mode {
            "ecb" => Mode::Ecb,
            "cbc" => Mode::Cbc(iv.try_into().ok()?),
            "ctr" => Mode::Ctr(iv.try_into().ok()?, Vec::new()),
            "gcm" if !iv.is_empty() => Mode::Gcm(Box::new(Gcm::new(&aes, iv))),
            _ => return None,
        };
        Some(Self { aes, mode, encrypts })
    }

    /// Transforms whole blocks (ECB, CBC) or any number of bytes (CTR, GCM) in place.
    fn apply(&mut self, bytes: &mut [u8]) {
        let Self { aes, mode, encrypts } = self;
        match mode {
            Mode::Ecb => blocks(bytes, |block| if *encrypts { aes.encrypt(block) } else { aes.decrypt(block) }),
            Mode::Cbc(last) => blocks(bytes, |block| {
                if *encrypts {
                    xor(block, last);
                    aes.encrypt(block);
                    *last = *block;
                } else {
                    let before = *block;
                    aes.decrypt(block);
                    xor(block, last);
                    *last = before;
                }
            }),
            Mode::Ctr(counter, stream) => run_stream(aes, counter, 0, stream, bytes),
            Mode::Gcm(gcm) => {
                if gcm.text_bytes == 0 {
                    gcm.end_of_part();
                }
                gcm.text_bytes += bytes.len() as u64;
                if !*encrypts {
                    gcm.absorb(bytes);
                }
                run_stream(aes, &mut gcm.counter, 12, &mut gcm.stream, bytes);
                if *encrypts {
                    gcm.absorb(bytes);
                }
            }
        }
    }
}

fn blocks(bytes: &mut [u8], mut each: impl FnMut(&mut Block)) {
    for chunk in bytes.chunks_exact_mut(BLOCK) {
        if let Ok(block) = <&mut Block>::try_from(chunk) {
            each(block);
        }
    }
}

/// Counter mode; the counter is the part of the block from `from` on.
fn run_stream(aes: &Aes, counter: &mut Block, from: usize, stream: &mut Vec<u8>, bytes: &mut [u8]) {
    for byte in bytes {
        if stream.is_empty() {
            let mut next = *counter;
            aes.encrypt(&mut next);
            add_one(&mut counter[from..]);
            next.reverse();
            *stream = next.to_vec();
        }
        *byte ^= stream.pop().unwrap_or_default();
    }
}

/// What a running cipher counts: the round keys and a block or two.
const STATE_BYTES: u64 = 1024;

/// `cipher` gives the number of a running cipher, which the others take.
pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let opens = Rc::clone(desk);
    let cipher = move |ctx: Ctx<'js>, mode: String, key: Bytes, iv: Bytes, encrypts: bool| -> Result<Option<u32>> {
        let Some(cipher) = Cipher::new(&mode, &key.0, &iv.0, encrypts) else {
            return Ok(None);
        };
        opens.host()?.keep(cipher, STATE_BYTES).map(Some).ok_or_else(|| interrupted(&ctx))
    };
    object.set("cipher", Function::new(ctx.clone(), cipher)?)?;
    let updates = Rc::clone(desk);
    let update = move |ctx: Ctx<'js>, number: u32, bytes: Bytes| -> Result<TypedArray<'js, u8>> {
        let host = updates.host()?;
        if host.tick() {
            return Err(interrupted(&ctx));
        }
        let mut bytes = bytes.0;
        host.kept::<Cipher>(&ctx, number)?.borrow_mut().apply(&mut bytes);
        TypedArray::new_copy(ctx, bytes)
    };
    object.set("cipherUpdate", Function::new(ctx.clone(), update)?)?;
    let extends = Rc::clone(desk);
    let aad = move |ctx: Ctx<'js>, number: u32, bytes: Bytes| -> Result<()> {
        let cipher = extends.host()?.kept::<Cipher>(&ctx, number)?;
        if let Mode::Gcm(gcm) = &mut cipher.borrow_mut().mode {
            gcm.aad_bytes += bytes.0.len() as u64;
            gcm.absorb(&bytes.0);
        }
        Ok(())
    };
    object.set("cipherAad", Function::new(ctx.clone(), aad)?)?;
    let ends = Rc::clone(desk);
    let end = move |ctx: Ctx<'js>, number: u32| -> Result<Option<TypedArray<'js, u8>>> {
        let host = ends.host()?;
        let cipher = host.kept::<Cipher>(&ctx, number)?;
        host.let_go(number);
        let mode = std::mem::replace(&mut cipher.borrow_mut().mode, Mode::Ecb);
        match mode {
            Mode::Gcm(gcm) => TypedArray::new_copy(ctx, gcm.tag()).map(Some),
            _ => Ok(None),
        }
    };
    object.set("cipherEnd", Function::new(ctx.clone(), end)?)?;
    object.set("chacha20Poly1305", Function::new(ctx.clone(), chacha20_poly1305)?)
}

/// Seals or opens a text in one piece; sealed text ends with the tag. `None`: the text does not belong to the tag.
fn chacha20_poly1305<'js>(
    ctx: Ctx<'js>,
    key: Bytes,
    nonce: Bytes,
    aad: Bytes,
    text: Bytes,
    encrypts: bool,
) -> Result<Option<TypedArray<'js, u8>>> {
    let (Ok(key), Ok(nonce)) =
        (aead::UnboundKey::new(&aead::CHACHA20_POLY1305, &key.0), aead::Nonce::try_assume_unique_for_key(&nonce.0))
    else {
        return Err(Exception::throw_range(&ctx, "chacha20-poly1305 needs a key of 32 bytes and an IV of 12"));
    };
    let (key, aad, mut text) = (aead::LessSafeKey::new(key), aead::Aad::from(aad.0), text.0);
    if encrypts {
        let sealed = key.seal_in_place_append_tag(nonce, aad, &mut text);
        return if sealed.is_ok() { TypedArray::new_copy(ctx, text).map(Some) } else { Ok(None) };
    }
    match key.open_in_place(nonce, aad, &mut text) {
        Ok(plain) => TypedArray::new_copy(ctx, plain).map(Some),
        Err(_) => Ok(None),
    }
}
