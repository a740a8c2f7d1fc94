//! One runner process and the socket to it, shared by the runs in it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use scripts::frame::{self, Decoder};
use scripts::protocol::{Bundle, FromRunner, Input, Limits, Load, Run, ToRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

use super::known::Known;

const READ_BYTES: usize = 64 << 10;
/// Frames on their way out that wait for the socket.
const OUTGOING: usize = 64;
/// Messages of a run that are not log lines or calls: its end.
const SPARE_MESSAGES: usize = 8;

/// The argument after `runner` that leaves the jail out.
pub const WITHOUT_JAIL: &str = "--without-jail";
/// What a runner exits with that could not be jailed (`EX_CONFIG`).
pub const NO_JAIL: u8 = 78;

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
    ///
    /// Only a `jailed` runner keeps hostile code away from the system.
    pub fn this_program(jailed: bool) -> std::io::Result<Self> {
        let linked = PathBuf::from("/proc/self/exe");
        let program = if linked.exists() { linked } else { std::env::current_exe()? };
        let free = (!jailed).then(|| WITHOUT_JAIL.into());
        Ok(Self { program, args: std::iter::once("runner".into()).chain(free).collect() })
    }
}

/// Why no script can run.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// This system has no jail for it.
    #[error("scripts cannot be jailed on this system; the line before says what is missing")]
    NoJail,
    /// The system does not start the process.
    #[error("no runner process can be started: {0}")]
    NotStarted(#[source] std::io::Error),
    /// It ended at once.
    #[error("the runner process ended before it was ready ({0})")]
    Ended(std::process::ExitStatus),
    /// It does nothing.
    #[error("the runner process does not become ready")]
    Silent,
}

/// How a runner ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was killed because of this run.
    Killed(u64),
    /// By itself, with one run in it.
    CrashedAlone,
    /// By itself, with several: any may be why.
    Crashed,
}

/// A running runner; dropping it kills the process.
pub(super) struct Runner {
    child: Mutex<Child>,
    outgoing: mpsc::Sender<Vec<u8>>,
    known: Mutex<Known>,
    ids: AtomicU64,
    lines: Arc<Lines>,
    ready: watch::Receiver<bool>,
}

/// Who hears what the runner says.
#[derive(Default)]
struct Lines(Mutex<Open>);

#[derive(Default)]
struct Open {
    runs: HashMap<u64, mpsc::Sender<FromRunner>>,
    end: Option<End>,
}

impl Lines {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a message over; false when the runner says more than any honest one can.
    fn deliver(&self, message: FromRunner) -> bool {
        let id = match &message {
            FromRunner::Ready => return true,
            FromRunner::Checked { id, .. } | FromRunner::Log { id, .. } | FromRunner::Finished { id, .. } => *id,
            FromRunner::Call(call) => call.id,
        };
        let mut open = self.open();
        // Late words of a run that is over go nowhere.
        let Some(run) = open.runs.get(&id) else { return true };
        if let Err(mpsc::error::TrySendError::Full(_)) = run.try_send(message) {
            open.end.get_or_insert(End::Killed(id));
            return false;
        }
        true
    }

    /// The runner says nothing more.
    fn close(&self) {
        let mut open = self.open();
        let crashed = if open.runs.len() == 1 { End::CrashedAlone } else { End::Crashed };
        open.end.get_or_insert(crashed);
        open.runs.clear();
    }
}

