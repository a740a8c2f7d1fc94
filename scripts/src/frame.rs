//! Frames on a socket: a length, little-endian in four bytes, and that many bytes of MessagePack.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::MAX_FRAME_BYTES;

const HEADER: usize = 4;

/// Why bytes are no frame; the connection is of no use after any of these.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The header announces more than a frame may have.
    #[error("a frame of {0} bytes was announced; at most {MAX_FRAME_BYTES} are allowed")]
    TooLarge(usize),
    /// The bytes are not the expected message.
    #[error("a frame cannot be read: {0}")]
    Malformed(String),
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// The bytes of one message, header included; for writers that are not [`io::Write`].
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER];
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    message.serialize(&mut serializer).map_err(io::Error::other)?;
    let length = bytes.len() - HEADER;
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, Error::TooLarge(length)));
    }
    let header = u32::try_from(length).map_err(io::Error::other)?.to_le_bytes();
    bytes[..HEADER].copy_from_slice(&header);
    Ok(bytes)
}

/// Writes one message as one frame.
pub fn write<T: Serialize>(writer: &mut impl io::Write, message: &T) -> io::Result<()> {
    writer.write_all(&encode(message)?)
}

/// Makes frames of bytes that arrive in pieces: push what was read, then take messages until there is none.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Where the first unread byte is.
    start: usize,
}

impl Decoder {
    /// An empty decoder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what was read from the socket.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message; `None` when more bytes are needed.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        let Some((header, rest)) = self.bytes[self.start..].split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*header)).unwrap_or(usize::MAX);
        if length > MAX_FRAME_BYTES {
            return Err(Error::TooLarge(length));
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let message = rmp_serde::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
        self.start += HEADER + length;
        if self.start == self.bytes.len() {
            self.bytes = Vec::new();
            self.start = 0;
        }
        Ok(Some(message))
    }
}
