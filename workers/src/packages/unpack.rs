//! Unpacks a package's tarball: plain files below one folder, within bounds, and nothing else.
//!
//! What a bundler cannot read (declarations, maps, pictures, documentation) is not written at all.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

/// The most entries of a tarball, and the most bytes of all it unpacks to.
const MAX_ENTRIES: usize = 50_000;
const MAX_BYTES: u64 = 512 << 20;
/// The most bytes and parts of a path.
const MAX_PATH_BYTES: usize = 1_024;
const MAX_PART_BYTES: usize = 200;
const MAX_DEPTH: usize = 50;

/// What a bundler can read.
const CODE: [&str; 11] = ["js", "cjs", "mjs", "jsx", "ts", "cts", "mts", "tsx", "json", "txt", "node"];
const DECLARATIONS: [&str; 3] = [".d.ts", ".d.cts", ".d.mts"];

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Bytes written.
    pub bytes: u64,
    /// Whether it is built by a compiler when npm installs it.
    pub native: bool,
}

/// Unpacks a tarball into a folder that exists and is empty. The error says what is wrong with the tarball.
pub(super) fn unpack(tarball: &[u8], into: &Path) -> Result<Contents, String> {
    unpack_within(tarball, into, MAX_BYTES)
}

pub(super) fn unpack_within(tarball: &[u8], into: &Path, max_bytes: u64) -> Result<Contents, String> {
    let bounded = Bounded { inner: MultiGzDecoder::new(tarball), left: max_bytes };
    let mut archive = Archive::new(bounded);
    let mut contents = Contents::default();
    let entries = archive.entries().map_err(|error| unreadable(&error))?;
    for (n, entry) in entries.enumerate() {
        if n == MAX_ENTRIES {
            return Err(format!("it has more than {MAX_ENTRIES} entries"));
        }
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        let path = inside(&entry.path_bytes())?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            other => return Err(format!("its entry {} is no plain file ({other:?})", path.display())),
        }
        if path == Path::new("binding.gyp") {
            contents.native = true;
        }
        if is_code(&path) {
            contents.bytes += write(&mut entry, &into.join(path))?;
        }
    }
    Ok(contents)
}

fn write(from: &mut impl Read, to: &Path) -> Result<u64, String> {
    let folder = to.parent().unwrap_or(to);
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut file = fs::File::create(to)?;
        io::copy(from, &mut file)
    });
    written.map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> String {
    format!("it cannot be unpacked: {error}")
}

fn is_code(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    CODE.contains(&ending) && !DECLARATIONS.iter().any(|declared| name.ends_with(declared))
}

/// The path below the package's folder, whatever that is called.
fn inside(path: &[u8]) -> Result<PathBuf, String> {
    let shown = String::from_utf8_lossy(&path[..path.len().min(100)]).into_owned();
    let no = |why: &str| Err(format!("its entry {shown:?} {why}"));
    let Ok(text) = std::str::from_utf8(path) else { return no("has a name that is no text") };
    if text.len() > MAX_PATH_BYTES {
        return no("has too long a name");
    }
    if text.starts_with('/') || text.contains('\\') || text.chars().any(char::is_control) {
        return no("has a name that is no relative path");
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return no("leads out of its folder");
    }
    if parts.len() > MAX_DEPTH || parts.iter().any(|part| part.len() > MAX_PART_BYTES) {
        return no("has too long a name");
    }
    Ok(parts.iter().skip(1).collect())
}

/// Stops a stream that goes on for too long.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| io::Error::other("it is too large"))?;
        Ok(n)
    }
}
