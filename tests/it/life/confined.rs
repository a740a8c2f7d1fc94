//! The bundler itself, confined as a server confines it: what it makes in its folder, and what it does not get out of it.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::support::{esbuild, within};

/// Runs the bundler in `folder`, confined to it or not; gives its exit code and what it said.
async fn bundle(folder: &Path, confined: bool, args: &[&str]) -> (Option<i32>, String) {
    let bundler = std::path::absolute(esbuild()).expect("a path");
    let mut command = match confined {
        true => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
            command.arg("confined").arg(folder).arg(folder.join(".out")).arg(bundler);
            command
        }
        false => Command::new(bundler),
    };
    command.args(args).current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null()).kill_on_drop(true);
    let ended = within("the bundler", command.output()).await.expect("it starts");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[tokio::test]
async fn the_bundler_reads_and_writes_its_folder_only() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("project");
    fs::create_dir_all(folder.join(".out")).expect("folders");
    for (name, text) in [
        ("secret.js", "module.exports = 'canary'"),
        ("project/own.js", "module.exports = 'own'"),
        ("project/good.js", "console.log(require('./own.js'))"),
        ("project/bad.js", "console.log(require('../secret.js'))"),
        ("project/absolute.js", "console.log(require('/etc/hostname'))"),
    ] {
        fs::write(place.path().join(name), text).expect("a file");
    }
    std::os::unix::fs::symlink("../secret.js", folder.join("link.js")).expect("a link");
    let to = "--outfile=.out/bundle.js";
    for (args, works) in [
        (vec!["good.js", "--bundle", to], true),
        (vec!["bad.js", "--bundle", to], false),
        (vec!["absolute.js", "--bundle", "--loader:=text", to], false),
        (vec!["link.js", "--bundle", to], false),
        (vec!["good.js", "--bundle", "--outfile=../stolen.js"], false),
        (vec!["good.js", "--bundle", "--outfile=own.js", "--allow-overwrite"], false),
    ] {
        let _ = fs::remove_file(folder.join(".out/bundle.js"));
        let (code, said) = bundle(&folder, true, &args).await;
        assert_eq!(code == Some(0), works, "{args:?}: {code:?} {said}");
        let made = fs::read_to_string(folder.join(".out/bundle.js")).unwrap_or_default();
        assert_eq!(made.contains("own"), works, "{args:?}: {made}");
        assert!(!made.contains("canary"), "{args:?}: {made}");
    }
    assert!(!place.path().join("stolen.js").exists());
    assert_eq!(fs::read_to_string(folder.join("own.js")).expect("a file"), "module.exports = 'own'");
    // Without it, the same goes through.
    let (code, said) = bundle(&folder, false, &["bad.js", "--bundle", to]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(fs::read_to_string(folder.join(".out/bundle.js")).expect("a bundle").contains("canary"));
}

#[tokio::test]
async fn only_a_program_that_is_named_is_started() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join(".out")).expect("a folder");
    for args in
        [vec![], vec!["folder"], vec!["folder", "folder/.out"], vec!["folder", "folder/.out", "no-such-program"]]
    {
        let ended =
            Command::new(env!("CARGO_BIN_EXE_tidegate")).arg("confined").args(&args).current_dir(place.path()).output();
        let ended = within("it", ended).await.expect("it starts");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(78), "{args:?}: {said}");
        assert!(said.starts_with("confined: "), "{args:?}: {said}");
    }
}