impl Runner {
    /// Starts the process: an environment without anything of ours, one socket as its standard input, and nothing else open.
    pub(super) fn start(command: &Command) -> std::io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = tokio::process::Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            // Local time in scripts is UTC on every machine.
            .env("TZ", "UTC0")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            // Ctrl-C in a terminal goes to the foreground group: runners must live until the engine has drained.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (read, write) = UnixStream::from_std(ours)?.into_split();
        let (outgoing, frames) = mpsc::channel(OUTGOING);
        let lines = Arc::new(Lines::default());
        tokio::spawn(write_frames(write, frames));
        let (tell_ready, ready) = watch::channel(false);
        tokio::spawn(read_frames(read, lines.clone(), tell_ready));
        Ok(Self { child: Mutex::new(child), outgoing, known: Mutex::default(), ids: AtomicU64::new(1), lines, ready })
    }

    /// Waits until it is ready; else ends it and says why it is not.
    pub(super) async fn prove(self, patience: Duration) -> Result<(), NotReady> {
        let mut told = self.ready.clone();
        if let Ok(Ok(_)) = tokio::time::timeout(patience, told.wait_for(|ready| *ready)).await {
            return Ok(());
        }
        let mut child = self.child.into_inner().unwrap_or_else(PoisonError::into_inner);
        let status = tokio::time::timeout(patience, child.wait()).await;
        match status {
            Ok(Ok(status)) if status.code() == Some(NO_JAIL.into()) => Err(NotReady::NoJail),
            Ok(Ok(status)) => Err(NotReady::Ended(status)),
            Ok(Err(error)) => Err(NotReady::NotStarted(error)),
            Err(_) => Err(NotReady::Silent),
        }
    }

    /// Whether the process still runs, as far as the system knows.
    pub(super) fn is_alive(&self) -> bool {
        self.end().is_none() && matches!(self.child().try_wait(), Ok(None))
    }

    /// How it ended, if it did.
    pub(super) fn end(&self) -> Option<End> {
        self.lines.open().end
    }

    /// Kills it because of a run; the first reason is the one that counts.
    pub(super) fn kill(&self, culprit: u64) {
        self.lines.open().end.get_or_insert(End::Killed(culprit));
        // It may have ended by itself already.
        let _gone = self.child().start_kill();
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a line for a run or a check of these limits.
    pub(super) fn open(&self, limits: &Limits) -> Line<'_> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let room = limits.log_lines as usize + limits.calls_at_once as usize + SPARE_MESSAGES;
        let (sender, messages) = mpsc::channel(room);
        let mut open = self.lines.open();
        if open.end.is_none() {
            open.runs.insert(id, sender);
        }
        Line { id, messages, runner: self }
    }
}

/// One run's part of the socket; closed when it is dropped.
pub(super) struct Line<'a> {
    /// The run's id there.
    pub id: u64,
    messages: mpsc::Receiver<FromRunner>,
    runner: &'a Runner,
}

impl<'a> Line<'a> {
    /// The next message; `None` when the runner is gone. Safe to drop half-way.
    pub(super) async fn receive(&mut self) -> Option<FromRunner> {
        self.messages.recv().await
    }

    /// Returns when the runner has said that it is ready, or is gone.
    pub(super) async fn ready(&self) {
        let mut told = self.runner.ready.clone();
        let _gone = told.wait_for(|ready| *ready).await;
    }

    /// What sends, beside receiving.
    pub(super) fn sender(&self) -> Sender<'a> {
        Sender(self.runner)
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.runner.lines.open().runs.remove(&self.id);
    }
}

/// Sends to a runner.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a>(&'a Runner);

impl Sender<'_> {
    /// Sends one message; an error when the runner is gone.
    pub(super) async fn send(self, message: &ToRunner) -> std::io::Result<()> {
        let bytes = frame::encode(message)?;
        self.0.outgoing.send(bytes).await.map_err(gone)
    }

    /// Starts a run, and sends its bundle before it if this runner has not got it.
    pub(super) async fn begin(
        self,
        id: u64,
        bundle: &Arc<Bundle>,
        input: Input,
        limits: Limits,
    ) -> std::io::Result<()> {
        let slot = self.0.outgoing.reserve().await.map_err(gone)?;
        // Held until the frames are queued: the runner must hear of bundles in the order in which we count them.
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let news = known.needs(bundle);
        let mut frames = Vec::new();
        for number in news.forget {
            frames.extend(frame::encode(&ToRunner::Forget(number))?);
        }
        if news.load {
            let load = Load { number: news.number, bundle: Bundle::clone(bundle) };
            frames.extend(frame::encode(&ToRunner::Load(Box::new(load)))?);
        }
        frames.extend(frame::encode(&ToRunner::Run(Box::new(Run { id, bundle: news.number, input, limits })))?);
        slot.send(frames);
        Ok(())
    }
}

fn gone<T>(_: mpsc::error::SendError<T>) -> std::io::Error {
    std::io::ErrorKind::BrokenPipe.into()
}

/// Writes what is queued, until the runner is dropped or gone.
async fn write_frames(mut socket: OwnedWriteHalf, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = frames.recv().await {
        if socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Hands out what comes, until the process is gone or talks nonsense. It never waits for a run: one that is slow to
/// listen must not hold up the others.
async fn read_frames(mut socket: OwnedReadHalf, lines: Arc<Lines>, ready: watch::Sender<bool>) {
    let mut decoder = Decoder::default();
    let mut chunk = vec![0; READ_BYTES];
    'talking: while let Ok(length @ 1..) = socket.read(&mut chunk).await {
        decoder.push(&chunk[..length]);
        loop {
            match decoder.take::<FromRunner>() {
                Ok(Some(FromRunner::Ready)) => {
                    ready.send_replace(true);
                }
                Ok(Some(message)) => {
                    if !lines.deliver(message) {
                        break 'talking;
                    }
                }
                Ok(None) => break,
                Err(_) => break 'talking,
            }
        }
    }
    lines.close();
}
