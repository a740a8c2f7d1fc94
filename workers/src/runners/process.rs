//! One runner process and the socket to it.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::Stdio;

use scripts::frame::{self, Decoder};
use scripts::protocol::{FromRunner, ToRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{ReadHalf, WriteHalf};
use tokio::process::Child;

const READ_BYTES: usize = 64 << 10;

/// How to start a runner.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl Command {
    /// This same program, with the sub-command that makes it a runner. `/proc/self/exe` still names the running
    /// program after the file was replaced by a new build.
    pub fn this_program() -> std::io::Result<Self> {
        let linked = PathBuf::from("/proc/self/exe");
        let program = if linked.exists() { linked } else { std::env::current_exe()? };
        Ok(Self { program, args: vec!["runner".into()] })
    }
}

/// A running runner; dropping it kills the process.
pub(super) struct Runner {
    child: Child,
    stream: UnixStream,
    decoder: Decoder,
    /// How many requests it has served.
    pub served: u32,
}

impl Runner {
    /// Starts the process: an empty environment, one socket as its standard input, and nothing else open.
    pub(super) fn start(command: &Command) -> std::io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = tokio::process::Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            // Ctrl-C in a terminal goes to the foreground group: runners must live until the engine has drained.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child, stream: UnixStream::from_std(ours)?, decoder: Decoder::default(), served: 0 })
    }

    /// Whether the process still runs, as far as the system knows.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, message: &ToRunner) -> std::io::Result<()> {
        self.stream.write_all(&frame::encode(message)?).await
    }

    /// The next message; an error when the process is gone or talks nonsense. Safe to drop half-way.
    pub(super) async fn receive(&mut self) -> std::io::Result<FromRunner> {
        self.halves().0.receive().await
    }

    /// Both directions, to be used beside each other.
    pub(super) fn halves(&mut self) -> (Incoming<'_>, WriteHalf<'_>) {
        let (stream, write) = self.stream.split();
        (Incoming { stream, decoder: &mut self.decoder }, write)
    }
}

/// What comes from a runner.
pub(super) struct Incoming<'a> {
    stream: ReadHalf<'a>,
    decoder: &'a mut Decoder,
}

impl Incoming<'_> {
    /// As [`Runner::receive`].
    pub(super) async fn receive(&mut self) -> std::io::Result<FromRunner> {
        loop {
            if let Some(message) = self.decoder.take::<FromRunner>()? {
                return Ok(message);
            }
            let mut chunk = [0; READ_BYTES];
            let n = self.stream.read(&mut chunk).await?;
            if n == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.decoder.push(&chunk[..n]);
        }
    }
}
