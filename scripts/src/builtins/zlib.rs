//! Compression as running states: gzip, zlib, raw deflate, and Brotli one way.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use brotli_decompressor::writer::DecompressorWriter;
use flate2::Compression;
use flate2::write::{DeflateDecoder, DeflateEncoder, GzEncoder, MultiGzDecoder, ZlibDecoder, ZlibEncoder};
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

use super::bytes::Bytes;
use crate::sandbox::{Desk, Host};

/// Compressed bytes that are expanded between two looks at the clock and the memory; 1 KiB becomes at most 1 MiB.
const STEP: usize = 1 << 10;
/// What a Brotli stream may keep of its past.
const BROTLI_WINDOW_BYTES: u64 = 16 << 20;

/// A codec that writes into memory.
trait Codec: Write {
    /// What it has made so far.
    fn take(&mut self) -> Vec<u8>;
    /// The end of the input.
    fn end(&mut self) -> io::Result<()>;
}

macro_rules! codecs {
    ($($Name:ident),*) => {$(
        impl Codec for $Name<Vec<u8>> {
            fn take(&mut self) -> Vec<u8> {
                std::mem::take(self.get_mut())
            }

            fn end(&mut self) -> io::Result<()> {
                self.try_finish()
            }
        }
    )*};
}
codecs!(GzEncoder, MultiGzDecoder, ZlibEncoder, ZlibDecoder, DeflateEncoder, DeflateDecoder);

impl Codec for DecompressorWriter<Vec<u8>> {
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.get_mut())
    }

    fn end(&mut self) -> io::Result<()> {
        self.close()
    }
}

fn codec(name: &str, level: u32) -> Option<Box<dyn Codec>> {
    let level = Compression::new(level.min(9));
    Some(match name {
        "gzip" => Box::new(GzEncoder::new(Vec::new(), level)),
        "deflate" => Box::new(ZlibEncoder::new(Vec::new(), level)),
        "deflateRaw" => Box::new(DeflateEncoder::new(Vec::new(), level)),
        "gunzip" => Box::new(MultiGzDecoder::new(Vec::new())),
        "inflate" => Box::new(ZlibDecoder::new(Vec::new())),
        "inflateRaw" => Box::new(DeflateDecoder::new(Vec::new())),
        "brotliDecompress" => Box::new(DecompressorWriter::new(Vec::new(), 4096)),
        _ => return None,
    })
}

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let desk = Rc::clone(desk);
    let open = move |ctx: Ctx<'js>, name: String, level: u32| -> Result<Object<'js>> {
        let host = desk.host()?;
        desk.own();
        let window = if name == "brotliDecompress" { BROTLI_WINDOW_BYTES } else { 0 };
        if !host.charge(window) {
            return Err(interrupted(&ctx));
        }
        match codec(&name, level) {
            Some(codec) => expose(&ctx, State { codec, window, host: Rc::clone(&host) }),
            // There is no window to give back: no name without a codec has one.
            None => Err(Exception::throw_message(&ctx, &format!("there is no codec {name}"))),
        }
    };
    object.set("codec", Function::new(ctx.clone(), open)?)
}

/// A codec, and what the run pays for it until it is dropped.
struct State {
    codec: Box<dyn Codec>,
    window: u64,
    host: Rc<Host>,
}

impl Drop for State {
    fn drop(&mut self) {
        self.host.release(self.window);
    }
}

impl State {
    /// `None`: the run was stopped.
    fn write(&mut self, bytes: &[u8]) -> Option<io::Result<Vec<u8>>> {
        let mut made = Vec::new();
        let mut charged = 0;
        let mut result = Ok(());
        for step in bytes.chunks(STEP) {
            result = self.codec.write_all(step);
            let more = self.codec.take();
            let size = more.len() as u64;
            let fits = self.host.charge(size);
            charged += if fits { size } else { 0 };
            if !fits || self.host.tick() {
                self.host.release(charged);
                return None;
            }
            made.extend_from_slice(&more);
            if result.is_err() {
                break;
            }
        }
        self.host.release(charged);
        Some(result.map(|()| made))
    }
}

/// `{ write(bytes), flush(), end() }`, each of which gives what came out.
fn expose<'js>(ctx: &Ctx<'js>, state: State) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let state = Rc::new(RefCell::new(state));
    let writing = Rc::clone(&state);
    let write = move |ctx: Ctx<'js>, bytes: Bytes| {
        let made = writing.borrow_mut().write(&bytes.0);
        made.map_or_else(|| Err(interrupted(&ctx)), |made| answer(&ctx, made))
    };
    object.set("write", Function::new(ctx.clone(), write)?)?;
    let flushing = Rc::clone(&state);
    let flush = move |ctx: Ctx<'js>| {
        let codec = &mut flushing.borrow_mut().codec;
        let made = codec.flush().map(|()| codec.take());
        answer(&ctx, made)
    };
    object.set("flush", Function::new(ctx.clone(), flush)?)?;
    let end = move |ctx: Ctx<'js>| {
        let codec = &mut state.borrow_mut().codec;
        let made = codec.end().map(|()| codec.take());
        answer(&ctx, made)
    };
    object.set("end", Function::new(ctx.clone(), end)?)?;
    Ok(object)
}

fn answer<'js>(ctx: &Ctx<'js>, made: io::Result<Vec<u8>>) -> Result<TypedArray<'js, u8>> {
    match made {
        Ok(made) => TypedArray::new_copy(ctx.clone(), made),
        Err(error) => Err(Exception::throw_message(ctx, &error.to_string())),
    }
}

fn interrupted(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_internal(ctx, "interrupted")
}
