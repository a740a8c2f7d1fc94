//! A child process: this test binary again, told by a variable what to do.

#![expect(unsafe_code, reason = "a probe is a raw system call")]

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rand::RngCore;
use scripts::jail::{Allowance, enter};

use crate::confined;
use crate::probes::PROBES;

const WHAT: &str = "TIDEGATE_JAIL_PROBE";
const JAILED: &str = "TIDEGATE_JAIL_JAILED";
/// What the children of these tests may use.
const ALLOWANCE: Allowance = Allowance { address_space_bytes: 4 << 30 };
/// Before the name of a probe of a program that is confined, and the variable with the folder it may read.
const CONFINED: &str = "confined ";
pub const FOLDER: &str = "TIDEGATE_JAIL_FOLDER";
/// An exit code that no error number has.
pub const NO_JAIL: i32 = 200;

pub struct Child(std::process::Child);

impl Child {
    /// One that may read `folder`, and write below it, once it is confined.
    pub fn start_in(folder: &Path, probe: &str, confined: bool) -> Self {
        Self::start_as(&format!("{CONFINED}{probe}"), confined, |command| command.env(FOLDER, folder))
    }

    pub fn start(what: &str, jailed: bool) -> Self {
        Self::start_as(what, jailed, |command| command)
    }

    fn start_as(what: &str, jailed: bool, also: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let program = std::env::current_exe().expect("the test has a file");
        let mut command = Command::new(program);
        command
            .args(["--exact", "be_a_child", "--nocapture", "--test-threads=1"])
            .env_clear()
            .env(WHAT, what)
            .env(JAILED, if jailed { "1" } else { "0" })
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = also(&mut command).spawn().expect("a child starts");
        Self(child)
    }

    pub fn wait(mut self) -> ExitStatus {
        self.0.wait().expect("the child ends")
    }
}

/// Does what the variable says and ends the process; returns when there is no variable.
pub fn main() {
    let Ok(what) = std::env::var(WHAT) else {
        return;
    };
    if let Some(name) = what.strip_prefix(CONFINED) {
        leave(confined::child(name, std::env::var(JAILED).as_deref() == Ok("1")));
    }
    let jailed = std::env::var(JAILED).as_deref() == Ok("1");
    if jailed && enter(ALLOWANCE).is_err() {
        leave(NO_JAIL);
    }
    let code = match what.as_str() {
        "needs" => needs(),
        "hoard" => hoard(),
        name => PROBES.iter().find(|probe| probe.name == name).map_or(NO_JAIL, |probe| tried((probe.call)())),
    };
    leave(code);
}

/// 0 for a call that worked, else its error number.
fn tried(returned: i64) -> i32 {
    if returned >= 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap_or(NO_JAIL) }
}

fn leave(code: i32) -> ! {
    // SAFETY: ends the process without running anything of it; nothing in it is needed any more.
    unsafe { libc::_exit(code) }
}

/// What a runner does all day: threads that allocate, wait for each other, sleep, and draw random numbers.
fn needs() -> i32 {
    let ready = Arc::new((Mutex::new(0), Condvar::new()));
    let threads: Vec<_> = (0..20_u8)
        .map(|n| {
            let ready = Arc::clone(&ready);
            std::thread::Builder::new().name(format!("run {n}")).spawn(move || {
                let (count, changed) = &*ready;
                *count.lock().unwrap() += 1;
                changed.notify_all();
                drop(changed.wait_while(count.lock().unwrap(), |count| *count < 20).unwrap());
                let mut bytes = vec![1; 8 << 20];
                rand::rng().fill_bytes(&mut bytes[..64]);
                std::thread::park_timeout(Duration::from_millis(1));
                bytes.iter().any(|byte| *byte != 1)
            })
        })
        .collect();
    let fine = threads.into_iter().all(|thread| thread.is_ok_and(|thread| thread.join().is_ok_and(|fine| fine)));
    i32::from(!fine)
}

/// Takes more memory than it may have; 0 when that is refused, and not too early.
fn hoard() -> i32 {
    const PIECE: usize = 256 << 20;
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut piece = Vec::new();
        if piece.try_reserve_exact(PIECE).is_err() {
            return i32::from(pieces.len() < 4);
        }
        pieces.push(piece);
        if pieces.len() * PIECE > 4 << 30 {
            return 1;
        }
    }
}
