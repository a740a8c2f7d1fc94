//! A child process that does not outlive this one, and that is signalled by its id.

use std::io;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::installed;

/// A running process; dropped, it is killed and waited for.
#[derive(Debug)]
pub struct Process {
    child: Child,
    paused: bool,
    ended: bool,
}

impl Process {
    /// Starts what [`tied`] began.
    pub fn start(command: Command) -> io::Result<Self> {
        Ok(Self { child: in_nursery(command)?, paused: false, ended: false })
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs and is not paused, as far as was asked of it.
    pub fn is_awake(&self) -> bool {
        !self.ended && !self.paused
    }

    /// Whether it has ended, of itself or not.
    pub fn has_ended(&mut self) -> bool {
        self.ended = self.ended || self.child.try_wait().expect("a child can be waited for").is_some();
        self.ended
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        if !self.has_ended() {
            self.child.kill().expect("a child can be killed");
            self.child.wait().expect("a child can be waited for");
            self.ended = true;
        }
    }

    /// SIGTERM; a paused process goes on, for it to be heard.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
        self.resume();
    }

    /// SIGSTOP, and waits until it stands still.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
        waitid(WaitId::Pid(self.pid()), WaitIdOptions::STOPPED).expect("the process stops");
        self.paused = true;
    }

    /// SIGCONT.
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
        self.paused = false;
    }

    fn signal(&mut self, signal: Signal) {
        assert!(!self.has_ended(), "process {} has ended and gets no {signal:?}", self.id());
        kill_process(self.pid(), signal).expect("a child can be signalled");
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command for `program` that the kernel kills when this process ends, where `setpriv` (util-linux) is there to ask
/// for it.
pub fn tied(program: &str) -> Command {
    installed::need(program);
    static HAS_SETPRIV: LazyLock<bool> = LazyLock::new(|| {
        let trial = Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).output();
        trial.is_ok_and(|output| output.status.success())
    });
    if !*HAS_SETPRIV {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}

type Order = (Command, SyncSender<io::Result<Child>>);

/// Starts children from a thread that never ends: the kernel counts the death of the *thread* that started a child,
/// and the threads of tests and runtimes end before what they started may.
fn in_nursery(command: Command) -> io::Result<Child> {
    static NURSERY: LazyLock<SyncSender<Order>> = LazyLock::new(|| {
        let (send, orders) = sync_channel::<Order>(1);
        thread::spawn(move || {
            for (mut command, answer) in orders {
                answer.send(command.spawn()).ok();
            }
        });
        send
    });
    let (answer, child) = sync_channel(1);
    NURSERY.send((command, answer)).expect("the nursery never ends");
    child.recv().expect("the nursery answers")
}
