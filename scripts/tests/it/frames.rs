//! Frames on the wire, and the runner against bytes that are none.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use proptest::prelude::*;
use scripts::frame::{self, Decoder, Error};
use scripts::protocol::{FromRunner, Level, Line, MAX_FRAME_BYTES, Place, ScriptError, ToRunner, Usage};

use crate::engine::Engine;

fn messages() -> Vec<FromRunner> {
    let error = ScriptError {
        code: "exception".into(),
        at: Some(Place { file: "a".into(), line: 1, column: 2, frame: "> 1 | é".into() }),
        retry_after_ms: Some(5),
        ..ScriptError::default()
    };
    vec![
        FromRunner::Ready,
        FromRunner::Log { id: 1, line: Line { at_ms: 2, level: Level::Warn, message: "é\0".into() } },
        FromRunner::Checked { id: 7, result: Err(ScriptError::default()) },
        FromRunner::Finished { id: u64::MAX, result: Err(error), usage: Usage::default() },
        FromRunner::Finished { id: 0, result: Ok("x".repeat(100_000)), usage: Usage::default() },
    ]
}

#[test]
fn messages_survive_any_cut() {
    let bytes: Vec<u8> = messages().iter().flat_map(|message| frame::encode(message).unwrap()).collect();
    for size in [1, 2, 3, 5, 4096, bytes.len()] {
        let mut decoder = Decoder::new();
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            decoder.push(piece);
            while let Some(message) = decoder.take::<FromRunner>().unwrap() {
                found.push(format!("{message:?}"));
            }
        }
        let sent: Vec<String> = messages().iter().map(|message| format!("{message:?}")).collect();
        assert_eq!(found, sent, "in pieces of {size}");
    }
}

#[test]
fn too_large_a_frame_is_refused_at_its_header_and_never_written() {
    let mut decoder = Decoder::new();
    decoder.push(&u32::try_from(MAX_FRAME_BYTES + 1).unwrap().to_le_bytes());
    assert!(matches!(decoder.take::<FromRunner>(), Err(Error::TooLarge(_))));
    let large = FromRunner::Finished { id: 1, result: Ok("x".repeat(MAX_FRAME_BYTES)), usage: Usage::default() };
    let mut written = Vec::new();
    assert!(frame::write(&mut written, &large).is_err());
    assert!(written.is_empty());
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let mut decoder = Decoder::new();
        'pieces: for piece in pieces {
            decoder.push(&piece);
            loop {
                match decoder.take::<FromRunner>() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => break 'pieces,
                }
            }
        }
    }

    #[test]
    fn no_body_makes_the_decoder_panic(body in proptest::collection::vec(any::<u8>(), 0..256), flip in any::<(usize, u8)>()) {
        let mut framed = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
        framed.extend(&body);
        let mut decoder = Decoder::new();
        decoder.push(&framed);
        let _ = decoder.take::<ToRunner>();
        // A real message with one byte changed.
        let mut real = frame::encode(&messages()[3]).unwrap();
        let at = 4 + flip.0 % (real.len() - 4);
        real[at] ^= flip.1;
        let mut decoder = Decoder::new();
        decoder.push(&real);
        let _ = decoder.take::<FromRunner>();
    }
}

#[test]
fn a_runner_ends_with_its_socket() {
    let engine = Engine::start();
    engine.stop().unwrap();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let runner = std::thread::spawn(move || scripts::runner::serve(theirs));
    ours.write_all(&[3, 0, 0, 0, 0xc1, 0xc1, 0xc1]).unwrap();
    assert_eq!(runner.join().unwrap().unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    let mut rest = Vec::new();
    ours.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, frame::encode(&FromRunner::Ready).unwrap());
}
