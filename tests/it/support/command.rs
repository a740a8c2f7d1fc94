//! A command of `tidegate` that ends: its exit code and what it printed.

use std::path::Path;
use std::process::{Command, Stdio};

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What it printed to stdout.
    pub out: String,
    /// What it printed to stderr.
    pub err: String,
}

impl Ran {
    /// The same; fails the test unless the command succeeded.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "the command failed: {self:?}");
        self
    }
}

/// Runs `tidegate` in `folder`.
pub fn tidegate_in(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    for name in std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("TIDEGATE_")) {
        command.env_remove(name);
    }
    let output = command.args(args).current_dir(folder).envs(env.iter().copied()).stdin(Stdio::null()).output();
    let output = output.expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs `tidegate` anywhere.
pub fn tidegate(args: &[&str]) -> Ran {
    tidegate_in(&std::env::temp_dir(), args, &[])
}
