//! Descriptions of packages on disk, so that not everything is asked for again, and a registry may be down.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schedules::Millis;
use sha2::{Digest as _, Sha256};

use super::digest::hex;

/// A kept description.
pub(super) struct Description {
    pub etag: String,
    pub body: Vec<u8>,
    /// When the registry last said that it is so.
    pub at: Millis,
}

/// The folder of descriptions. Nothing depends on it: what cannot be read or written is asked for again.
#[derive(Clone)]
pub(super) struct Kept(PathBuf);

impl Kept {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(super) async fn read(&self, key: &str) -> Option<Description> {
        let path = self.path(key);
        tokio::task::spawn_blocking(move || {
            let at = modified(&path).ok()?;
            let mut body = fs::read(&path).ok()?;
            let end = body.iter().position(|&byte| byte == b'\n')?;
            let etag = String::from_utf8(body.drain(..=end).take(end).collect()).ok()?;
            Some(Description { etag, body, at })
        })
        .await
        .ok()?
    }

    pub(super) async fn write(&self, key: &str, etag: &str, body: &[u8], now: Millis) {
        let (folder, path) = (self.0.clone(), self.path(key));
        let etag = if etag.contains('\n') { "" } else { etag };
        let bytes = [etag.as_bytes(), b"\n", body].concat();
        let written = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&folder)?;
            put(&path, &bytes)?;
            touch(&path, now)
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(%error, "the description of a package cannot be kept");
        }
    }

    pub(super) async fn touch(&self, key: &str, now: Millis) {
        let path = self.path(key);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || touch(&path, now)).await {
            tracing::warn!(%error, "the description of a package cannot be kept");
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.0.join(hex(&Sha256::digest(key)))
    }
}

/// Writes a file whole or not at all.
pub(super) fn put(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    file.persist(path)?;
    Ok(())
}

/// Notes that something is in use now.
pub(super) fn touch(path: &std::path::Path, now: Millis) -> io::Result<()> {
    fs::File::options().append(true).open(path)?.set_modified(time(now))
}

pub(super) fn modified(path: &std::path::Path) -> io::Result<Millis> {
    let since = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

fn time(at: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}
