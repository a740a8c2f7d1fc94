//! The server as its clients outside see it: the package in Node and in a browser, and the snippets of the documentation.

mod browser;
mod keys;
mod package;
mod snippets;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::support::within;

/// The folder of the package, built.
fn package() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk");
    assert!(folder.join("dist/index.js").is_file(), "the client is not built: run `make sdk`");
    folder
}

/// Runs a program in `folder`; fails the test with what it printed unless it succeeds. Gives its stdout.
async fn run(program: &str, args: &[&str], folder: &Path, env: &[(&str, &str)]) -> String {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).envs(env.iter().copied()).kill_on_drop(true).stdin(Stdio::null());
    let output = within(program, command.output()).await;
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run ({error}): `make clients` installs it"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{program} {args:?}: {}\n{out}\n{err}", output.status);
    out
}
