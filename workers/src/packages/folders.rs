//! Every package once, unpacked, under the SHA-512 of its tarball; linked into the folders that are bundled.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schedules::Millis;

use super::digest::Digest;
use super::kept::touch;
use super::unpack::{Contents, unpack};

/// A package's own folder in its entry, and the file that says what it is and is written last.
const PACKAGE: &str = "package";
const FACTS: &str = "facts";
const NATIVE: &str = "native";

/// Where packages are kept; several processes may share it.
#[derive(Clone)]
pub(super) struct Folders(PathBuf);

impl Folders {
    pub(super) fn new(root: PathBuf) -> Self {
        Self(root)
    }

    /// What is known of a package, if it is here; it counts as used now.
    pub(super) fn find(&self, digest: &Digest, now: Millis) -> Option<Contents> {
        let facts = self.entry(digest).join(FACTS);
        let text = fs::read_to_string(&facts).ok()?;
        let (bytes, kind) = text.split_once(' ')?;
        touch(&facts, now).ok()?;
        Some(Contents { bytes: bytes.parse().ok()?, native: kind == NATIVE })
    }

    /// Unpacks a tarball whose hash was checked. Of two who do so at once, the first one's stays.
    pub(super) fn add(&self, digest: &Digest, tarball: &[u8], now: Millis) -> io::Result<Result<(), String>> {
        fs::create_dir_all(&self.0)?;
        let draft = tempfile::Builder::new().prefix(".new-").tempdir_in(&self.0)?;
        let package = draft.path().join(PACKAGE);
        fs::create_dir(&package)?;
        let contents = match unpack(tarball, &package) {
            Ok(contents) => contents,
            Err(why) => return Ok(Err(why)),
        };
        let facts = draft.path().join(FACTS);
        fs::write(&facts, format!("{} {}", contents.bytes, if contents.native { NATIVE } else { "plain" }))?;
        touch(&facts, now)?;
        match fs::rename(draft.path(), self.entry(digest)) {
            Err(_) if self.find(digest, now).is_some() => Ok(Ok(())),
            moved => moved.map(Ok),
        }
    }

    /// Puts a package's files where a bundler finds them.
    pub(super) fn link(&self, digest: &Digest, into: &Path) -> io::Result<()> {
        link(&self.entry(digest).join(PACKAGE), into)
    }

    fn entry(&self, digest: &Digest) -> PathBuf {
        self.0.join(digest.hex())
    }
}

fn link(from: &Path, into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), into.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            link(&from, &to)?;
        } else if fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
