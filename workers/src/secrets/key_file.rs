//! The file of the master key: readable for its owner only, and replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::master::MasterKey;
use crate::{Error, Result};

const HEADER: &str = "# The master key: without it the secrets in the catalog cannot be read. Keep a copy of this file \
                      apart from\n# backups of the data. The first key encrypts; others are of a rotation that is under way.\n";
/// More is no key file.
const MAX_BYTES: u64 = 64 << 10;

/// The keys of a file, the current one first; `None` when there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<MasterKey>>> {
    let wrong = |why: String| Error::Unavailable(format!("the master key file {}: {why}", path.display()));
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    if metadata.len() > MAX_BYTES {
        return Err(wrong("is too large to be one".to_owned()));
    }
    if metadata.permissions().mode() & 0o007 != 0 {
        tracing::warn!(file = %path.display(), "every user of this machine may read the master key: chmod 600 it");
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?);
    parse(&text).map(Some).map_err(wrong)
}

/// The keys of a text, one to a line.
pub(super) fn parse(text: &str) -> std::result::Result<Vec<MasterKey>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(MasterKey::parse).collect::<std::result::Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err("holds no key".to_owned()) } else { Ok(keys) }
}

/// Makes the file, unless it is there: then another process was quicker, and its key is the one.
pub(super) fn make(path: &Path) -> Result<()> {
    let draft = write_draft(path, &[&MasterKey::generate()?])?;
    let linked = fs::hard_link(&draft, path);
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked.and(removed).and_then(|()| sync_folder(path)).map_err(|error| failed(path, &error)),
    }
}

/// Replaces the file; a kill leaves the old one or the new one.
pub(super) fn replace(path: &Path, keys: &[&MasterKey]) -> Result<()> {
    let draft = write_draft(path, keys)?;
    fs::rename(&draft, path).and_then(|()| sync_folder(path)).map_err(|error| failed(path, &error))
}

fn write_draft(path: &Path, keys: &[&MasterKey]) -> Result<PathBuf> {
    let mut text = Zeroizing::new(HEADER.to_owned());
    for key in keys {
        text.push_str(&key.text());
        text.push('\n');
    }
    let draft = path.with_extension(format!("{:032x}.tmp", rand::random::<u128>()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map(|()| draft.clone()).map_err(|error| failed(path, &error))
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Unavailable(format!("the master key file {} cannot be written: {error}", path.display()))
}
