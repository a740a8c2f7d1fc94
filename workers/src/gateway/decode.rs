//! Takes compression off a body, never making more of it than the limit.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::refused::Refused;

/// The most layers of compression.
const MAX_LAYERS: usize = 2;

/// A body may become this many times larger by unpacking ...
const MAX_RATIO: u64 = 100;
/// ... and this large in any case.
const UNRATED_BYTES: u64 = 1 << 20;

/// What a `Content-Encoding` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// `gzip`, `x-gzip`.
    Gzip,
    /// `br`.
    Brotli,
    /// `deflate`: zlib as the standard has it, or raw as some servers send it.
    Deflate,
}

/// The codings of a body in the order they were applied; `None` when one is unknown, and the body is handed on as it is.
pub(super) fn codings(content_encoding: &str) -> Result<Option<Vec<Coding>>, Refused> {
    let names = content_encoding.split(',').map(|name| name.trim().to_ascii_lowercase());
    let names: Vec<_> = names.filter(|name| !name.is_empty() && name != "identity").collect();
    if names.len() > MAX_LAYERS {
        return Err(Refused::new("bad_response", format!("the body is compressed more than {MAX_LAYERS} times over")));
    }
    let known = |name: &String| match name.as_str() {
        "gzip" | "x-gzip" => Some(Coding::Gzip),
        "br" => Some(Coding::Brotli),
        "deflate" => Some(Coding::Deflate),
        _ => None,
    };
    Ok(names.iter().map(known).collect())
}

/// The body without its compression.
pub(super) fn decode(mut body: Vec<u8>, codings: &[Coding], limit: u64) -> Result<Vec<u8>, Refused> {
    let limit = limit.min(MAX_RATIO.saturating_mul(body.len() as u64).max(UNRATED_BYTES));
    for coding in codings.iter().rev() {
        body = match coding {
            Coding::Gzip => bounded(MultiGzDecoder::new(body.as_slice()), limit)?,
            Coding::Brotli => bounded(brotli_decompressor::Decompressor::new(body.as_slice(), 4096), limit)?,
            Coding::Deflate if is_zlib(&body) => bounded(ZlibDecoder::new(body.as_slice()), limit)?,
            Coding::Deflate => bounded(DeflateDecoder::new(body.as_slice()), limit)?,
        };
    }
    Ok(body)
}

/// A zlib header: method 8, window at most 7, and a checksum that makes both bytes a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x8f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}

fn bounded(decoder: impl Read, limit: u64) -> Result<Vec<u8>, Refused> {
    let mut plain = Vec::new();
    let read = decoder.take(limit.saturating_add(1)).read_to_end(&mut plain);
    if plain.len() as u64 > limit {
        return Err(Refused::too_large("decompressed bytes", limit));
    }
    read.map_err(|error| Refused::new("bad_response", format!("the body cannot be decompressed: {error}")))?;
    Ok(plain)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    /// `plain` as gzip.
    pub(in super::super) fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(plain: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn content_encodings_are_read() {
        use Coding::{Brotli, Deflate, Gzip};
        for (text, expected) in [
            ("", Ok(Some(vec![]))),
            ("identity", Ok(Some(vec![]))),
            ("gzip", Ok(Some(vec![Gzip]))),
            ("X-GZIP", Ok(Some(vec![Gzip]))),
            ("br", Ok(Some(vec![Brotli]))),
            ("deflate, br", Ok(Some(vec![Deflate, Brotli]))),
            ("gzip,identity,,gzip", Ok(Some(vec![Gzip, Gzip]))),
            ("zstd", Ok(None)),
            ("gzip, zstd", Ok(None)),
            ("gzip, gzip, gzip", Err("bad_response")),
        ] {
            assert_eq!(codings(text).map_err(|refused| refused.code), expected, "{text}");
        }
    }

    #[test]
    fn brotli_is_taken_off() {
        let brotli = [0x0b, 0x05, 0x80, b'h', b'e', b'l', b'l', b'o', b' ', b'w', b'o', b'r', b'l', b'd', 0x03];
        assert_eq!(decode(brotli.to_vec(), &[Coding::Brotli], 11).unwrap(), b"hello world");
        assert_eq!(decode(brotli.to_vec(), &[Coding::Brotli], 10).unwrap_err().code, "response_too_large");
        assert_eq!(decode(brotli[..9].to_vec(), &[Coding::Brotli], 11).unwrap_err().code, "bad_response");
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let bomb = gzip(&vec![0; 32 << 20]);
        assert!(bomb.len() < 64 << 10);
        assert_eq!(decode(bomb.clone(), &[Coding::Gzip], 1 << 20).unwrap_err().code, "response_too_large");
        let nested = gzip(&bomb);
        assert_eq!(decode(nested, &[Coding::Gzip, Coding::Gzip], 1 << 20).unwrap_err().code, "response_too_large");
    }

    #[test]
    fn what_grows_a_hundredfold_is_a_bomb_above_a_mebibyte() {
        let (small, large) = (vec![0; 1 << 20], vec![0; (1 << 20) + 1]);
        assert_eq!(decode(gzip(&small), &[Coding::Gzip], 10 << 20).unwrap().len(), small.len());
        assert_eq!(decode(gzip(&large), &[Coding::Gzip], 10 << 20).unwrap_err().code, "response_too_large");
        let mixed: Vec<u8> =
            (0..3_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> (24 + at % 7)) as u8).collect();
        assert_eq!(decode(gzip(&mixed), &[Coding::Gzip], 10 << 20).unwrap().len(), mixed.len());
    }

    #[test]
    fn damaged_bodies_are_refused() {
        let whole = gzip(b"some text that is long enough");
        for body in [&whole[..whole.len() - 9], b"not gzip at all".as_slice()] {
            assert_eq!(decode(body.to_vec(), &[Coding::Gzip], 1000).unwrap_err().code, "bad_response");
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(plain in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let limit = plain.len() as u64;
            prop_assert_eq!(&decode(gzip(&plain), &[Coding::Gzip], limit).unwrap(), &plain);
            prop_assert_eq!(&decode(zlib(&plain), &[Coding::Deflate], limit).unwrap(), &plain);
            prop_assert_eq!(&decode(gzip(&zlib(&plain)), &[Coding::Deflate, Coding::Gzip], limit + 100).unwrap(), &plain);
        }

        #[test]
        fn raw_deflate_comes_out_too(plain in "[a-z ]{20,400}") {
            let packed = raw_deflate(plain.as_bytes());
            prop_assume!(!is_zlib(&packed));
            prop_assert_eq!(decode(packed, &[Coding::Deflate], 400).unwrap(), plain.as_bytes());
        }

        #[test]
        fn no_bytes_panic_or_exceed_the_limit(body in proptest::collection::vec(any::<u8>(), 0..500)) {
            for coding in [Coding::Gzip, Coding::Brotli, Coding::Deflate] {
                if let Ok(plain) = decode(body.clone(), &[coding], 100) {
                    prop_assert!(plain.len() <= 100);
                }
            }
        }
    }
}
