//! Tarballs as an attacker would make them: nothing is written outside, nothing runs, nothing unchecked is installed.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::*;
use crate::packages::unpack::{unpack, unpack_within};

const PAYLOAD: &[u8] = b"module.exports = 'evil'";

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("zipped")
}

/// A header whose name is written as it is: the library would refuse most of these.
fn header(name: &[u8], kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o4777);
    header.set_cksum();
    header
}

fn archive(fill: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    fill(&mut builder);
    zipped(&builder.into_inner().expect("an archive"))
}

fn file(name: &[u8]) -> Vec<u8> {
    archive(|builder| {
        builder.append(&header(name, EntryType::Regular, PAYLOAD.len() as u64), PAYLOAD).expect("an entry")
    })
}

fn link(kind: EntryType, target: &str, then: &str) -> Vec<u8> {
    archive(|builder| {
        let mut link = header(b"package/link", kind, 0);
        link.set_link_name_literal(target).expect("a short name");
        link.set_cksum();
        builder.append(&link, &[][..]).expect("a link");
        if !then.is_empty() {
            builder
                .append(&header(then.as_bytes(), EntryType::Regular, PAYLOAD.len() as u64), PAYLOAD)
                .expect("an entry");
        }
    })
}

/// A name that an extension gives to the next entry.
fn extended(name: &str, pax: bool) -> Vec<u8> {
    archive(|builder| {
        if pax {
            let record = format!("path={name}\n");
            let length = (1..).find(|n: &usize| n.to_string().len() + 1 + record.len() == *n).expect("a length");
            let record = format!("{length} {record}");
            builder.append(&header(b"pax", EntryType::XHeader, record.len() as u64), record.as_bytes()).expect("pax");
        } else {
            let long = format!("{name}\0");
            builder
                .append(&header(b"././@LongLink", EntryType::GNULongName, long.len() as u64), long.as_bytes())
                .expect("long");
        }
        builder.append(&header(b"package/x.js", EntryType::Regular, PAYLOAD.len() as u64), PAYLOAD).expect("an entry");
    })
}

/// Every hostile tarball, with what it tries.
fn corpus(outside: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let absolute = outside.join("evil.js").to_string_lossy().into_owned();
    let names = [
        "../evil.js",
        "../../evil.js",
        "../../../../../../tmp/evil.js",
        "package/../../evil.js",
        "package/../../../evil.js",
        "package/a/../../../evil.js",
        "package/..",
        "..",
        "/evil.js",
        "/etc/evil.js",
        "//evil.js",
        "package/./../../evil.js",
        "package\\..\\..\\evil.js",
        "..\\evil.js",
        "C:\\evil.js",
        "package/a\\b.js",
        "./../evil.js",
        "package//../../evil.js",
        "package/\u{1}evil.js",
        "package/a\nb.js",
        "package/a\rb.js",
        "package/\u{7f}.js",
        &absolute,
    ];
    for name in names {
        all.push((format!("name {name:?}"), file(name.as_bytes())));
        if !name.contains('\n') {
            all.push((format!("pax name {name:?}"), extended(name, true)));
        }
    }
    for name in ["../evil.js", "/evil.js", "package/../../evil.js", &absolute] {
        all.push((format!("long name {name:?}"), extended(name, false)));
    }
    all.push(("a name that is no text".into(), file(b"package/\xff\xfe.js")));
    let up = outside.to_string_lossy().into_owned();
    for kind in [EntryType::Symlink, EntryType::Link] {
        for target in ["/etc/passwd", "../../..", "..", &up, "package/x.js"] {
            all.push((format!("{kind:?} to {target}"), link(kind, target, "package/link/evil.js")));
            all.push((format!("{kind:?} to {target} over itself"), link(kind, target, "package/link")));
        }
    }
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse, EntryType::new(b'Z')] {
        let device =
            archive(|builder| builder.append(&header(b"package/device.js", kind, 0), &[][..]).expect("an entry"));
        all.push((format!("{kind:?}"), device));
    }
    let deep = format!("package/{}x.js", "a/".repeat(200));
    all.push(("a deep path".into(), extended(&deep, true)));
    all.push(("a long name".into(), extended(&format!("package/{}.js", "a".repeat(400)), true)));
    all.push(("no tarball".into(), b"<html>not found</html>".to_vec()));
    all.push(("an empty file".into(), Vec::new()));
    all.push(("gzip of nonsense".into(), zipped(&[0x41; 2_000])));
    all.push(("cut off".into(), {
        let whole = file(b"package/x.js");
        whole[..whole.len() / 2].to_vec()
    }));
    all.push((
        "a size that is not there".into(),
        archive(|builder| {
            builder.append(&header(b"package/x.js", EntryType::Regular, 1 << 30), PAYLOAD).expect("an entry");
        }),
    ));
    all.push((
        "too many entries".into(),
        archive(|builder| {
            let entry = header(b"package/d", EntryType::Directory, 0);
            (0..=50_000).for_each(|_| builder.append(&entry, &[][..]).expect("an entry"));
        }),
    ));
    all.push((
        "a file that is also a folder".into(),
        archive(|builder| {
            for name in [&b"package/a.js"[..], b"package/a.js/evil.js"] {
                builder.append(&header(name, EntryType::Regular, PAYLOAD.len() as u64), PAYLOAD).expect("an entry");
            }
        }),
    ));
    all
}

