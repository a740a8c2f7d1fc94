//! `tidegate dev`: what is saved is released; what does not compile is not, and the last good release stays.

use std::fs;
use std::path::Path;

use crate::support::{Spawned, tidegate_in};

async fn dev(folder: &Path) -> Spawned {
    let mut dev = Spawned::start(folder, &["dev", "--listen", "127.0.0.1:0", "--echo", "127.0.0.1:0"], &[]);
    dev.hears("listening on http://").await;
    dev
}

fn milliseconds(line: &str) -> u64 {
    let number = line.rsplit_once(" in ").and_then(|(_, rest)| rest.split_once(" ms")).map(|(number, _)| number);
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no time in {line:?}"))
}

#[tokio::test]
async fn a_save_is_a_release_and_a_broken_one_is_shown() {
    let root = tempfile::tempdir().unwrap();
    tidegate_in(root.path(), &["new", "hello"], &[]).ok();
    let mut dev = dev(root.path()).await;
    let code = root.path().join("hello/integration.js");
    let good = fs::read_to_string(&code).unwrap();
    let mut times = Vec::new();
    for n in 1..=5 {
        fs::write(&code, format!("{good}// {n}\n")).unwrap();
        let line = dev.hears(&format!("1.{n} in ")).await;
        assert!(line.contains("reloaded") && line.contains("hello"), "{line}");
        times.push(milliseconds(&line));
    }
    println!("from save to release, in ms: {times:?}");
    fs::write(&code, "module.exports = (;\n").unwrap();
    dev.hears("was not reloaded").await;
    dev.hears("integration.js:1").await;
    dev.hears("1.5, the last good release, keeps running").await;
    fs::write(&code, good).unwrap();
    dev.hears("1.6 in ").await;
    assert_eq!(dev.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn folders_come_and_go() {
    let root = tempfile::tempdir().unwrap();
    let mut dev = dev(root.path()).await;
    assert!(dev.heard().iter().any(|line| line.contains("tidegate new")), "an empty folder says what to do next");
    tidegate_in(root.path(), &["new", "late"], &[]).ok();
    dev.hears("1.0 in ").await;
    let aside = root.path().join(".aside");
    fs::rename(root.path().join("late"), &aside).unwrap();
    dev.hears("its folder is gone").await;
    fs::rename(&aside, root.path().join("late")).unwrap();
    dev.hears("is back").await;
    assert!(root.path().join(".tidegate/.gitignore").is_file());
}

#[tokio::test]
async fn a_hook_says_where_it_is_and_what_it_needs() {
    let root = tempfile::tempdir().unwrap();
    let mut dev = dev(root.path()).await;
    tidegate_in(root.path(), &["new", "calls", "--trigger", "http"], &[]).ok();
    dev.hears("called at /hooks/default/calls").await;
    dev.hears("the secret HOOK_TOKEN, which is not set").await;
}
