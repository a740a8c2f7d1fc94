//! Compression as running states: gzip, zlib, raw deflate, and Brotli one way.

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
/// What a codec of zlib's kinds keeps: a window, tables, and what has not come out yet.
const STATE_BYTES: u64 = 320 << 10;
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

/// `codec` gives the number of a running codec, which the others take; each gives what came out.
pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>, desk: &Rc<Desk>) -> Result<()> {
    let opens = Rc::clone(desk);
    let open = move |ctx: Ctx<'js>, name: String, level: u32| -> Result<u32> {
        let window = if name == "brotliDecompress" { BROTLI_WINDOW_BYTES } else { STATE_BYTES };
        match codec(&name, level) {
            Some(codec) => opens.host()?.keep(codec, window).ok_or_else(|| interrupted(&ctx)),
            None => Err(Exception::throw_message(&ctx, &format!("there is no codec {name}"))),
        }
    };
    object.set("codec", Function::new(ctx.clone(), open)?)?;
    let writes = Rc::clone(desk);
    let write = move |ctx: Ctx<'js>, number: u32, bytes: Bytes| {
        let host = writes.host()?;
        let codec = host.kept::<Box<dyn Codec>>(&ctx, number)?;
        let made = write(&mut **codec.borrow_mut(), &bytes.0, &host);
        made.map_or_else(|| Err(interrupted(&ctx)), |made| answer(&ctx, made))
    };
    object.set("codecWrite", Function::new(ctx.clone(), write)?)?;
    let flushes = Rc::clone(desk);
    let flush = move |ctx: Ctx<'js>, number: u32| {
        let codec = flushes.host()?.kept::<Box<dyn Codec>>(&ctx, number)?;
        let mut codec = codec.borrow_mut();
        let made = codec.flush().map(|()| codec.take());
        answer(&ctx, made)
    };
    object.set("codecFlush", Function::new(ctx.clone(), flush)?)?;
    let ends = Rc::clone(desk);
    let end = move |ctx: Ctx<'js>, number: u32| {
        let host = ends.host()?;
        let codec = host.kept::<Box<dyn Codec>>(&ctx, number)?;
        host.let_go(number);
        let mut codec = codec.borrow_mut();
        let made = codec.end().map(|()| codec.take());
        answer(&ctx, made)
    };
    object.set("codecEnd", Function::new(ctx.clone(), end)?)
}

/// `None`: the run was stopped.
fn write(codec: &mut dyn Codec, bytes: &[u8], host: &Host) -> Option<io::Result<Vec<u8>>> {
    let mut made = Vec::new();
    let mut charged = 0;
    let mut result = Ok(());
    for step in bytes.chunks(STEP) {
        result = codec.write_all(step);
        let more = codec.take();
        let size = more.len() as u64;
        let fits = host.charge(size);
        charged += if fits { size } else { 0 };
        if !fits || host.tick() {
            host.release(charged);
            return None;
        }
        made.extend_from_slice(&more);
        if result.is_err() {
            break;
        }
    }
    host.release(charged);
    Some(result.map(|()| made))
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