#[test]
fn hostile_tarballs_write_nothing_outside() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let outside = folder.path().join("outside");
    std::fs::create_dir(&outside).expect("a folder");
    let corpus = corpus(&outside);
    assert!(corpus.len() >= 60, "{}", corpus.len());
    println!("{} hostile tarballs", corpus.len());
    for (n, (what, tarball)) in corpus.into_iter().enumerate() {
        let into = folder.path().join(format!("deep/er/{n}"));
        std::fs::create_dir_all(&into).expect("a folder");
        let refused = unpack(&tarball, &into);
        assert!(refused.is_err(), "{what} was unpacked: {refused:?}");
        assert_eq!(std::fs::read_dir(&outside).expect("a folder").count(), 0, "{what} wrote outside");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "{what} wrote outside");
        assert_eq!(std::fs::read_dir(folder.path().join("deep")).expect("a folder").count(), 1, "{what} wrote outside");
        assert_eq!(
            std::fs::read_dir(folder.path().join("deep/er")).expect("a folder").count(),
            n + 1,
            "{what} wrote outside"
        );
        for path in walk(&into) {
            assert!(
                std::fs::symlink_metadata(&path).expect("facts").file_type().is_file(),
                "{what} made {}",
                path.display()
            );
        }
    }
    assert!(!Path::new("/tmp/evil.js").exists() && !Path::new("/evil.js").exists());
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_dir() {
            found.extend(walk(&entry.path()))
        } else {
            found.push(entry.path())
        }
    }
    found
}

#[test]
fn a_bomb_ends_at_the_bound() {
    // A few kB that unpack to more than the bound: once as code, once as documentation, which is not even written.
    for name in ["package/index.js", "package/README.md"] {
        let bomb = archive(|builder| {
            let zeroes = vec![0; 4 << 20];
            builder
                .append(&header(name.as_bytes(), EntryType::Regular, zeroes.len() as u64), &zeroes[..])
                .expect("an entry");
        });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let refused = unpack_within(&bomb, folder.path(), 1 << 20).expect_err("a bomb");
        assert!(refused.contains("too large"), "{refused}");
        let written = walk(folder.path()).iter().map(|path| std::fs::metadata(path).expect("facts").len()).sum::<u64>();
        assert!(written <= 1 << 20, "{written}");
    }
}

#[test]
fn only_code_is_written_and_its_mode_is_ours() {
    let tarball = archive(|builder| {
        for name in [
            "package/index.js",
            "package/lib/a.mjs",
            "package/index.d.ts",
            "package/README.md",
            "package/logo.png",
            "package/x.js.map",
            "package/binding.gyp",
            "package/data.json",
            "package/run.sh",
            "package/package.json",
        ] {
            builder
                .append(&header(name.as_bytes(), EntryType::Regular, PAYLOAD.len() as u64), PAYLOAD)
                .expect("an entry");
        }
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let contents = unpack(&tarball, folder.path()).expect("unpacked");
    assert!(contents.native);
    let mut names: Vec<String> = walk(folder.path())
        .iter()
        .map(|path| path.strip_prefix(folder.path()).expect("inside").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["data.json", "index.js", "lib/a.mjs", "package.json"]);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(folder.path().join("index.js")).expect("facts").permissions().mode();
    assert_eq!(mode & 0o7111, 0, "neither executable nor set-uid");
}

#[tokio::test]
async fn no_script_of_a_package_runs() {
    let world = World::new();
    let marker = world.data().join("ran");
    let touch = format!("touch {}", marker.display());
    let scripts = json!({ "preinstall": touch, "install": touch, "postinstall": touch, "prepare": touch });
    world.registry.publish("a", "1.0.0", json!({ "scripts": scripts, "hasInstallScript": true }), &[("index.js", "1")]);
    world.build(&draft(json!({ "a": "1" })), None).await.expect("built");
    assert!(!marker.exists());
}

#[tokio::test]
async fn a_hostile_tarball_is_refused_by_name() {
    let world = World::new();
    world.registry.publish_tarball("evil", "1.0.0", json!({}), file(b"package/../../../evil.js"));
    let error = world.refusal(json!({ "evil": "1" })).await;
    assert_eq!(error.code, "package_malformed");
    assert!(error.message.contains("evil@1.0.0") && error.message.contains("leads out"), "{error:?}");
    let left = std::fs::read_dir(world.data().join("packages/unpacked")).expect("a folder").count();
    assert_eq!(left, 0, "nothing stays of it");
}
