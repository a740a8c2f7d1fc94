//! The runner's end of the socket: frames out at once, frames in with a deadline.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::clock;
use crate::frame::{self, Decoder};
use crate::protocol::{FromRunner, ToRunner};

const CHUNK: usize = 64 << 10;

/// What came while waiting.
pub(crate) enum Arrival {
    /// A message.
    Message(ToRunner),
    /// The time is up.
    Late,
    /// The engine is gone.
    Closed,
}

/// A socket with what was read of it and not yet handled.
pub(crate) struct Link {
    stream: UnixStream,
    decoder: Decoder,
    /// Requests that came while a run was going on.
    backlog: VecDeque<ToRunner>,
}

impl Link {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, decoder: Decoder::new(), backlog: VecDeque::new() }
    }

    /// A second handle for writing.
    pub fn writer(&self) -> io::Result<UnixStream> {
        self.stream.try_clone()
    }

    pub fn send(&mut self, message: &FromRunner) -> io::Result<()> {
        frame::write(&mut self.stream, message)
    }

    /// Keeps a request for after the run.
    pub fn postpone(&mut self, message: ToRunner) {
        self.backlog.push_back(message);
    }

    /// The next request, postponed ones first; `None` when the engine is gone.
    pub fn next(&mut self) -> io::Result<Option<ToRunner>> {
        if let Some(message) = self.backlog.pop_front() {
            return Ok(Some(message));
        }
        loop {
            if let Some(message) = self.decoder.take()? {
                return Ok(Some(message));
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// The next message from the socket, waiting until a time on the monotonic clock.
    pub fn wait(&mut self, until: Duration) -> io::Result<Arrival> {
        loop {
            if let Some(message) = self.decoder.take()? {
                return Ok(Arrival::Message(message));
            }
            let left = until.saturating_sub(clock::now());
            if !self.readable(left)? {
                return Ok(Arrival::Late);
            }
            if !self.read()? {
                return Ok(Arrival::Closed);
            }
        }
    }

    fn readable(&self, left: Duration) -> io::Result<bool> {
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut sockets = [PollFd::new(&self.stream, PollFlags::IN)];
        match poll(&mut sockets, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what is there; false at the end of the stream.
    fn read(&mut self) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(false),
                Ok(length) => {
                    self.decoder.push(&chunk[..length]);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}
