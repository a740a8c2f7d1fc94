//! The runner's end of the socket: one reader of frames, one writer that all runs share, and a letter box per run.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock;
use crate::frame::{self, Decoder};
use crate::protocol::{FromRunner, Reply, ToRunner};

const CHUNK: usize = 64 << 10;

/// What comes from the engine.
pub(crate) struct Incoming {
    stream: UnixStream,
    decoder: Decoder,
    chunk: Vec<u8>,
}

impl Incoming {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, decoder: Decoder::new(), chunk: vec![0; CHUNK] }
    }

    /// The next message; `None` when the engine is gone.
    pub fn next(&mut self) -> io::Result<Option<ToRunner>> {
        loop {
            if let Some(message) = self.decoder.take()? {
                return Ok(Some(message));
            }
            match self.stream.read(&mut self.chunk) {
                Ok(0) => return Ok(None),
                Ok(length) => self.decoder.push(&self.chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The way to the engine; cheap to clone. A frame is written whole before the next one begins.
#[derive(Clone)]
pub(crate) struct Outbox(Arc<Mutex<UnixStream>>);

impl Outbox {
    pub fn new(stream: UnixStream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    pub fn send(&self, message: &FromRunner) -> io::Result<()> {
        let bytes = frame::encode(message)?;
        io::Write::write_all(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), &bytes)
    }
}

/// What a run is told while it runs.
pub(crate) enum Letter {
    /// The answer to a call; its bytes are counted already.
    Reply(Reply),
    /// An answer came that the run has no memory for.
    TooLarge,
    /// Something else is to be looked at: the run is cancelled.
    Wake,
}

/// What came while waiting.
pub(super) enum Arrival {
    Letter(Letter),
    /// The time is up.
    Late,
    /// The engine is gone.
    Closed,
}

/// A run's letters.
pub(crate) struct Inbox(Receiver<Letter>);

impl Inbox {
    /// An inbox for so many letters at a time, and its slot.
    pub fn new(room: usize) -> (SyncSender<Letter>, Self) {
        let (slot, letters) = mpsc::sync_channel(room);
        (slot, Self(letters))
    }

    /// The next letter, waiting until a time on the monotonic clock.
    pub(super) fn wait(&self, until: Duration) -> Arrival {
        match self.0.recv_timeout(until.saturating_sub(clock::now())) {
            Ok(letter) => Arrival::Letter(letter),
            Err(RecvTimeoutError::Timeout) => Arrival::Late,
            Err(RecvTimeoutError::Disconnected) => Arrival::Closed,
        }
    }
}
